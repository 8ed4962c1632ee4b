//! The fields of an account: what is taken, on both sides of each limit.

use serde_json::{Value, json};

use crate::harness::data::with;
use crate::harness::{Client, Person, Server};

/// Tries to register somebody with other fields; gives back the person and the code.
fn register(client: &Client, more: Value) -> (Person, u64) {
    let person = Person::new();
    let answer = client.post("/app/register", with(person.fields(), more));
    (person, answer.code())
}

/// A04 as well: no NUL.
#[test]
fn a_name_has_one_to_sixteen_characters_and_comes_back_as_given() {
    let server = Server::start();
    let client = server.client();
    for name in [
        "张",
        "1234567890123456",
        "一二三四五六七八九十一二三四五六",
        &"😀".repeat(16),
        &"👨\u{200d}👩\u{200d}👧".repeat(3),
        " a ",
        "<b>\"'%_\\",
    ] {
        let (person, code) = register(&client, json!({"name": name}));
        assert_eq!(code, 100, "{name}");
        let info = client.sign_in(&person).info();
        assert_eq!(info.text("name"), name);
    }
    let user = client.new_user();
    for name in [
        "",
        " ",
        "\u{3000}\u{3000}",
        "12345678901234567",
        &"😀".repeat(17),
        &"👨\u{200d}👩\u{200d}👧".repeat(4),
        "a\nb",
        "a\tb",
        "a\u{0}",
        "a\u{7f}",
    ] {
        let (person, code) = register(&client, json!({"name": name}));
        assert_eq!(code, 1, "{name:?}");
        client.test_phone(&person.phone).expect_code(102);
        user.modify(json!({"name": name})).expect_bare(1);
    }
}

/// A02: at all three routes, on both sides. A04: no NUL.
#[test]
fn a_password_has_six_to_sixteen_characters() {
    let server = Server::start();
    let client = server.client();
    let user = client.new_user();
    for password in ["123456", "1234567890123456", &"😀".repeat(16), "  a  b"] {
        let (person, code) = register(&client, json!({"password": password}));
        assert_eq!(code, 100, "{password}");
        client.login(&person.phone, password).expect_code(110);
        user.modify(json!({"password": password})).expect_bare(150);
        client.login(&user.person.phone, password).expect_code(110);
    }
    for password in [
        "",
        "12345",
        "12345678901234567",
        &"😀".repeat(17),
        "abcde\u{0}f",
    ] {
        let (person, code) = register(&client, json!({"password": password}));
        assert_eq!(code, 1, "{password:?}");
        client.test_phone(&person.phone).expect_code(102);
        user.modify(json!({"password": password})).expect_bare(1);
        // Who logs in may have a password from before the least length.
        let tried = client.login(&user.person.phone, password).code();
        assert_eq!(tried, if password == "12345" { 112 } else { 1 });
    }
}

#[test]
fn the_least_length_of_a_password_is_the_operators() {
    let server = Server::with(&[("KMS_PASSWORD_MIN", "10")]);
    let client = server.client();
    assert_eq!(register(&client, json!({"password": "123456789"})).1, 1);
    assert_eq!(register(&client, json!({"password": "1234567890"})).1, 100);
}

/// A03
#[test]
fn a_password_is_never_cut_folded_or_trimmed() {
    let server = Server::start();
    let client = server.client();
    let password = "Geheim-1234567äß";
    let (person, code) = register(&client, json!({"password": password}));
    assert_eq!(code, 100);
    for wrong in [
        "geheim-1234567äß",
        "Geheim-1234567äs",
        "Geheim-1234567ä",
        "Geheim-1234567a\u{308}",
        " Geheim-123456äß",
        "1",
    ] {
        client.login(&person.phone, wrong).expect_bare(112);
    }
    client
        .login(&person.phone, &format!("{password} "))
        .expect_bare(1);
    client.login(&person.phone, password).expect_code(110);
    let (person, _) = register(&client, json!({"password": "abcdef"}));
    client.login(&person.phone, "abcdef ").expect_bare(112);
}

/// A04 as well: no NUL.
#[test]
fn an_email_is_a_valid_address_of_at_most_fifty_five_characters() {
    let server = Server::start();
    let client = server.client();
    let longest = format!("{}@example.com", "a".repeat(43));
    assert_eq!(longest.len(), 55);
    for email in [
        "a@b.cn",
        "zhang.san+kms@example.com",
        "张三@例子.中国",
        &longest,
    ] {
        let (person, code) = register(&client, json!({"email": email}));
        assert_eq!(code, 100, "{email}");
        let info = client.sign_in(&person).info();
        assert_eq!(info.text("email"), email);
    }
    for email in [
        &format!("a{longest}"),
        "a",
        "@",
        "a@",
        "@b.cn",
        "a b@c.cn",
        "a@b..cn",
        "a@@b.cn",
        "a@b.cn\r\n",
        "a\r\nBcc: x@y.cn",
        "a@b.cn\u{0}",
        " a@b.cn",
    ] {
        let (person, code) = register(&client, json!({"email": email}));
        assert_eq!(code, 1, "{email:?}");
        client.test_phone(&person.phone).expect_code(102);
    }
}

#[test]
fn a_birth_is_any_64_bit_integer() {
    let server = Server::start();
    let client = server.client();
    for birth in [0, -1, 1, 1_700_000_000_000, i64::MIN, i64::MAX] {
        let (person, code) = register(&client, json!({"birth": birth}));
        assert_eq!(code, 100, "{birth}");
        let user = client.sign_in(&person);
        assert_eq!(user.info().text("birth"), birth.to_string());
        user.modify(json!({"birth": birth})).expect_bare(151);
    }
}

#[test]
fn what_is_no_64_bit_integer_is_no_birth() {
    let server = Server::start();
    let client = server.client();
    let user = client.new_user();
    for birth in [
        r#""5""#,
        r#""""#,
        "1.0",
        "1.5",
        "1e3",
        "1E0",
        "9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "true",
        "[]",
        "{}",
        "[5]",
        "NaN",
        "Infinity",
        "+5",
        "05",
        "0x10",
        "5.",
        "-",
    ] {
        let person = Person::new();
        let body = format!(
            r#"{{"phone":"{}","name":"a","password":"geheim-1","birth":{birth}}}"#,
            person.phone
        );
        client.post_raw("/app/register", body).expect_bare(1);
        client.test_phone(&person.phone).expect_bare(102);
        let body = format!(r#"{{"token":"{}","birth":{birth}}}"#, user.token);
        client.post_raw("/app/user/modify", body).expect_bare(1);
    }
    assert_eq!(user.info().text("birth"), "");
}

#[test]
fn a_text_field_takes_texts_only() {
    let server = Server::start();
    let client = server.client();
    for wrong in [json!(1), json!(true), json!([]), json!({}), json!(["a"])] {
        for field in ["phone", "name", "email", "password"] {
            assert_eq!(register(&client, json!({ (field): wrong })).1, 1, "{field}");
        }
        let login = json!({"phone": "13800138000", "password": wrong});
        client.post("/app/login", login).expect_bare(1);
    }
}
