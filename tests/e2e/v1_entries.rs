//! Entries, the trash and favourites below `/api/v1`.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, User, bytes, md5_hex, sha256_hex, tick};

fn entry(fid: &str) -> String {
    format!("/files/{fid}")
}

/// What a list has under this name.
#[track_caller]
fn list(user: &User, path: &str, name: &str) -> Vec<Value> {
    let json = user.get(path).expect_status(200).json();
    json[name].as_array().unwrap().clone()
}

/// All pages of a list of files behind each other.
#[track_caller]
fn walk(user: &User, path: &str) -> Vec<Value> {
    let (mut path, mut found) = (path.to_owned(), Vec::new());
    loop {
        let reply = user.get(&path).expect_status(200);
        found.extend(reply.json()["files"].as_array().unwrap().clone());
        match next(&reply) {
            Some(next) => path = next,
            None => return found,
        }
    }
}

fn fids(entries: &[Value]) -> Vec<&str> {
    let fid = |entry: &'_ Value| entry["fid"].as_str().map(str::len).is_some();
    assert!(entries.iter().all(fid));
    entries
        .iter()
        .map(|entry| entry["fid"].as_str().unwrap())
        .collect()
}

/// The path of the next page, as `Link` has it.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.header("link")?;
    let (path, rest) = link
        .strip_prefix("</api/v1")
        .unwrap()
        .split_once('>')
        .unwrap();
    assert_eq!(rest, "; rel=\"next\"");
    Some(path.to_owned())
}

#[test]
fn an_entry_is_described_to_who_may_read_it() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let fid = user.publish("报告.pdf", b"content");
    let id = user.info().json["userid"].clone();
    user.send("PATCH", &entry(&fid), &json!({"label": "work"}))
        .expect_status(200);
    let own = user.get(&entry(&fid)).expect_status(200);
    let mut expected = json!({
        "fid": fid, "name": "报告.pdf", "size": 7, "md5": md5_hex(b"content"),
        "sha256": sha256_hex(b"content"), "public": true, "label": "work", "owner": id,
        "date": user.own()[0].date,
    });
    assert_eq!(own.json(), expected);
    // A label is its owner's own, and with it the tag is another.
    let theirs = other.get(&entry(&fid)).expect_status(200);
    expected["label"] = Value::Null;
    assert_eq!(theirs.json(), expected);
    assert_ne!(theirs.header("etag"), own.header("etag"));
}

#[test]
fn a_change_is_answered_with_the_entry_as_it_is_then() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let fid = user.publish("a", b"content");
    let change = json!({"name": "b", "public": false, "label": "work"});
    let changed = user.send("PATCH", &entry(&fid), &change).expect_status(200);
    let json = changed.json();
    for name in ["name", "public", "label"] {
        assert_eq!(json[name], change[name]);
    }
    other.get(&entry(&fid)).expect_problem(404, 2);
    for same in [change, json!({}), json!({"name": null})] {
        let again = user.send("PATCH", &entry(&fid), &same).expect_status(200);
        assert_eq!(again.json(), json);
        assert_eq!(again.header("etag"), changed.header("etag"));
    }
    let bare = user
        .send("PATCH", &entry(&fid), &json!({"label": ""}))
        .expect_status(200);
    assert_eq!(bare.json()["label"], Value::Null);
    let before = server.dump();
    for bad in [
        json!({"name": ""}),
        json!({"name": 1}),
        json!({"public": "yes"}),
        json!({"label": " "}),
        json!({"label": "x".repeat(33)}),
    ] {
        user.send("PATCH", &entry(&fid), &bad)
            .expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "bad changes");
}

