//! `/api/v1/hot` and `/api/v1/recommended`: what `see` and `getfilelist` answer, as plain HTTP.

use serde_json::Value;

use crate::harness::{Server, User};

/// The fids of a page, and where the next one begins.
#[track_caller]
fn page(user: &User, path: &str) -> (Vec<String>, Option<String>) {
    let reply = user.fetch("GET", path, &[], ()).expect_status(200);
    let json = reply.json();
    let files = json["files"].as_array().unwrap().iter();
    let fids = files.map(|file| file["fid"].as_str().unwrap().to_owned());
    let next = json["next"].as_str().map(str::to_owned);
    let link = reply.header("link");
    match &next {
        Some(next) => assert!(link.unwrap().contains(&format!("cursor={next}&"))),
        None => assert_eq!(link, None),
    }
    (fids.collect(), next)
}

#[test]
fn the_hot_list_is_walked_page_by_page() {
    let server = Server::start();
    let client = server.client();
    let (author, reader) = (client.new_user(), client.new_user());
    let mut all: Vec<_> = (0..5_u8)
        .map(|n| author.publish(&format!("{n}"), &[n]))
        .collect();
    author.hide("private", b"private");
    all.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..9 {
        let (fids, next) = page(&reader, &format!("/api/v1/hot?limit=2&cursor={cursor}"));
        assert!(fids.len() <= 2);
        seen.extend(fids);
        let Some(next) = next else { break };
        cursor = next;
    }
    assert_eq!(seen, all);
    let reply = reader.fetch("GET", "/api/v1/hot?limit=1", &[], ());
    let first = &reply.json()["files"][0];
    assert_eq!(first["name"], "4");
    assert_eq!(first["owner"], author.info().json["userid"]);
    assert_eq!(first["owner_name"], author.info().json["name"]);
    assert!(first["date"].is_i64());
}

#[test]
fn what_is_recommended_is_public_and_of_others() {
    let server = Server::start();
    let client = server.client();
    let (author, reader) = (client.new_user(), client.new_user());
    let fids: Vec<_> = (0..3_u8).map(|n| author.publish("theirs", &[n])).collect();
    reader.publish("mine", b"mine");
    author.hide("private", b"private");
    let (mut seen, next) = page(&reader, "/api/v1/recommended");
    seen.sort();
    let mut expected = fids;
    expected.sort();
    assert_eq!((seen, next), (expected, None));
    assert_eq!(page(&reader, "/api/v1/recommended?limit=1").0.len(), 1);
    assert_eq!(page(&author, "/api/v1/recommended").0.len(), 1);
}

#[test]
fn a_bad_query_is_refused() {
    let server = Server::start();
    let user = server.client().new_user();
    for query in [
        "limit=0",
        "limit=257",
        "limit=x",
        "cursor=nothing",
        "cursor=a&cursor=b",
    ] {
        for list in ["hot", "recommended"] {
            let is_cursor = query.starts_with("cursor=n");
            if list == "recommended" && is_cursor {
                continue;
            }
            let reply = user.fetch("GET", &format!("/api/v1/{list}?{query}"), &[], ());
            let problem = reply.expect_problem(400, 1);
            assert_ne!(problem.json()["detail"], Value::Null, "{query}");
        }
    }
}
