//! Favourites: entries of one's own over the bytes of others' entries.

use serde_json::{Value, json};

use crate::entries::rows;
use crate::harness::data::with;
use crate::harness::{Answer, Server, User, at_once};

const ARRAYS: [&str; 8] = [
    "fidlist",
    "namelist",
    "datelist",
    "classifylist",
    "summarylist",
    "userid",
    "username",
    "sourcelist",
];

fn favorite(user: &User, fields: Value) -> Answer {
    user.post("/app/user/favorite", fields)
}

/// Makes a favourite and gives back its fid.
#[track_caller]
fn add(user: &User, fid: &str) -> String {
    favorite(user, json!({"fid": fid})).expect_code(160).fid()
}

/// The fids of the favourites.
#[track_caller]
fn list(user: &User) -> Vec<String> {
    let all = rows(&favorite(user, json!({})), &ARRAYS).into_iter();
    all.map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn modify(user: &User, fid: &str, fields: Value) -> Answer {
    user.post("/app/user/modifyfile", with(json!({"fid": fid}), fields))
}

#[test]
fn a_favourite_is_made_listed_read_and_cancelled() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let fid = author.publish("theirs.txt", b"bytes");
    modify(&author, &fid, json!({"classify": "canary"})).expect_bare(141);
    assert_eq!(list(&fan), [""; 0]);
    let favourite = add(&fan, &fid);
    assert_ne!(favourite, fid);
    let again = favorite(&fan, json!({"fid": fid})).expect_code(161);
    assert_eq!(again.fid(), favourite);
    let row = &rows(&favorite(&fan, json!({})), &ARRAYS)[0];
    let info = author.info();
    assert_eq!(json!(row[..2]), json!([favourite, "theirs.txt"]));
    let rest = json!(["", "", info.text("userid"), info.text("name"), fid]);
    assert_eq!(json!(row[3..]), rest);
    let found = fan.get_file(&favourite).expect_code(140);
    assert_eq!(
        (found.data(), found.text("name")),
        (b"bytes".to_vec(), "theirs.txt")
    );
    author.get_file(&favourite).expect_bare(2);
    assert!(fan.own().is_empty() && fan.recommended().is_empty());
    assert_eq!(fan.info().json["used"], 5);
    // By its own fid, or by that of the file.
    for named in [&favourite, &fid] {
        favorite(&fan, json!({"fid": named, "cancel": true})).expect_bare(162);
        favorite(&fan, json!({"fid": named, "cancel": true})).expect_bare(163);
        assert_eq!(list(&fan), [""; 0]);
        add(&fan, &fid);
    }
    assert_eq!(fan.info().json["used"], 5);
    assert_eq!(author.read(&fid), b"bytes");
}

#[test]
fn a_favourite_outlives_its_source_but_not_the_right_to_see_it() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let fid = author.publish("a", b"bytes");
    let favourite = add(&fan, &fid);
    modify(&author, &fid, json!({"public": false})).expect_bare(141);
    fan.get_file(&favourite).expect_bare(2);
    assert_eq!(list(&fan), [""; 0]);
    favorite(&fan, json!({"fid": fid, "cancel": true})).expect_bare(163);
    // It counts all the while, so its owner can give it up, by its own id.
    let other = client.new_user();
    let fields = json!({"fid": favourite, "cancel": true});
    favorite(&other, fields).expect_bare(163);
    assert_eq!(fan.info().json["used"], 5);
    modify(&author, &fid, json!({"public": true})).expect_bare(141);
    assert_eq!(fan.read(&favourite), b"bytes");
    assert_eq!(list(&fan), std::slice::from_ref(&favourite));
    modify(&author, &fid, json!({"delete": true})).expect_bare(142);
    assert_eq!(fan.read(&favourite), b"bytes");
    author
        .post("/app/user/trash", json!({"purge": fid}))
        .expect_bare(0);
    assert_eq!(fan.read(&favourite), b"bytes");
    assert_eq!(list(&fan), [favourite]);
}