#[test]
fn a_list_comes_in_pages_that_meet() {
    let server = Server::start();
    let user = server.new_user();
    let mut all: Vec<_> = (0..7)
        .map(|n| {
            tick();
            user.publish(&format!("{n}"), b"content")
        })
        .collect();
    all.reverse();
    assert_eq!(fids(&list(&user, "/files", "files")), all);
    for limit in [1, 3, 7, 8] {
        let (mut path, mut found) = (format!("/files?limit={limit}"), Vec::new());
        loop {
            let reply = user.get(&path).expect_status(200);
            let json = reply.json();
            let files = json["files"].as_array().unwrap();
            assert!(files.len() <= limit);
            found.extend(
                files
                    .iter()
                    .map(|file| file["fid"].as_str().unwrap().to_owned()),
            );
            assert_eq!(next(&reply).is_some(), !json["next"].is_null());
            match next(&reply) {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(found, all, "{limit}");
    }
    let reply = user.get("/files?limit=1&sort=newest").expect_status(200);
    let cursor = reply.json()["next"].as_str().unwrap().to_owned();
    // What is stored meanwhile is in front of it.
    tick();
    user.publish("new", b"content");
    let rest = list(&user, &format!("/files?cursor={cursor}"), "files");
    assert_eq!(fids(&rest), all[1..]);
}

#[test]
fn a_list_comes_in_the_order_that_is_asked_for() {
    let server = Server::start();
    let user = server.new_user();
    for (name, size) in [("B", 300), ("报告", 20), ("a", 1), ("a", 4_000)] {
        tick();
        user.publish(name, &bytes(size as u64, size));
    }
    for (sort, expected) in [
        ("newest", [4_000, 1, 20, 300]),
        ("oldest", [300, 20, 1, 4_000]),
        ("largest", [4_000, 300, 20, 1]),
        ("smallest", [1, 20, 300, 4_000]),
    ] {
        for limit in 1..=5 {
            let sizes: Vec<_> = walk(&user, &format!("/files?limit={limit}&sort={sort}"))
                .iter()
                .map(|file| file["size"].as_i64().unwrap())
                .collect();
            assert_eq!(sizes, expected, "{sort} {limit}");
        }
    }
    for limit in 1..=5 {
        let files = walk(&user, &format!("/files?sort=name&public=1&limit={limit}"));
        let names: Vec<_> = files.iter().map(|file| &file["name"]).collect();
        assert_eq!(names, ["a", "a", "B", "报告"], "{limit}");
        assert_ne!(files[0]["fid"], files[1]["fid"], "{limit}");
    }
    // A page goes on behind its last entry also when that is gone, or has another name.
    let first = user.get("/files?sort=name&limit=3").expect_status(200);
    let last = first.json()["files"][2]["fid"].as_str().unwrap().to_owned();
    user.send("PATCH", &entry(&last), &json!({"name": "zzz"}))
        .expect_status(200);
    let renamed = list(&user, &next(&first).unwrap(), "files");
    let names: Vec<_> = renamed.iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["zzz", "报告"]);
    user.delete(&last).expect_status(204);
    assert_eq!(list(&user, &next(&first).unwrap(), "files").len(), 1);
}

/// Cursors are seen by clients, and what everybody does is no business of theirs.
#[test]
fn cursors_tell_nothing_of_what_others_do() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let name = |file: &Value| file["fid"].as_str().unwrap().to_owned();
    let favour = |fid: &str| {
        user.fetch("PUT", &format!("/api/v1/favourites/{fid}"), &[], ())
            .expect_status(201);
    };
    for n in 0..2 {
        let fid = user.publish("gone", &[n]);
        user.delete(&fid).expect_status(204);
        user.publish("kept", &[n]);
        favour(&other.publish("favoured", &[n, n]));
    }
    for (path, kind, date) in [
        ("/files", "files", "date"),
        ("/trash", "files", "deleted_at"),
        ("/favourites", "favourites", "date"),
    ] {
        let page = user.get(&format!("{path}?limit=1")).expect_status(200);
        let page = page.json();
        let last = &page[kind][0];
        let expected = format!("{}.{}", last[date], name(last));
        assert_eq!(page["next"], expected.as_str(), "{path}");
    }
}

#[test]
fn a_filter_lets_pass_what_it_says_and_stands_in_the_link() {
    let server = Server::start();
    let user = server.new_user();
    for n in 0..3 {
        tick();
        let fid = user.hide(&format!("work {n}"), b"content");
        user.send("PATCH", &entry(&fid), &json!({"label": "合同 a&b"}))
            .expect_status(200);
        tick();
        user.publish(&format!("public {n}"), b"content");
    }
    let label = "%E5%90%88%E5%90%8C%20a%26b";
    for (query, names) in [
        ("public=true", ["public 2", "public 1", "public 0"]),
        ("public=false", ["work 2", "work 1", "work 0"]),
        (&format!("label={label}"), ["work 2", "work 1", "work 0"]),
        (
            &format!("label={label}&public=0"),
            ["work 2", "work 1", "work 0"],
        ),
    ] {
        let files = list(&user, &format!("/files?{query}"), "files");
        let found: Vec<_> = files
            .iter()
            .map(|file| file["name"].as_str().unwrap())
            .collect();
        assert_eq!(found, names, "{query}");
        let first = user.get(&format!("/files?limit=2&{query}"));
        let second = list(&user, &next(&first).unwrap(), "files");
        assert_eq!(second[0]["name"], names[2], "{query}");
    }
    assert!(list(&user, "/files?label=none", "files").is_empty());
}

