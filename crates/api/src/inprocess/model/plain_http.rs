//! Requests below `/api/v1`.

use kms_api::inprocess::Ask;

use super::body::percent;
use super::dice::Dice;
use super::files::expected_upload;
use super::story::{Asker, Story};
use super::world::MAX_FILE;

impl Story<'_> {
    pub(super) fn create(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let content = Self::some_content(dice, MAX_FILE);
        let (entry, _, good) = self.entry(dice, &content);
        let title = percent(entry.title.as_bytes());
        let public = entry.public;
        let expected = match plain_asker(&asker) {
            Err(code) => vec![code],
            Ok(()) if !good => vec![1],
            Ok(()) => expected_upload(&asker, &content, MAX_FILE, 130, true),
        };
        let ask = Ask {
            method: "POST",
            target: format!("/api/v1/files?name={title}&public={public}"),
            headers: bearer(&asker),
            pieces: dice.cut(content),
        };
        let done = self.send(ask, Some(&expected));
        self.stored(done, &asker, entry);
    }

    pub(super) fn delete(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let fid = self.some_fid(dice);
        let owner = self.model.files.get(&fid).map(|entry| entry.owner);
        let code = match (plain_asker(&asker), &asker.who) {
            (Err(code), _) => code,
            (_, Ok((account, _))) if owner == Some(*account) => 0,
            _ => 2,
        };
        let ask = Ask {
            method: "DELETE",
            target: format!("/api/v1/files/{fid}"),
            headers: bearer(&asker),
            pieces: Vec::new(),
        };
        if self.send(ask, Some(&vec![code])).is_some() {
            self.model.files.remove(&fid);
        }
    }

    pub(super) fn content(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let fid = self.some_fid(dice);
        let mut headers = bearer(&asker);
        let numbers = [
            "",
            "0",
            "1",
            "2",
            "99",
            "33000",
            "59999",
            "60000",
            "99999999999999999999",
        ];
        let range = format!("bytes={}-{}", dice.pick(&numbers), dice.pick(&numbers));
        headers.push(("range", range.clone().into_bytes()));
        let entry = match (plain_asker(&asker), &asker.who) {
            (Ok(()), Ok((account, _))) => self.model.readable(*account, &fid).cloned(),
            _ => None,
        };
        let size = entry.as_ref().map_or(0, |entry| entry.content.len() as u64);
        let span = kms_api::inprocess::plain::range(range.as_bytes(), size);
        let code = match (plain_asker(&asker), &entry, span) {
            (Err(code), ..) => code,
            (_, None, _) => 2,
            (_, Some(_), Some(None)) => 1,
            _ => 140,
        };
        let ask = Ask {
            method: "GET",
            target: format!("/api/v1/files/{fid}/content"),
            headers,
            pieces: Vec::new(),
        };
        let done = self.send(ask, Some(&vec![code]));
        if let (Some(answer), Some(entry)) = (done, entry) {
            let (start, length) = span.flatten().unwrap_or((0, size));
            let wanted = &entry.content[start as usize..(start + length) as usize];
            assert!(answer.reply.body == wanted, "{range} of {size}");
            assert_eq!(answer.reply.status, if span.is_some() { 206 } else { 200 });
        }
    }
}

/// Below `/api/v1` only the header counts.
fn plain_asker(asker: &Asker) -> Result<(), u16> {
    match &asker.header {
        None => Err(4),
        Some(token) if token == "other" => Err(3),
        Some(_) => asker.who.clone().map(|_| ()),
    }
}

fn bearer(asker: &Asker) -> Vec<(&'static str, Vec<u8>)> {
    let header = asker.header.iter();
    header
        .map(|token| ("authorization", format!("Bearer {token}").into_bytes()))
        .collect()
}