#[test]
fn a_favourite_that_is_withheld_can_be_given_up_and_its_room_is_back() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    for way in ["cancel", "delete"] {
        let fid = author.publish("a", b"bytes");
        let favourite = add(&fan, &fid);
        modify(&author, &fid, json!({"public": false})).expect_bare(141);
        match way {
            "cancel" => {
                let fields = json!({"fid": favourite, "cancel": true});
                favorite(&fan, fields).expect_bare(162)
            }
            _ => modify(&fan, &favourite, json!({"delete": true})).expect_bare(142),
        };
        assert_eq!(fan.info().json["used"], 0, "{way}");
    }
}

#[test]
fn a_favourite_has_a_name_and_a_label_of_its_own_and_is_not_published() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let fid = author.publish("theirs", b"bytes");
    let favourite = add(&fan, &fid);
    modify(
        &fan,
        &favourite,
        json!({"name": "mine", "classify": "合同"}),
    )
    .expect_bare(141);
    modify(&fan, &favourite, json!({"public": false})).expect_bare(143);
    let before = server.dump();
    modify(&fan, &favourite, json!({"public": true, "name": "b"})).expect_bare(1);
    server.expect_unchanged(&before, "a favourite was to be published");
    let row = &rows(&favorite(&fan, json!({})), &ARRAYS)[0];
    assert_eq!((&row[1], &row[3]), (&json!("mine"), &json!("合同")));
    assert_eq!(author.get_file(&fid).text("name"), "theirs");
    // To delete one is to give it up: there is nothing to bring back.
    modify(&fan, &favourite, json!({"delete": true})).expect_bare(142);
    assert_eq!(list(&fan), [""; 0]);
    let trash = fan.post("/app/user/trash", json!({}));
    assert_eq!(trash.json["total"], 0);
    assert_eq!(fan.info().json["used"], 0);
}

#[test]
fn favourites_count_in_the_quota() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "5"), ("KMS_QUOTA_FILES", "2")]);
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let (four, one) = (author.publish("a", b"1234"), author.publish("b", b"1"));
    fan.upload("mine", b"12").expect_code(130);
    favorite(&fan, json!({"fid": four})).expect_bare(9);
    assert_eq!(list(&fan), [""; 0]);
    add(&fan, &one);
    fan.upload("a third", b"1").expect_bare(9);
}

#[test]
fn a_bad_wish_is_1_and_changes_nothing() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let (fid, hidden) = (author.publish("a", b"1"), author.hide("b", b"2"));
    add(&fan, &fid);
    let before = server.dump();
    for bad in [
        json!({"cancel": true}),
        json!({"fid": null, "cancel": true}),
        json!({"fid": 5}),
        json!({"fid": [fid]}),
        json!({"fid": fid, "cancel": "yes"}),
        json!({"fid": fid, "cancel": 1}),
    ] {
        favorite(&fan, bad.clone()).expect_bare(1);
        server.expect_unchanged(&before, &bad.to_string());
    }
    let unknown = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for fid in ["", "x", unknown, &hidden] {
        favorite(&fan, json!({"fid": fid})).expect_bare(2);
        favorite(&fan, json!({"fid": fid, "cancel": true})).expect_bare(163);
    }
    server.expect_unchanged(&before, "unknown fids");
}

#[test]
fn of_simultaneous_wishes_for_one_favourite_one_is_160_and_the_rest_161() {
    let server = Server::start();
    let client = server.client();
    let (author, fan) = (client.new_user(), client.new_user());
    let fid = author.publish("a", b"bytes");
    let answers = at_once(32, |_| favorite(&fan, json!({"fid": fid})));
    let added = answers.iter().filter(|answer| answer.code() == 160);
    assert_eq!(added.count(), 1);
    let first = &list(&fan)[0];
    for answer in &answers {
        assert!(matches!(answer.code(), 160 | 161), "{answer:?}");
        assert_eq!(answer.text("fid"), first);
    }
}