#[test]
fn a_query_that_asks_for_what_there_is_not_is_refused() {
    let server = Server::start();
    let user = server.new_user();
    for query in [
        "limit=0",
        "limit=257",
        "limit=-1",
        "limit=many",
        "limit=1&limit=1",
        "cursor=x",
        "cursor=1",
        "cursor=1.2",
        "cursor=1.2.3",
        "cursor=01.00000000-0000-4000-8000-000000000000",
        "cursor=1.00000000-0000-4000-8000-00000000000A",
    ] {
        for path in ["/files", "/trash", "/favourites"] {
            user.get(&format!("{path}?{query}")).expect_problem(400, 1);
        }
    }
    for sort in ["", "name", "oldest", "largest", "smallest"] {
        user.get(&format!("/files?sort={sort}&cursor=x"))
            .expect_problem(400, 1);
    }
    for query in [
        "sort=random",
        "sort=Newest",
        "public=maybe",
        "label=%20",
        "label=%ff",
    ] {
        user.get(&format!("/files?{query}")).expect_problem(400, 1);
    }
    user.get("/files?limit=256&cursor=&label=&other=1")
        .expect_status(200);
}

#[test]
fn what_was_deleted_is_in_the_trash_until_it_is_brought_back_or_purged() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let (first, second) = (
        user.publish("first", b"content"),
        user.hide("second", b"more"),
    );
    for fid in [&first, &second] {
        tick();
        user.delete(fid).expect_status(204);
        user.get(&entry(fid)).expect_problem(404, 2);
    }
    let trash = list(&user, "/trash", "files");
    assert_eq!(fids(&trash), [second.as_str(), &first]);
    assert_eq!(
        (&trash[0]["name"], &trash[0]["size"]),
        (&json!("second"), &json!(4))
    );
    assert!(trash[0]["deleted_at"].as_i64() >= trash[0]["date"].as_i64());
    let page = user.get("/trash?limit=1").expect_status(200);
    assert_eq!(
        fids(&list(&user, &next(&page).unwrap(), "files")),
        [first.as_str()]
    );
    assert!(list(&other, "/trash", "files").is_empty());
    let restore = |user: &User, fid: &str| {
        user.fetch("POST", &format!("/api/v1/trash/{fid}/restore"), &[], ())
    };
    let purge =
        |user: &User, fid: &str| user.fetch("DELETE", &format!("/api/v1/trash/{fid}"), &[], ());
    restore(&other, &first).expect_problem(404, 2);
    purge(&other, &first).expect_problem(404, 2);
    restore(&user, &first).expect_status(204);
    restore(&user, &first).expect_problem(404, 2);
    assert_eq!(
        user.content(&first, &[]).expect_status(200).body,
        b"content"
    );
    purge(&user, &first).expect_problem(404, 2);
    purge(&user, &second).expect_status(204);
    restore(&user, &second).expect_problem(404, 2);
    assert!(list(&user, "/trash", "files").is_empty());
}

#[test]
fn favourites_are_made_once_and_given_up_by_either_id() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let sources = [
        other.publish("one", b"content"),
        other.publish("two", b"more"),
    ];
    let put = |source: &str| {
        let path = format!("/api/v1/favourites/{source}");
        user.fetch("PUT", &path, &[], ())
    };
    let made = sources.clone().map(|source| {
        tick();
        let fid = put(&source).expect_status(201).json()["fid"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(put(&source).expect_status(200).json()["fid"], fid.as_str());
        fid
    });
    let favourites = list(&user, "/favourites", "favourites");
    assert_eq!(fids(&favourites), [made[1].as_str(), &made[0]]);
    assert_eq!(favourites[0]["source"], sources[1].as_str());
    assert_eq!(
        (&favourites[0]["name"], &favourites[0]["size"]),
        (&json!("two"), &json!(4))
    );
    assert_eq!(favourites[0]["owner"], other.info().json["userid"]);
    let page = user.get("/favourites?limit=1").expect_status(200);
    let rest = list(&user, &next(&page).unwrap(), "favourites");
    assert_eq!(fids(&rest), [made[0].as_str()]);
    assert_eq!(
        user.content(&made[0], &[]).expect_status(200).body,
        b"content"
    );
    let cancel = |id: &str| {
        let path = format!("/api/v1/favourites/{id}");
        user.fetch("DELETE", &path, &[], ())
    };
    cancel(&sources[0]).expect_status(204);
    cancel(&made[1]).expect_status(204);
    for id in [&sources[0], &made[1], "no-id"] {
        cancel(id).expect_problem(404, 2);
    }
    put("no-id").expect_problem(404, 2);
    put(&other.hide("private", b"private")).expect_problem(404, 2);
    assert!(list(&user, "/favourites", "favourites").is_empty());
}

/// A favourite is its owner's alone.
#[test]
fn a_favourite_cannot_be_made_public() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let source = other.publish("a", b"content");
    let path = format!("/api/v1/favourites/{source}");
    let made = user.fetch("PUT", &path, &[], ()).expect_status(201).json();
    let fid = made["fid"].as_str().unwrap();
    user.send("PATCH", &entry(fid), &json!({"public": true}))
        .expect_problem(400, 1);
    let named = user
        .send("PATCH", &entry(fid), &json!({"name": "mine"}))
        .expect_status(200);
    assert_eq!(named.json()["name"], "mine");
    assert_eq!(other.get(&entry(&source)).json()["name"], "a");
}
