//! Comparing everything that can be seen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::body::Body;
use super::check::Checked;
use super::state::Entry;
use super::story::Story;

impl Story<'_> {
    /// Looks at everything through the eyes of each account that has a session.
    pub(super) fn finish(&mut self) {
        if self.is_over() {
            return;
        }
        for account in 0..self.model.accounts.len() {
            if let Some(token) = self.model.open(account).first().cloned() {
                self.check_view(account, &token);
            }
        }
        for token in self.model.tokens.clone() {
            if self.model.account_of(&token).is_none() {
                self.refused("/app/user/info", &token, Body::default(), 3);
            }
        }
    }

    pub(super) fn check_view(&mut self, account: usize, token: &str) {
        let answer = self.must("/app/user/info", token, Body::default(), 0);
        let kept = self.model.accounts[account].clone();
        assert_eq!(answer.json["phone"], kept.phone);
        assert_eq!(answer.json["name"], kept.name);
        assert_eq!(answer.json["email"], kept.email);
        let birth = kept.birth.map(|birth| birth.to_string());
        assert_eq!(answer.json["birth"], birth.unwrap_or_default());
        match kept.avatar {
            Some(avatar) => {
                let answer = self.must("/app/user/get_avatar", token, Body::default(), 121);
                assert!(data(&answer) == avatar, "an avatar has changed");
            }
            None => self.refused("/app/user/get_avatar", token, Body::default(), 2),
        }
        let answer = self.must("/app/user/sessions", token, Body::default(), 0);
        assert_eq!(answer.json["total"], self.model.open(account).len());
        let answer = self.must("/app/user/getownfilelist", token, Body::default(), 0);
        check_list(&answer, &self.model.own(account));
        let answer = self.must("/app/user/getfilelist", token, Body::default(), 0);
        check_list(&answer, &self.model.recommended(account));
        for fid in self.model.fids.clone() {
            let body = Body::default().with("fid", fid.clone());
            match self.model.readable(account, &fid).cloned() {
                Some(entry) => {
                    let answer = self.must("/app/user/getfile", token, body, 140);
                    check_file(&answer, &entry);
                }
                None => self.refused("/app/user/getfile", token, body, 2),
            }
        }
    }
}

pub(super) fn check_file(answer: &Checked, entry: &Entry) {
    assert_eq!(answer.json["name"], entry.title);
    assert!(data(answer) == entry.content, "a file has changed");
}

fn check_list(answer: &Checked, entries: &[(&String, &Entry)]) {
    let fids: Vec<_> = entries.iter().map(|(fid, _)| (*fid).clone()).collect();
    let names: Vec<_> = entries.iter().map(|(_, e)| e.title.clone()).collect();
    let dates: Vec<_> = entries.iter().map(|(_, e)| e.stored.0).collect();
    assert_eq!(answer.texts("fidlist"), fids);
    assert_eq!(answer.texts("namelist"), names);
    assert_eq!(answer.json["datelist"], serde_json::json!(dates));
    assert_eq!(answer.json["total"], entries.len());
}

fn data(answer: &Checked) -> Vec<u8> {
    let text = answer.json["data"].as_str().expect("data");
    STANDARD.decode(text).expect("base64")
}
