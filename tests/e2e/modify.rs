//! Changing an account.

use serde_json::{Value, json};

use crate::harness::{Format, Server};

#[test]
fn each_field_changes_alone_and_the_others_stay() {
    let server = Server::start();
    let user = server.new_user();
    user.modify(json!({"name": "李四"})).expect_bare(150);
    user.modify(json!({"birth": -5})).expect_bare(150);
    let info = user.info();
    assert_eq!(info.text("name"), "李四");
    assert_eq!(info.text("birth"), "-5");
    assert_eq!(info.text("phone"), user.person.phone);
    assert_eq!(info.text("email"), "");
    user.modify(json!({"birth": 6})).expect_bare(150);
    assert_eq!(user.info().text("name"), "李四");
}

#[test]
fn no_field_and_the_same_values_are_no_change() {
    let server = Server::start();
    let user = server.new_user();
    user.modify(json!({"birth": 7})).expect_bare(150);
    for nothing in [
        json!({}),
        json!({"name": null, "password": null, "birth": null}),
        json!({"name": user.person.name}),
        json!({"birth": 7}),
        json!({"password": user.person.password}),
        json!({"name": user.person.name, "birth": 7, "password": user.person.password}),
        json!({"email": "new@example.com", "phone": "13800138000", "userid": "x"}),
    ] {
        user.modify(nothing).expect_bare(151);
    }
    user.info().expect_code(0);
}

#[test]
fn the_same_password_ends_no_session() {
    let server = Server::start();
    let user = server.new_user();
    let other = server.client().sign_in(&user.person);
    user.modify(json!({"password": user.person.password}))
        .expect_bare(151);
    other.info().expect_code(0);
}

#[test]
fn one_changed_field_among_unchanged_ones_is_a_change() {
    let server = Server::start();
    let user = server.new_user();
    let fields = json!({"name": user.person.name, "birth": 1});
    user.modify(fields.clone()).expect_bare(150);
    user.modify(fields).expect_bare(151);
}

#[test]
fn a_bad_value_changes_nothing_at_all() {
    let server = Server::start();
    let user = server.new_user();
    let other = server.client().sign_in(&user.person);
    let before = user.state();
    for bad in [
        json!({"name": "新名字", "birth": "5"}),
        json!({"name": "12345678901234567", "birth": 1}),
        json!({"birth": 1, "password": "kurz"}),
        json!({"name": 5, "password": "nagelneu"}),
        json!({"password": "nagelneu", "birth": 1.5}),
    ] {
        user.modify(bad).expect_bare(1);
    }
    assert_eq!(user.state(), before);
    other.info().expect_code(0);
    server.client().sign_in(&user.person);
}

#[test]
fn modifyinfo_is_another_name_of_modify() {
    let server = Server::start();
    let user = server.new_user();
    let post = |fields: Value| user.post("/app/user/modifyinfo", fields);
    post(json!({"name": "李四"})).expect_bare(150);
    post(json!({"name": "李四"})).expect_bare(151);
    post(json!({"name": ""})).expect_bare(1);
    user.modify(json!({"name": "李四"})).expect_bare(151);
    assert_eq!(user.info().text("name"), "李四");
}

#[test]
fn forms_have_no_types_and_an_empty_field_is_no_change() {
    let server = Server::start();
    let user = server.new_user();
    for (format, birth) in [(Format::Form, 5), (Format::Multipart, 6)] {
        let modify = |fields: Value| {
            let fields = user.signed(fields);
            user.client
                .post_as(format, "/app/user/modify", &fields, None)
        };
        modify(json!({"birth": birth.to_string()})).expect_bare(150);
        assert_eq!(user.info().text("birth"), birth.to_string());
        modify(json!({"birth": "", "name": "", "password": ""})).expect_bare(151);
        for bad in ["1.0", "1e3", "9223372036854775808", "+5", " 5", "five"] {
            modify(json!({"birth": bad})).expect_bare(1);
        }
    }
}
