//! Requests of the contract about files.

use super::body::Body;
use super::check::Checked;
use super::dice::Dice;
use super::state::Entry;
use super::story::{Asker, Expected, Story};
use super::world::{MAX_AVATAR, MAX_FILE};

impl Story<'_> {
    /// Bytes, some of them known to everybody and some of a length that decides something.
    pub(super) fn some_content(dice: &mut Dice<'_>, most: usize) -> Vec<u8> {
        let length = if dice.once_in(3) {
            dice.pick(&[0, 3, 7, 100, 33_000, most - 1, most, most + 1])
        } else {
            // Few, so that they meet again.
            dice.pick(&[1, 2])
        };
        vec![dice.byte() % 2; length]
    }

    pub(super) fn avatar(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let content = Self::some_content(dice, MAX_AVATAR);
        let body = Body {
            data: Some(content.clone()),
            ..Body::default()
        };
        let expected = expected_upload(&asker, &content, MAX_AVATAR, 120, true);
        let done = self.ask("/app/user/avatar", body, Some(&asker), &expected, dice);
        if let (Some(_), Ok((account, _))) = (done, asker.who) {
            self.model.accounts[account].avatar = Some(content);
        }
    }

    pub(super) fn upload(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let content = Self::some_content(dice, MAX_FILE);
        let (entry, body, mut good) = self.entry(dice, &content);
        let mut body = Body {
            data: Some(content.clone()),
            ..body
        };
        if dice.once_in(3) {
            let (digest, right) = digest(dice, &content);
            good &= right;
            body = body.with("md5", digest);
        }
        let expected = expected_upload(&asker, &content, MAX_FILE, 130, good);
        let done = self.ask("/app/user/upload", body, Some(&asker), &expected, dice);
        self.stored(done, &asker, entry);
    }

    pub(super) fn claim(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let content = Self::some_content(dice, MAX_FILE);
        let (entry, body, good) = self.entry(dice, &content);
        let body = body.with("md5", md5_hex(&content));
        let code = match &asker.who {
            Err(code) => *code,
            Ok(_) if !good => 1,
            Ok((account, _)) if self.model.can_claim(*account, &content) => 131,
            Ok(_) => 2,
        };
        let done = self.ask("/app/user/upload", body, Some(&asker), &vec![code], dice);
        self.stored(done, &asker, entry);
    }

    /// A title and a visibility, and whether they are good.
    pub(super) fn entry(&self, dice: &mut Dice<'_>, content: &[u8]) -> (Entry, Body, bool) {
        let (title, good) = some_title(dice);
        let mut body = Body::default().with("name", title.clone());
        let public = dice.pick(&[None, Some(true), Some(false)]);
        if public.is_some() {
            body = body.with("public", public);
        }
        let entry = Entry {
            owner: 0,
            title,
            content: content.to_vec(),
            public: public.unwrap_or(true),
            stored: (0, 0),
        };
        (entry, body, good)
    }

    pub(super) fn stored(&mut self, done: Option<Checked>, asker: &Asker, entry: Entry) {
        if let (Some(answer), Ok((account, _))) = (done, &asker.who) {
            let fid = answer.json["fid"].as_str().unwrap();
            let owner = *account;
            self.model.store(fid, Entry { owner, ..entry });
        }
    }

    /// A fid that is or was one, or never was.
    pub(super) fn some_fid(&self, dice: &mut Dice<'_>) -> String {
        match dice.byte() % 8 {
            0 => "no-id".to_owned(),
            1 => "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
            _ if self.model.fids.is_empty() => "none-yet".to_owned(),
            _ => dice.pick(&self.model.fids),
        }
    }

    pub(super) fn get_file(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let fid = self.some_fid(dice);
        let found = asker.who.clone().map(|(account, _)| {
            let entry = self.model.readable(account, &fid);
            entry.cloned()
        });
        let code = match &found {
            Err(code) => *code,
            Ok(None) => 2,
            Ok(Some(_)) => 140,
        };
        let body = Body::default().with("fid", fid);
        let done = self.ask("/app/user/getfile", body, Some(&asker), &vec![code], dice);
        if let (Some(answer), Ok(Some(entry))) = (done, found) {
            super::finish::check_file(&answer, &entry);
        }
    }
}

fn some_title(dice: &mut Dice<'_>) -> (String, bool) {
    if !dice.once_in(4) {
        return ("title".to_owned(), true);
    }
    let (text, count, good) = dice.pick(&[
        ("a", 1, true),
        ("../'%\"\\报告", 1, true),
        ("字", 255, true),
        ("字", 256, false),
        ("a\rb", 1, false),
        ("\0", 1, false),
    ]);
    (text.repeat(count), good)
}

/// The codes of an upload. Where several things are wrong, which one is found first depends on the order of the
/// fields, as far as it is not the token's turn anyhow.
pub(super) fn expected_upload(
    asker: &Asker,
    content: &[u8],
    most: usize,
    success: u16,
    good: bool,
) -> Expected {
    let mut codes = upload_codes(asker, content, most, success, good);
    // What is more than trifling is judged while it arrives, by the header if the field has not come yet.
    if content.len() >= 32 * 1024 && asker.header.as_deref() == Some("other") {
        codes.push(3);
    }
    codes
}

fn upload_codes(asker: &Asker, content: &[u8], most: usize, success: u16, good: bool) -> Expected {
    let too_large = content.len() > most;
    match &asker.who {
        Err(code) if too_large => vec![*code, 6],
        Err(code) => vec![*code],
        Ok(_) => match (too_large, good && !content.is_empty()) {
            (true, true) => vec![6],
            (true, false) => vec![6, 1],
            (false, false) => vec![1],
            (false, true) => vec![success],
        },
    }
}

fn digest(dice: &mut Dice<'_>, content: &[u8]) -> (String, bool) {
    match dice.byte() % 4 {
        0 => (md5_hex(content).to_uppercase(), true),
        1 => (md5_hex(b"something else"), false),
        2 => ("0".repeat(31), false),
        _ => (md5_hex(content), true),
    }
}

fn md5_hex(bytes: &[u8]) -> String {
    format!("{:x}", md5::compute(bytes))
}
