//! The hot list, which nobody has to sign in for, and what the recommended list learns.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::reply::content_of;
use crate::harness::{Answer, Client, Server, until};

fn see(client: &Client, tag: &str) -> Answer {
    client.post("/app/see", json!({"tag": tag})).expect_code(0)
}

fn get(client: &Client, query: &str) -> Answer {
    client.get(&format!("/app/see{query}"))
}

fn fids(answer: &Answer) -> Vec<String> {
    let list = answer.json["fidlist"].as_array().unwrap();
    list.iter()
        .map(|fid| fid.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn everybody_sees_public_files_the_newest_first_and_nothing_private() {
    let server = Server::start();
    let client = server.client();
    let nothing = see(&client, "");
    for list in [
        "fidlist",
        "namelist",
        "datelist",
        "classifylist",
        "summarylist",
        "userid",
        "username",
    ] {
        assert_eq!(nothing.json[list], json!([]), "{list}");
    }
    assert_eq!(
        (&nothing.json["total"], &nothing.json["tag"]),
        (&json!(0), &json!(""))
    );
    let user = server.new_user();
    let first = user.publish("first", b"one");
    user.hide("hidden", b"two");
    let second = user.publish("second", b"three");
    let answer = see(&client, "");
    assert_eq!(fids(&answer), [second.clone(), first]);
    assert_eq!(answer.json["namelist"], json!(["second", "first"]));
    assert_eq!(answer.json["classifylist"], json!(["", ""]));
    assert_eq!(answer.json["total"], 2);
    assert_eq!(answer.json["userid"][0].as_str().unwrap().len(), 36);
    assert_eq!(get(&client, "").expect_code(0).json, answer.json);
    // At once, whatever was learned of it.
    let hide = json!({"fid": second, "public": false});
    user.post("/app/user/modifyfile", hide).expect_code(141);
    assert_eq!(see(&client, "").json["total"], 1);
}

#[test]
fn pages_follow_one_another_by_tag_with_either_method() {
    let server = Server::with(&[("KMS_RECOMMENDED_LIMIT", "2")]);
    let client = server.client();
    let user = server.new_user();
    let all: BTreeSet<_> = (0..5_u8).map(|n| user.publish("a", &[n])).collect();
    let (mut tag, mut seen) = (String::new(), Vec::new());
    for page in 0..10 {
        let answer = if page % 2 == 0 {
            see(&client, &tag)
        } else {
            get(&client, &format!("?tag={tag}")).expect_code(0)
        };
        seen.extend(fids(&answer));
        tag = answer.json["tag"].as_str().unwrap().to_owned();
        let Some((_, entry)) = tag.split_once('-') else {
            break;
        };
        // It names what was listed last, and counts nothing that anybody stored besides.
        assert_eq!(Some(entry), fids(&answer).last().map(String::as_str));
    }
    assert_eq!(tag, "");
    assert_eq!(seen.len(), 5);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn a_tag_that_was_never_answered_is_bad_format() {
    let server = Server::start();
    let client = server.client();
    let fid = server.new_user().publish("a", b"x");
    let nan = format!("{:016x}-{fid}", f64::NAN.to_bits());
    let counted = format!("{:016x}-{:016x}", 1.0_f64.to_bits(), 1);
    let good = format!("{:016x}-{fid}", 1.0_f64.to_bits());
    see(&client, &good);
    for tag in ["x", "0-0", &nan, &counted, &fid, "%30", "' OR 1=1", "\u{0}"] {
        client.post("/app/see", json!({"tag": tag})).expect_bare(1);
    }
    client.post("/app/see", json!({"tag": 7})).expect_bare(1);
    for query in ["?tag=x", "?tag=%30", "?tag=&tag=", "?a&tag=0-0"] {
        get(&client, query).expect_bare(1);
    }
    // What is no tag is none of its business.
    get(&client, "?x=y&token=z").expect_code(0);
}

/// Three people who have two things make them belong together; a fourth who has one is offered the other, also
/// by a server that was killed meanwhile.
#[test]
fn what_people_have_together_is_recommended_first_also_after_a_kill() {
    let mut server = Server::start();
    for _ in 0..3 {
        let user = server.new_user();
        user.publish("tea", b"tea");
        user.publish("cup", b"cup");
    }
    let noise = server.new_user();
    for n in 0..4_u8 {
        noise.publish("noise", &[n]);
    }
    server.kill();
    server.start_again();
    let asker = server.new_user();
    asker.publish("tea", b"tea");
    until("the cup comes first", || {
        asker
            .recommended()
            .first()
            .is_some_and(|entry| entry.name == "cup")
    });
    assert_eq!(asker.recommended().len(), 5);
}

#[test]
fn what_is_downloaded_and_liked_gets_hot() {
    let server = Server::start();
    let client = server.client();
    let owner = server.new_user();
    let old = owner.publish("old", b"old");
    let new = owner.publish("new", b"new");
    assert_eq!(fids(&see(&client, "")), [new, old.clone()]);
    let fan = server.new_user();
    fan.get_file(&old).expect_code(140);
    fan.post("/app/user/favorite", json!({"fid": old}))
        .expect_code(160);
    until("the old one is hot", || {
        fids(&see(&client, "")).first() == Some(&old)
    });
}

/// What sends no bytes is no download.
#[test]
fn who_only_looks_makes_nothing_hot() {
    let server = Server::start();
    let client = server.client();
    let owner = server.new_user();
    let [old, middle, new] = ["old", "middle", "new"].map(|it| owner.publish(it, it.as_bytes()));
    let reader = server.new_user();
    let path = content_of(&old);
    let tag = reader
        .fetch("HEAD", &path, &[], ())
        .header("etag")
        .unwrap()
        .to_owned();
    for (headers, status) in [
        ([("If-None-Match", tag.as_str())], 304),
        ([("If-Match", "\"another\"")], 412),
        ([("Range", "bytes=99-")], 416),
    ] {
        reader
            .fetch("GET", &path, &headers, ())
            .expect_status(status);
    }
    // What came later is known, so all of this is.
    let part = [("Range", "bytes=0-0")];
    let reply = reader.fetch("GET", &content_of(&middle), &part, ());
    reply.expect_status(206);
    until("the middle one is hot", || {
        fids(&see(&client, "")).first() == Some(&middle)
    });
    assert_eq!(fids(&see(&client, "")), [middle, new, old]);
}
