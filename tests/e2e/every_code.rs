//! One story on one server that meets every code of the table.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::answer::TABLE;
use crate::harness::client::base64;
use crate::harness::data::with;
use crate::harness::{Encoded, Person, Server, Wire, bytes, md5_hex, until, wire};

#[test]
fn every_reachable_code_is_produced() {
    let server = Server::with(&[
        ("KMS_ANONYMOUS_UPLOADS", "1"),
        ("KMS_MAX_FILE", "1MiB"),
        ("KMS_THROTTLE_LOGIN_FREE", "1"),
        ("KMS_THROTTLE_LOGIN_WAIT", "1min"),
    ]);
    let client = server.client();
    let person = Person::new();

    client.test_phone(&person.phone).expect_bare(102);
    client
        .login(&person.phone, &person.password)
        .expect_bare(111);
    client.register(&person).expect_bare(100);
    client.register(&person).expect_bare(101);
    client.test_phone(&person.phone).expect_bare(101);
    client
        .login(&person.phone, "something else")
        .expect_bare(112);
    let user = client.sign_in(&person);
    user.info().expect_code(0);
    user.modify(json!({"name": "李四"})).expect_bare(150);
    user.modify(json!({"name": "李四"})).expect_bare(151);

    user.get_avatar().expect_bare(2);
    user.set_avatar(b"a picture").expect_bare(120);
    user.get_avatar().expect_code(121);

    let content = bytes(1, 1000);
    user.instant("first", &md5_hex(&content)).expect_bare(2);
    let fid = user.upload("first", &content).expect_code(130).fid();
    user.instant("second", &md5_hex(&content)).expect_code(131);
    user.get_file(&fid).expect_code(140);

    let modify = |fields| user.post("/app/user/modifyfile", with(json!({"fid": fid}), fields));
    modify(json!({"name": "renamed"})).expect_bare(141);
    modify(json!({"name": "renamed"})).expect_bare(143);
    let favorite = |fields| user.post("/app/user/favorite", with(json!({"fid": fid}), fields));
    favorite(json!({})).expect_code(160);
    favorite(json!({})).expect_code(161);
    favorite(json!({"cancel": true})).expect_bare(162);
    favorite(json!({"cancel": true})).expect_bare(163);
    modify(json!({"delete": true})).expect_bare(142);
    let trash = |fields| user.post("/app/user/trash", fields);
    trash(json!({"restore": fid})).expect_bare(0);

    client.post_raw("/app/login", "{").expect_bare(1);
    client.post("/app/user/info", json!({})).expect_bare(4);
    client
        .post("/app/user/info", json!({"token": "unknown"}))
        .expect_bare(3);
    user.upload("too large", &bytes(2, 1024 * 1024 + 1))
        .expect_bare(6);
    client
        .send("GET", "/app/login", &[], &Encoded::raw(None, ""))
        .expect_bare(10);

    // While one upload of an unknown sender is under way, a second one has no place.
    until("nothing is staged", || server.staged().is_empty());
    let body = format!(r#"{{"name":"x","data":"{}"#, base64(&bytes(3, 700_000)));
    let mut first = Wire::to(&client);
    first.send(wire::post_head("/app/user/upload", body.len() + 100));
    first.send(&body);
    until("the first one is staged", || !server.staged().is_empty());
    let whole = format!(r#"{body}","token":"{}"}}"#, user.token);
    client.post_raw("/app/user/upload", whole).expect_bare(8);
    drop(first);

    client.login(&person.phone, "one").expect_bare(112);
    client.login(&person.phone, "another").expect_bare(112);
    client.login(&person.phone, "a third").expect_bare(7);
    let quota = ["user", "quota", &person.phone, "--bytes", "0"];
    assert!(server.command(&quota, "").status.success());
    user.upload("beyond the quota", b"x").expect_bare(9);

    for blob in server.blobs() {
        blob.lose();
    }
    user.get_file(&fid).expect_bare(5);

    let seen = server.codes();
    let wanted: BTreeSet<u64> = TABLE.iter().map(|row| row.0).collect();
    assert_eq!(seen, wanted);
}
