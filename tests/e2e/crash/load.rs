//! What members do, and how they write it down.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::dice::Dice;
use super::ledger::{Content, Doubt, Filed, Member, Size};
use crate::harness::body::percent;
use crate::harness::reply::entry_of;
use crate::harness::{Answer, Encoded, Format, Reply, until};

/// How the bytes of a file travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Json,
    Multipart,
    Raw,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Register,
    Login,
    Upload(Way, Content),
    Instant(Content),
    Avatar(Content),
    Rename,
    /// Ends the session in use.
    Logout,
    /// Ends all other sessions.
    Revoke,
    /// Deletes the entry at this place of the list.
    Delete(usize),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is owed from now on.
    Acknowledged,
    /// Answered with some other code.
    Refused(u64),
    /// No answer, or none that is whole.
    Unanswered,
}

/// Counts what crowds begin, for who interferes after a number of things: at no moment that a client
/// could know of.
#[derive(Debug, Default)]
pub(crate) struct Begun(AtomicU64);

impl Begun {
    /// Acts until nobody answers any more.
    pub(crate) fn act_until_unanswered(&self, members: &mut Vec<Member>, dice: &mut Dice) {
        loop {
            self.0.fetch_add(1, Ordering::Relaxed);
            if act(members, dice) == Outcome::Unanswered {
                return;
            }
        }
    }

    /// Waits until `more` things than now have been begun.
    #[track_caller]
    pub(crate) fn wait_for(&self, more: u64) {
        let enough = self.0.load(Ordering::Relaxed) + more;
        until("the crowds have begun enough", || {
            self.0.load(Ordering::Relaxed) >= enough
        });
    }
}

/// A member of `members` does something, or somebody new comes.
pub(crate) fn act(members: &mut Vec<Member>, dice: &mut Dice) -> Outcome {
    let newest = members.last().unwrap();
    if newest.files.len() >= 60 || dice.once_in(40) {
        members.push(Member::new(newest.client.clone()));
    }
    // The older ones rest, so that a check need not go through all of them.
    let first = members.len().saturating_sub(2);
    let at = first + dice.index(members.len() - first);
    let member = &mut members[at];
    let action = if !member.is_registered {
        Action::Register
    } else if member.token.is_none() {
        Action::Login
    } else {
        choose(member, dice)
    };
    perform(member, action)
}

fn choose(member: &Member, dice: &mut Dice) -> Action {
    let way = [Way::Json, Way::Multipart, Way::Raw][dice.index(3)];
    match dice.below(40) {
        0 => Action::Login,
        1..=3 => Action::Avatar(Content::fresh(Size::Small, dice)),
        4 => Action::Rename,
        5 => [Action::Logout, Action::Revoke][dice.index(2)],
        6..=9 => Action::Instant(Content::common(dice)),
        10..=11 if !member.files.is_empty() => {
            Action::Instant(member.files[dice.index(member.files.len())].content)
        }
        12..=18 => Action::Upload(way, Content::common(dice)),
        19..=21 => Action::Upload(way, Content::fresh(Size::Large, dice)),
        22..=25 => Action::Upload(way, Content::fresh(Size::Medium, dice)),
        26..=28 if !member.files.is_empty() => Action::Delete(dice.index(member.files.len())),
        _ => Action::Upload(way, Content::fresh(Size::Small, dice)),
    }
}

/// Does one thing and writes down what is owed for it.
pub(crate) fn perform(member: &mut Member, action: Action) -> Outcome {
    member.was_busy = true;
    match action {
        Action::Register => register(member),
        Action::Login => login(member),
        Action::Upload(Way::Raw, content) => upload_raw(member, content),
        Action::Upload(way, content) => upload(member, way, content),
        Action::Instant(content) => {
            let md5 = content.md5();
            file(
                member,
                content,
                131,
                Format::Json,
                json!({"md5": md5}),
                None,
            )
        }
        Action::Avatar(content) => set_avatar(member, content),
        Action::Rename => rename(member),
        Action::Logout => log_out(member),
        Action::Revoke => revoke(member),
        Action::Delete(at) => delete(member, at),
    }
}

/// Sends fields and answers what came back, if it was whole.
fn post(
    member: &Member,
    format: Format,
    route: &str,
    fields: &serde_json::Value,
    data: Option<&[u8]>,
) -> Option<Answer> {
    let body = Encoded::new(format, fields, data);
    let content_type = body.content_type.as_deref();
    let client = &member.client;
    let exchange = client.attempt("POST", route, &[], content_type, &body.bytes);
    let (status, headers, body) = exchange.ok()?;
    Some(Answer::new(status, headers, body))
}

