//! Requests about accounts and sessions.

use super::body::Body;
use super::dice::Dice;
use super::state::Account;
use super::story::Story;

/// A phone as it is sent, and as it is kept; none: it is no phone.
const PHONES: &[(&str, Option<&str>)] = &[
    ("13800138000", Some("13800138000")),
    ("+8613800138000", Some("13800138000")),
    ("13900139000", Some("13900139000")),
    ("+4915112345678", Some("+4915112345678")),
    ("1380013800", None),
    ("１３８００１３８０００", None),
    ("+", None),
];
/// Whether it is a name.
const NAMES: &[(&str, bool)] = &[
    ("张三", true),
    ("a", true),
    ("1234567890123456", true),
    ("<b>'%_", true),
    ("12345678901234567", false),
    (" ", false),
    ("a\nb", false),
];
/// Whether it may be tried, and whether it may be chosen.
const PASSWORDS: &[(&str, bool, bool)] = &[
    ("geheim-1", true, true),
    ("geheim-2", true, true),
    ("short", true, false),
    ("12345678901234567", false, false),
    ("geheim\0x", false, false),
];
const EMAILS: &[(&str, bool)] = &[("a@b.cn", true), ("张三@例子.中国", true), ("a@b@c", false)];
const BIRTHS: &[i64] = &[0, -1, i64::MIN, i64::MAX, 631_152_000_000];
impl Story<'_> {
    /// Two people who have signed in, so that everything can happen from the first request on.
    pub(super) fn begin(&mut self) {
        for phone in [0, 2] {
            // The choices of `register` and `login`: who, and the first of everything else.
            self.at_its_time(|story| story.register(&mut Dice(&[phone])));
            self.at_its_time(|story| story.login(&mut Dice(&[phone])));
        }
        assert_eq!(self.model.tokens.len(), 2);
    }

    pub(super) fn register(&mut self, dice: &mut Dice<'_>) {
        let (phone, kept) = dice.pick(PHONES);
        let (name, named) = dice.pick(NAMES);
        let (password, _, chosen) = dice.pick(PASSWORDS);
        let mut body = Body::default()
            .with("phone", phone)
            .with("name", name)
            .with("password", password);
        let (mut email, mut birth, mut good) = ("", None, named && chosen);
        if dice.once_in(2) {
            let (text, valid) = dice.pick(EMAILS);
            (email, good) = (text, good && valid);
            body = body.with("email", text);
        }
        if dice.once_in(2) {
            birth = Some(dice.pick(BIRTHS));
            body = body.with("birth", birth);
        }
        let code = match kept {
            Some(kept) if good => match self.model.by_phone(kept) {
                Some(_) => 101,
                None => 100,
            },
            _ => 1,
        };
        let done = self.ask("/app/register", body, None, &vec![code], dice);
        if let (Some(_), Some(kept)) = (done, kept) {
            self.model.accounts.push(Account {
                phone: kept.to_owned(),
                name: name.to_owned(),
                email: email.to_owned(),
                birth,
                password: password.to_owned(),
                has_been_here: false,
                avatar: None,
            });
        }
    }

    pub(super) fn test_phone(&mut self, dice: &mut Dice<'_>) {
        let (phone, kept) = dice.pick(PHONES);
        let code = match kept.map(|kept| self.model.by_phone(kept)) {
            None => 1,
            Some(None) => 102,
            Some(Some(_)) => 101,
        };
        let body = Body::default().with("phone", phone);
        self.ask("/app/register/testphone", body, None, &vec![code], dice);
    }

    pub(super) fn login(&mut self, dice: &mut Dice<'_>) {
        let (phone, kept) = dice.pick(PHONES);
        let (password, tried, _) = dice.pick(PASSWORDS);
        let account = kept.map(|kept| self.model.by_phone(kept));
        let code = match account {
            None => 1,
            Some(_) if !tried => 1,
            Some(None) => 111,
            Some(Some(account)) if self.model.accounts[account].password != password => 112,
            Some(Some(_)) => 110,
        };
        let body = Body::default()
            .with("phone", phone)
            .with("password", password);
        let done = self.ask("/app/login", body, None, &vec![code], dice);
        if let (Some(answer), Some(Some(account))) = (done, account) {
            let known = &mut self.model.accounts[account].has_been_here;
            let first = !std::mem::replace(known, true);
            assert_eq!(answer.json["first_time"], first);
            let token = answer.json["token"].as_str().unwrap().to_owned();
            assert!(!self.model.tokens.contains(&token), "a token came again");
            self.model.open_session(account, &token);
        }
    }

    pub(super) fn modify(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let mut body = Body::default();
        let (mut name, mut password, mut birth, mut old) = (None, None, None, None);
        if dice.once_in(2) {
            name = Some(dice.pick(NAMES));
            body = body.with("name", name.map(|name| name.0));
        }
        if dice.once_in(2) {
            password = Some(dice.pick(PASSWORDS));
            body = body.with("password", password.map(|password| password.0));
        }
        if dice.once_in(2) {
            birth = Some(dice.pick(BIRTHS));
            body = body.with("birth", birth);
        }
        if dice.once_in(4) {
            old = Some(dice.pick(PASSWORDS));
            body = body.with("old_password", old.map(|old| old.0));
        }
        let bad = name.is_some_and(|name| !name.1)
            || password.is_some_and(|password| !password.2)
            || old.is_some_and(|old| !old.1);
        let code = match &asker.who {
            Err(code) => *code,
            Ok(_) if bad => 1,
            Ok((account, _)) => {
                let account = &self.model.accounts[*account];
                let changes = name.is_some_and(|name| name.0 != account.name)
                    || password.is_some_and(|new| new.0 != account.password)
                    || birth.is_some_and(|birth| Some(birth) != account.birth);
                match old {
                    Some(old) if old.0 != account.password => 112,
                    _ if changes => 150,
                    _ => 151,
                }
            }
        };
        let path = dice.pick(&["/app/user/modify", "/app/user/modifyinfo"]);
        let done = self.ask(path, body, Some(&asker), &vec![code], dice);
        if let (Some(_), Ok((account, token))) = (done, asker.who) {
            let kept = &mut self.model.accounts[account];
            kept.birth = birth.or(kept.birth);
            if let Some((name, _)) = name {
                kept.name = name.to_owned();
            }
            if let Some((password, ..)) = password
                && kept.password != password
            {
                kept.password = password.to_owned();
                self.model.end_others(account, &token);
            }
        }
    }

    pub(super) fn leave(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        let code = asker.who.as_ref().map_or_else(|code| *code, |_| 0);
        if dice.once_in(2) {
            let body = Body::default();
            let done = self.ask("/app/user/logout", body, Some(&asker), &vec![code], dice);
            if let (Some(_), Ok((_, token))) = (done, asker.who) {
                self.model.sessions.remove(&token);
            }
        } else {
            let body = Body::default().with("revoke", "others");
            let done = self.ask("/app/user/sessions", body, Some(&asker), &vec![code], dice);
            if let (Some(_), Ok((account, token))) = (done, asker.who) {
                self.model.end_others(account, &token);
            }
        }
    }

    /// Everything that one account can see.
    pub(super) fn look(&mut self, dice: &mut Dice<'_>) {
        let asker = self.asker(dice);
        match asker.who.clone() {
            Ok((account, token)) => self.check_view(account, &token),
            Err(code) => {
                let path = dice.pick(&[
                    "/app/user/info",
                    "/app/user/get_avatar",
                    "/app/user/getownfilelist",
                    "/app/user/getfilelist",
                    "/app/user/sessions",
                ]);
                self.ask(path, Body::default(), Some(&asker), &vec![code], dice);
            }
        }
    }
}
