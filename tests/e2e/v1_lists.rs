//! Lists below `/api/v1`: their pages, orders, filters and cursors.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, User, bytes, tick};

pub(crate) fn entry(fid: &str) -> String {
    format!("/files/{fid}")
}

/// What a list has under this name.
#[track_caller]
pub(crate) fn list(user: &User, path: &str, name: &str) -> Vec<Value> {
    let json = user.get(path).expect_status(200).json();
    json[name].as_array().unwrap().clone()
}

/// All pages of a list of files behind each other, each with at most `limit`.
#[track_caller]
fn walk(user: &User, path: &str, limit: usize) -> Vec<Value> {
    let (mut path, mut found) = (path.to_owned(), Vec::new());
    loop {
        let reply = user.get(&path).expect_status(200);
        let json = reply.json();
        let files = json["files"].as_array().unwrap();
        assert!(files.len() <= limit);
        found.extend(files.iter().cloned());
        assert_eq!(next(&reply).is_some(), !json["next"].is_null());
        match next(&reply) {
            Some(next) => path = next,
            None => return found,
        }
    }
}

pub(crate) fn fids(entries: &[Value]) -> Vec<&str> {
    let fid = |entry: &'_ Value| entry["fid"].as_str().map(str::len).is_some();
    assert!(entries.iter().all(fid));
    entries
        .iter()
        .map(|entry| entry["fid"].as_str().unwrap())
        .collect()
}

/// The path of the next page, as `Link` has it.
pub(crate) fn next(reply: &Reply) -> Option<String> {
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
        let found = walk(&user, &format!("/files?limit={limit}"), limit);
        assert_eq!(fids(&found), all, "{limit}");
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
            let sizes: Vec<_> = walk(&user, &format!("/files?limit={limit}&sort={sort}"), limit)
                .iter()
                .map(|file| file["size"].as_i64().unwrap())
                .collect();
            assert_eq!(sizes, expected, "{sort} {limit}");
        }
    }
    for limit in 1..=5 {
        let files = walk(
            &user,
            &format!("/files?sort=name&public=1&limit={limit}"),
            limit,
        );
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
        let mark = if path == "/files" { "n" } else { "" };
        let expected = format!("{mark}{}.{}", last[date], name(last));
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