fn register(member: &mut Member) -> Outcome {
    let fields = member.person.fields();
    member.doubts.push(Doubt::Registration);
    match post(member, Format::Json, "/app/register", &fields, None) {
        Some(answer) if answer.code() == 100 => {
            member.is_registered = true;
            member.doubts.clear();
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn login(member: &mut Member) -> Outcome {
    let (phone, password) = (&member.person.phone, &member.person.password);
    let fields = json!({"phone": phone, "password": password});
    match post(member, Format::Json, "/app/login", &fields, None) {
        Some(answer) if answer.code() == 110 => {
            let token = answer.text("token").to_owned();
            member.older.extend(member.token.replace(token));
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn upload(member: &mut Member, way: Way, content: Content) -> Outcome {
    let format = match way {
        Way::Multipart => Format::Multipart,
        _ => Format::Json,
    };
    file(
        member,
        content,
        130,
        format,
        json!({}),
        Some(&content.bytes()),
    )
}

/// Asks for an entry over `content` on the contract's route.
fn file(
    member: &mut Member,
    content: Content,
    success: u64,
    format: Format,
    more: serde_json::Value,
    data: Option<&[u8]>,
) -> Outcome {
    let title = Member::new_title();
    let fields = crate::harness::data::with(json!({"name": title}), more);
    let fields = member.user().signed(fields);
    member.doubts.push(Doubt::File {
        title: title.clone(),
        content,
    });
    match post(member, format, "/app/user/upload", &fields, data) {
        Some(answer) if answer.code() == success => filed(member, answer.fid(), title, content),
        other => not_acknowledged(other),
    }
}

fn upload_raw(member: &mut Member, content: Content) -> Outcome {
    let title = Member::new_title();
    member.doubts.push(Doubt::File {
        title: title.clone(),
        content,
    });
    let bearer = member.user().bearer();
    let headers = [("Authorization", bearer.as_str())];
    let route = format!("/api/v1/files?name={}", percent(&title));
    let bytes = content.bytes();
    let client = &member.client;
    let exchange = client.attempt("POST", &route, &headers, None, &bytes);
    let Ok((status, headers, body)) = exchange else {
        return Outcome::Unanswered;
    };
    let reply = Reply::new(status, headers, body);
    if status != 201 {
        return Outcome::Refused(reply.json()["code"].as_u64().unwrap());
    }
    let fid = reply.json()["fid"].as_str().unwrap().to_owned();
    filed(member, fid, title, content)
}

fn filed(member: &mut Member, fid: String, title: String, content: Content) -> Outcome {
    member.doubts.pop();
    member.files.push(Filed {
        fid,
        title,
        content,
    });
    Outcome::Acknowledged
}

fn set_avatar(member: &mut Member, content: Content) -> Outcome {
    let fields = member.user().signed(json!({}));
    member.doubts.push(Doubt::Avatar(content));
    let bytes = content.bytes();
    match post(
        member,
        Format::Json,
        "/app/user/avatar",
        &fields,
        Some(&bytes),
    ) {
        Some(answer) if answer.code() == 120 => {
            member.avatar = Some(content);
            member
                .doubts
                .retain(|doubt| !matches!(doubt, Doubt::Avatar(_)));
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn rename(member: &mut Member) -> Outcome {
    let name = Member::new_title();
    let fields = member.user().signed(json!({"name": name}));
    member.doubts.push(Doubt::Name(name.clone()));
    match post(member, Format::Json, "/app/user/modify", &fields, None) {
        Some(answer) if answer.code() == 150 => {
            member.person.name = name;
            member
                .doubts
                .retain(|doubt| !matches!(doubt, Doubt::Name(_)));
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn log_out(member: &mut Member) -> Outcome {
    let fields = member.user().signed(json!({}));
    // Unless it is acknowledged, nobody knows whether the session has ended: it is not used again.
    let token = member.token.take();
    match post(member, Format::Json, "/app/user/logout", &fields, None) {
        Some(answer) if answer.code() == 0 => {
            member.ended.extend(token);
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn revoke(member: &mut Member) -> Outcome {
    let fields = member.user().signed(json!({"revoke": "others"}));
    let others = std::mem::take(&mut member.older);
    match post(member, Format::Json, "/app/user/sessions", &fields, None) {
        Some(answer) if answer.code() == 0 => {
            member.ended.extend(others);
            Outcome::Acknowledged
        }
        other => not_acknowledged(other),
    }
}

fn delete(member: &mut Member, at: usize) -> Outcome {
    let fid = member.files[at].fid.clone();
    member.doubts.push(Doubt::Deletion(fid.clone()));
    let bearer = member.user().bearer();
    let headers = [("Authorization", bearer.as_str())];
    let exchange = member
        .client
        .attempt("DELETE", &entry_of(&fid), &headers, None, ());
    let Ok((status, headers, body)) = exchange else {
        return Outcome::Unanswered;
    };
    if status != 204 {
        let reply = Reply::new(status, headers, body);
        return Outcome::Refused(reply.json()["code"].as_u64().unwrap());
    }
    member.doubts.pop();
    member.strike(&fid);
    Outcome::Acknowledged
}

fn not_acknowledged(answer: Option<Answer>) -> Outcome {
    match answer {
        Some(answer) => Outcome::Refused(answer.code()),
        None => Outcome::Unanswered,
    }
}
