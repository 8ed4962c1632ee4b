//! One request after the other, each with the codes that the model allows.

use kms_api::inprocess::{Ask, Reply};
use kms_domain::Timestamp;
use serde_json::json;

use super::body::{Body, Format, percent};
use super::check::Checked;
use super::dice::Dice;
use super::state::Model;
use super::world::World;

const HOUR: i64 = 60 * 60 * 1000;

type Send<'a> = &'a dyn Fn(Ask) -> Reply;

pub(super) struct Story<'a> {
    pub(super) model: Model,
    world: &'a World,
    send: Send<'a>,
    /// Hours that the clock was wound, and requests that were sent.
    hours: i64,
    count: i64,
    over: bool,
}

/// Who asks, as the request shows it, and as the model sees it.
pub(super) struct Asker {
    field: Option<String>,
    pub(super) header: Option<String>,
    /// The account and the token, or the code of the refusal.
    pub(super) who: Result<(usize, String), u16>,
}

/// What was answered, and what it should have been answered with.
pub(super) type Expected = Vec<u16>;

impl<'a> Story<'a> {
    pub(super) fn new(world: &'a World, send: Send<'a>) -> Self {
        Self {
            model: Model::default(),
            world,
            send,
            hours: 0,
            count: 0,
            over: false,
        }
    }

    /// Whether something has succeeded of which the model does not know what it was.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Does something at a time of its own, so that nothing is equally old.
    pub(super) fn at_its_time(&mut self, act: impl FnOnce(&mut Self)) {
        self.count += 1;
        self.model.now = self.hours * HOUR + self.count + 1_800_000_000_000;
        let now = Timestamp::from_millis(self.model.now);
        self.world.clock.set(now);
        act(self);
    }

    pub(super) fn step(&mut self, dice: &mut Dice<'_>) {
        self.at_its_time(|story| story.act(dice));
    }

    fn act(&mut self, dice: &mut Dice<'_>) {
        match dice.byte() % 20 {
            0 | 1 => self.register(dice),
            2 | 3 => self.login(dice),
            4 => self.test_phone(dice),
            5 => self.modify(dice),
            6 => self.avatar(dice),
            7..=9 => self.upload(dice),
            10 => self.claim(dice),
            11 | 12 => self.get_file(dice),
            13 => self.create(dice),
            14 => self.delete(dice),
            15 => self.content(dice),
            16 => self.leave(dice),
            17 => self.look(dice),
            18 => self.raw(dice),
            _ => self.hours += dice.pick(&[1, 24, -1, -24, 72, 2000, -2000]),
        }
    }

    /// Who asks: somebody with a token that is good, was good or never was, or nobody.
    pub(super) fn asker(&self, dice: &mut Dice<'_>) -> Asker {
        let token = match dice.byte() % 24 {
            0 => None,
            1 => Some(String::new()),
            2 => Some("made-up".to_owned()),
            _ if self.model.tokens.is_empty() => None,
            _ => Some(dice.pick(&self.model.tokens)),
        };
        let who = match token.as_deref() {
            None | Some("") => Err(4),
            Some(token) => match self.model.account_of(token) {
                Some(account) => Ok((account, token.to_owned())),
                None => Err(3),
            },
        };
        let (field, header) = match dice.byte() % 3 {
            0 => (token, None),
            1 => (None, token),
            // The field wins, if there is one.
            _ => match token {
                Some(token) => (Some(token), Some("other".to_owned())),
                None => (None, None),
            },
        };
        Asker { field, header, who }
    }

    /// Sends a request of the contract, spoils it now and then, and checks the code. `None`: it was refused.
    pub(super) fn ask(
        &mut self,
        path: &str,
        mut body: Body,
        asker: Option<&Asker>,
        expected: &Expected,
        dice: &mut Dice<'_>,
    ) -> Option<Checked> {
        let format = dice.pick(&[Format::Json, Format::Form, Format::Multipart]);
        let mut expected = expected.clone();
        // A NUL is found where it stands, which may be in front of the token; then the header counts.
        let texts = body.fields.iter().filter_map(|(_, value)| value.as_str());
        if texts.into_iter().any(|text| text.contains('\0')) {
            expected.extend([1, 3]);
        }
        let mut headers = Vec::new();
        if let Some(asker) = asker {
            if let Some(token) = &asker.field {
                body.fields.push(("token", json!(token)));
            }
            if let Some(token) = &asker.header {
                headers.push(("authorization", format!("Bearer {token}").into_bytes()));
            }
        }
        let (content_type, mut bytes) = body.encode(format, dice);
        headers.push(("content-type", content_type));
        let spoilt = dice.once_in(8) && !bytes.is_empty();
        if spoilt {
            let at = dice.below(bytes.len());
            match dice.byte() % 3 {
                0 => bytes[at] = dice.byte(),
                1 => bytes.truncate(at),
                _ => bytes.insert(at, dice.byte()),
            }
        }
        let ask = Ask {
            method: "POST",
            target: path.to_owned(),
            headers,
            pieces: dice.cut(bytes),
        };
        self.send(ask, (!spoilt).then_some(&expected))
    }

    /// Sends a request and checks its answer; without an expectation, only that a refusal changes nothing.
    pub(super) fn send(&mut self, ask: Ask, expected: Option<&Expected>) -> Option<Checked> {
        let what = format!("{ask:?}");
        let before = self.world.size();
        let answer = Checked::new(&ask.target.clone(), (self.send)(ask));
        if !answer.is_success() {
            assert_eq!(self.world.size(), before, "refused, and yet: {what}");
        }
        match expected {
            Some(expected) => {
                assert!(
                    expected.contains(&answer.code),
                    "{expected:?} {what}: {answer:?}"
                );
                answer.is_success().then_some(answer)
            }
            None => {
                self.over |= answer.is_success();
                None
            }
        }
    }

    /// Bytes that nobody has made, to some route.
    pub(super) fn raw(&mut self, dice: &mut Dice<'_>) {
        let routes: Vec<_> = kms_api::endpoints().collect();
        let route = dice.pick(&routes);
        let method = dice.pick(&["POST", "GET", "HEAD", "DELETE", "PUT", "OPTIONS"]);
        let length = dice.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| dice.byte()).collect();
        if method == "HEAD" {
            return;
        }
        let ask = Ask {
            method,
            target: route
                .path
                .replace("{fid}", &percent(&[dice.byte()]))
                .replace("{asset}", "start.js"),
            headers: Vec::new(),
            pieces: dice.cut(bytes),
        };
        self.send(ask, None);
    }

    /// A request that must succeed.
    pub(super) fn must(&mut self, path: &str, token: &str, body: Body, code: u16) -> Checked {
        let body = body.with("token", token);
        let mut dice = Dice(&[]);
        let done = self.ask(path, body, None, &vec![code], &mut dice);
        done.expect("a success")
    }

    pub(super) fn refused(&mut self, path: &str, token: &str, body: Body, code: u16) {
        let body = body.with("token", token);
        let mut dice = Dice(&[]);
        let done = self.ask(path, body, None, &vec![code], &mut dice);
        assert!(done.is_none(), "{path}");
    }
}
