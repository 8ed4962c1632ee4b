//! The own list and the recommended one.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::harness::user::{Entry, fids};
use crate::harness::wire::post;
use crate::harness::{Server, User, Wire, contract_paths, md5_hex};

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

/// Titles of the greatest length, and with what JSON must escape.
fn long_title(thread: usize, index: usize) -> String {
    let mark = format!("{thread}/{index} \"\\</");
    let fill = 255 - mark.chars().count();
    mark + &"𠮷".repeat(fill)
}

/// Each of `threads` gives its user `each` entries over the same connection, and answers them in
/// their order.
fn fill(user: &User, threads: usize, each: usize) -> Vec<Vec<Entry>> {
    let md5 = md5_hex(b"content");
    let add = |thread: usize| {
        let mut wire = Wire::to(&user.client);
        let entry = |index: usize| {
            let (name, public) = (long_title(thread, index), index.is_multiple_of(3));
            let fields = json!({"name": name, "md5": md5, "public": public});
            wire.send(post("/app/user/upload", user.signed(fields).to_string()));
            let fid = wire.answer().expect_code(131).fid();
            Entry {
                fid,
                name,
                date: 0,
                public: Some(public),
            }
        };
        (0..each).map(entry).collect::<Vec<_>>()
    };
    let add = &add;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || add(thread)))
            .collect();
        let joined = running.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    })
}

#[test]
fn an_own_list_that_is_too_long_for_memory_is_complete() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let first = user.hide("first", b"content");
    let stored = fill(&user, 8, 250);
    other.publish("not yours", b"content");
    let last = user.publish("last", b"last");
    // The answer has a Content-Length, and another one can follow on its connection.
    let mut wire = Wire::to(&user.client);
    for _ in 0..2 {
        let request = user.signed(json!({})).to_string();
        wire.send(post("/app/user/getownfilelist", request));
        let answer = wire.answer().expect_code(0);
        assert_eq!(answer.header("transfer-encoding"), None);
        assert!(answer.body.len() > 2_000_000);
    }
    let mut own = user.own();
    assert_eq!(own.len(), 2_002);
    for pair in own.windows(2) {
        assert!(pair[0].date >= pair[1].date, "{pair:?}");
    }
    let ends = [own.remove(0), own.pop().unwrap()];
    assert_eq!(fids(&ends), [last.as_str(), first.as_str()]);
    for (thread, mut wanted) in stored.into_iter().enumerate() {
        let mark = format!("{thread}/");
        let mut seen: Vec<_> = own
            .iter()
            .filter(|entry| entry.name.starts_with(&mark))
            .cloned()
            .collect();
        seen.iter_mut().for_each(|entry| entry.date = 0);
        wanted.reverse();
        assert!(seen == wanted, "the entries of thread {thread}");
    }
}

#[test]
fn an_own_list_around_the_end_of_a_page_is_complete() {
    let server = Server::start();
    let user = server.new_user();
    user.hide("content", b"content");
    let mut wire = Wire::to(&user.client);
    let mut stored = Vec::new();
    for index in 1..=513 {
        let fields = json!({"name": format!("{index}"), "md5": md5_hex(b"content")});
        wire.send(post("/app/user/upload", user.signed(fields).to_string()));
        stored.insert(0, wire.answer().expect_code(131).fid());
        if [254, 255, 256, 511, 512, 513].contains(&index) {
            let own = user.own();
            assert_eq!(own.len(), index + 1);
            assert_eq!(fids(&own[..index]), stored);
            assert_eq!(own[index].name, "content");
        }
    }
}

#[test]
fn a_reader_of_a_long_list_who_leaves_holds_nothing() {
    let server = Server::with(&[("KMS_STORAGE_PERMITS", "1")]);
    let user = server.new_user();
    user.hide("content", b"content");
    fill(&user, 2, 200);
    for _ in 0..20 {
        let mut wire = Wire::to(&user.client);
        let request = user.signed(json!({})).to_string();
        wire.send(post("/app/user/getownfilelist", request));
    }
    assert_eq!(user.own().len(), 401);
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

/// A16, over every route, so that a list which is new is looked at as well.
#[test]
fn a16_whatever_an_answer_lists_has_arrays_of_one_length_and_is_for_its_asker_to_read() {
    let server = Server::start();
    let client = server.client();
    let users: Vec<_> = (0..3).map(|_| client.new_user()).collect();
    for (number, user) in users.iter().enumerate() {
        for kind in ["public", "private", "deleted"] {
            let content = format!("{kind} of {number}");
            let fid = match kind {
                "private" => user.hide(&content, content.as_bytes()),
                _ => user.publish(&content, content.as_bytes()),
            };
            if kind == "deleted" {
                user.delete(&fid).expect_status(204);
            }
        }
    }
    let mut named = 0;
    for user in &users {
        for path in contract_paths() {
            // A route may end the session that asks.
            let asker = client.sign_in(&user.person);
            let answer = asker.post(path, json!({}));
            let fields = answer.json.as_object().unwrap();
            let arrays: Vec<_> = fields
                .values()
                .filter_map(|field| field.as_array())
                .collect();
            for array in &arrays {
                assert_eq!(array.len(), arrays[0].len(), "{path}: {answer:?}");
                assert_eq!(answer.json["total"], array.len(), "{path}: {answer:?}");
            }
            for fid in fields
                .get("fidlist")
                .and_then(|list| list.as_array())
                .into_iter()
                .flatten()
            {
                // What is in the trash is listed to its owner, and read by nobody.
                let code = if path == "/app/user/trash" { 2 } else { 140 };
                user.get_file(fid.as_str().unwrap()).expect_code(code);
                named += 1;
            }
        }
    }
    // Three of one's own, and one of each of the others.
    assert_eq!(named, 3 * 5);
}
