//! Comparing a server with what its members know.

use super::dice::Dice;
use super::ledger::{Doubt, Filed, Member};
use crate::harness::reply::content_of;
use crate::harness::{Server, User};

/// How many of the files that were found before are read again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    Sample,
    All,
}

/// The folder of a server that has just started again and was not asked anything yet.
#[track_caller]
pub(crate) fn check_folder(server: &Server) {
    let staged = server.staged();
    assert!(staged.is_empty(), "still staged after a start: {staged:?}");
    // Names and sizes; the bytes are compared over HTTP.
    expect_clean(server, &["fsck", "--quick"]);
}

/// Every byte of the folder, whoever it is owed to.
#[track_caller]
pub(crate) fn check_every_byte(server: &Server) {
    expect_clean(server, &["fsck"]);
}

#[track_caller]
fn expect_clean(server: &Server, fsck: &[&str]) {
    let output = server.command(fsck, "");
    assert!(output.status.success(), "{fsck:?}: {output:?}");
}

/// Everything that `members` are owed is there, and nothing of them is half there. What was in doubt
/// is settled by this: it is owed from now on if it is there.
#[track_caller]
pub(crate) fn check_members(members: &mut Vec<Member>, depth: Depth, dice: &mut Dice) {
    for member in &mut *members {
        // Those who did nothing are looked at now and then.
        if member.was_busy || matches!(depth, Depth::All) || dice.once_in(4) {
            check_member(member, depth, dice);
            member.was_busy = false;
        }
    }
}

fn check_member(member: &mut Member, depth: Depth, dice: &mut Dice) {
    if !settle_registration(member) {
        return;
    }
    let doubts = std::mem::take(&mut member.doubts);
    if member.token.is_none() {
        let user = member.client.sign_in(&member.person);
        member.token = Some(user.token);
    }
    for token in member.ended.drain(..) {
        let user = User::new(member.client.clone(), member.person.clone(), &token);
        user.info().expect_bare(3);
    }
    check_name(member, &doubts);
    check_avatar(member, &doubts);
    check_list(member, &doubts);
    for at in 0..member.files.len() {
        let is_due = at >= member.found || matches!(depth, Depth::All) || dice.once_in(10);
        if is_due {
            check_content(member, &member.files[at], dice);
        }
    }
    member.found = member.files.len();
}

/// Whether there is an account. One that was acknowledged must be there.
fn settle_registration(member: &mut Member) -> bool {
    if !member.is_registered {
        let person = &member.person;
        let answer = member.client.login(&person.phone, &person.password);
        match answer.code() {
            110 => {
                member.is_registered = true;
                member.token = Some(answer.text("token").to_owned());
            }
            // Not at all, then: the number is free.
            111 => {
                member.client.test_phone(&person.phone).expect_code(102);
            }
            code => panic!("half an account of {person:?}: {code}"),
        }
        member.doubts.clear();
    }
    member.is_registered
}

fn check_name(member: &mut Member, doubts: &[Doubt]) {
    let info = member.user().info().expect_code(0);
    let found = info.text("name");
    let is_possible = found == member.person.name
        || doubts
            .iter()
            .any(|doubt| matches!(doubt, Doubt::Name(name) if name == found));
    assert!(is_possible, "{found} is the name of {member:?}");
    member.person.name = found.to_owned();
}

fn check_avatar(member: &mut Member, doubts: &[Doubt]) {
    let answer = member.user().get_avatar();
    if answer.code() == 2 && member.avatar.is_none() {
        return;
    }
    let found = answer.expect_code(121).data();
    let possible = doubts.iter().filter_map(|doubt| match doubt {
        Doubt::Avatar(content) => Some(*content),
        _ => None,
    });
    let known = member
        .avatar
        .into_iter()
        .chain(possible)
        .find(|content| content.bytes() == found);
    assert!(known.is_some(), "an avatar of other bytes: {member:?}");
    member.avatar = known;
}

fn check_list(member: &mut Member, doubts: &[Doubt]) {
    let mut listed = member.user().own();
    let mut gone = Vec::new();
    for filed in &member.files {
        let at = listed.iter().position(|entry| entry.fid == filed.fid);
        let is_in_doubt = doubts
            .iter()
            .any(|doubt| matches!(doubt, Doubt::Deletion(fid) if *fid == filed.fid));
        if at.is_none() && is_in_doubt {
            gone.push(filed.fid.clone());
            continue;
        }
        let entry = listed.remove(at.unwrap_or_else(|| panic!("lost: {filed:?} of {member:?}")));
        assert_eq!(entry.name, filed.title, "{filed:?}");
    }
    for fid in gone {
        member.strike(&fid);
    }
    for entry in listed {
        let doubt = doubts.iter().find_map(|doubt| match doubt {
            Doubt::File { title, content } if *title == entry.name => Some(*content),
            _ => None,
        });
        let Some(content) = doubt else {
            panic!("{entry:?} was never sent by {member:?}");
        };
        let is_new = member.files.iter().all(|filed| filed.title != entry.name);
        assert!(is_new, "{entry:?} is there twice");
        member.files.push(Filed {
            fid: entry.fid,
            title: entry.name,
            content,
        });
    }
}

fn check_content(member: &Member, filed: &Filed, dice: &mut Dice) {
    let user = member.user();
    let found = if dice.once_in(8) {
        user.read(&filed.fid)
    } else {
        let reply = user.fetch("GET", &content_of(&filed.fid), &[], ());
        assert_eq!(reply.status, 200, "{filed:?}: {reply:?}");
        reply.body
    };
    assert!(found == filed.content.bytes(), "other bytes: {filed:?}");
}
