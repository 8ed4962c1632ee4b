//! The own list and the recommended one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::harness::user::fids;
use crate::harness::{Server, md5_hex};

/// Now in milliseconds since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "a stranger compares with the time of day"
)]
fn now() -> i64 {
    let now: Duration = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() as i64
}

#[test]
fn lists_are_empty_arrays_at_first() {
    let server = Server::start();
    let user = server.new_user();
    for route in ["/app/user/getownfilelist", "/app/user/getfilelist"] {
        let answer = user.post(route, json!({})).expect_code(0);
        for list in ["fidlist", "namelist", "datelist"] {
            assert_eq!(answer.json[list], json!([]), "{list}");
        }
        assert_eq!(answer.json["total"], 0);
    }
}

#[test]
fn the_own_list_is_newest_first_in_parallel_arrays() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let before = now();
    let mut stored = Vec::new();
    for index in 0..10 {
        let title = format!("file {index}");
        let fid = match index % 3 {
            0 => user.publish(&title, title.as_bytes()),
            1 => user.hide(&title, title.as_bytes()),
            _ => user
                .instant(&title, &md5_hex(b"file 0"))
                .expect_code(131)
                .fid(),
        };
        other.publish(&title, b"not yours");
        stored.insert(0, (fid, title, Some(index % 3 != 1)));
    }
    let after = now();
    let own = user.own();
    let seen: Vec<_> = own
        .iter()
        .map(|entry| (entry.fid.clone(), entry.name.clone(), entry.public))
        .collect();
    assert_eq!(seen, stored);
    for pair in own.windows(2) {
        assert!(pair[0].date >= pair[1].date, "{pair:?}");
    }
    for entry in &own {
        assert!((before..=after).contains(&entry.date), "{entry:?}");
    }
}

#[test]
fn a_long_own_list_is_complete() {
    let server = Server::start();
    let user = server.new_user();
    let mut stored: Vec<_> = (0..60)
        .map(|index| user.publish(&format!("{index}"), b"content"))
        .collect();
    stored.reverse();
    assert_eq!(fids(&user.own()), stored);
}

#[test]
fn the_recommended_list_has_public_files_of_others_alone() {
    let server = Server::start();
    let (user, one, two) = (server.new_user(), server.new_user(), server.new_user());
    user.publish("own", b"own");
    one.hide("hidden", b"hidden");
    let first = one.publish("first", b"first");
    let second = two.publish("second", b"second");
    let list = user.recommended();
    let mut seen = fids(&list);
    seen.sort_unstable();
    let mut wanted = [first.as_str(), second.as_str()];
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
    for entry in &list {
        let title = if entry.fid == first {
            "first"
        } else {
            "second"
        };
        assert_eq!(entry.name, title);
        assert!((now() - 60_000..=now()).contains(&entry.date));
    }
    assert_eq!(two.recommended().len(), 2);
}

#[test]
fn what_somebody_has_got_already_is_not_recommended_to_them() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    other.publish("known", b"known");
    let new = other.publish("new", b"new");
    user.hide("mine", b"known");
    assert_eq!(fids(&user.recommended()), [new.as_str()]);
    user.instant("mine too", &md5_hex(b"new")).expect_code(131);
    assert!(user.recommended().is_empty());
}

#[test]
fn the_recommended_list_is_as_long_as_the_operator_wants() {
    let server = Server::with(&[("KMS_RECOMMENDED_LIMIT", "3")]);
    let (user, other) = (server.new_user(), server.new_user());
    for index in 0..5 {
        other.publish("x", format!("{index}").as_bytes());
    }
    assert_eq!(user.recommended().len(), 3);
    assert_eq!(other.own().len(), 5);
}
