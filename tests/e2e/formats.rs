//! The same requests as JSON, as a form and as multipart; and where the token may be.

use serde_json::{Value, json};

use crate::harness::client::base64;
use crate::harness::data::with;
use crate::harness::{Answer, Encoded, Format, Person, Server, User, bytes, md5_hex};

/// Every route that wants a token, with fields that it takes and the code that it then answers.
fn signed_routes(fid: &str) -> Vec<(&'static str, Value, u64)> {
    vec![
        ("/app/user/info", json!({}), 0),
        ("/app/user/modify", json!({}), 151),
        ("/app/user/modifyinfo", json!({}), 151),
        ("/app/user/avatar", json!({"data": base64(b"picture")}), 120),
        ("/app/user/get_avatar", json!({}), 121),
        (
            "/app/user/upload",
            json!({"name": "a", "data": base64(b"content")}),
            130,
        ),
        ("/app/user/getfile", json!({"fid": fid}), 140),
        ("/app/user/getownfilelist", json!({}), 0),
        ("/app/user/getfilelist", json!({}), 0),
    ]
}

/// Somebody who has an avatar and a file.
fn settled(server: &Server) -> (User, String) {
    let user = server.new_user();
    user.set_avatar(b"picture").expect_code(120);
    let fid = user.publish("first", b"something");
    (user, fid)
}

#[test]
fn every_route_reads_every_format() {
    let server = Server::start();
    let client = server.client();
    let content = bytes(1, 3000);
    for format in Format::ALL {
        let person = Person::new();
        let post = |route: &str, fields: Value, data: Option<&[u8]>| {
            client.post_as(format, route, &fields, data)
        };
        let phone = json!({"phone": person.phone});
        post("/app/register/testphone", phone, None).expect_bare(102);
        let fields = with(person.fields(), json!({"email": "a+b@c.cn", "birth": -1}));
        post("/app/register", fields, None).expect_bare(100);
        let login = post("/app/login", person.fields(), None).expect_code(110);
        assert_eq!(login.json["first_time"], true);
        let user = User::new(client.clone(), person, login.text("token"));
        let post = |route: &str, fields: Value, data: Option<&[u8]>| {
            client.post_as(format, route, &user.signed(fields), data)
        };
        let info = post("/app/user/info", json!({}), None).expect_code(0);
        assert_eq!(info.text("name"), user.person.name);
        assert_eq!((info.text("email"), info.text("birth")), ("a+b@c.cn", "-1"));
        post("/app/user/avatar", json!({}), Some(&content)).expect_bare(120);
        let avatar = post("/app/user/get_avatar", json!({}), None).expect_code(121);
        assert_eq!(avatar.data(), content);
        let title = "a & b = c; \"d\" + 100% 报告.pdf";
        let fields = json!({"name": title, "public": false, "md5": md5_hex(&content)});
        let stored = post("/app/user/upload", fields, Some(&content)).expect_code(130);
        let fields = json!({"name": "again", "md5": md5_hex(&content)});
        post("/app/user/upload", fields, None).expect_code(131);
        let file = post("/app/user/getfile", json!({"fid": stored.fid()}), None);
        assert_eq!(file.clone().expect_code(140).data(), content);
        assert_eq!(file.text("name"), title);
        let own = post("/app/user/getownfilelist", json!({}), None).expect_code(0);
        assert_eq!(own.json["namelist"], json!(["again", title]));
        assert_eq!(own.json["public"], json!([true, false]));
        post("/app/user/getfilelist", json!({}), None).expect_code(0);
        post("/app/user/modify", json!({"name": "新"}), None).expect_bare(150);
    }
}

#[test]
fn a_json_body_is_read_under_any_or_no_content_type() {
    let server = Server::start();
    let (user, fid) = settled(&server);
    for content_type in [
        None,
        Some("application/json; charset=utf-8"),
        Some("text/plain"),
        Some("text/html; charset=gbk"),
        Some("application/octet-stream"),
        // What curl says of every `-d`.
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data"),
        Some("multipart/form-data; boundary=x"),
        Some("nonsense"),
        Some("application/json, text/plain"),
    ] {
        for (route, fields, code) in signed_routes(&fid) {
            let body = format!(" \r\n\t{}\n ", user.signed(fields));
            let body = Encoded::raw(content_type, body);
            user.client
                .send("POST", route, &[], &body)
                .expect_code(code);
        }
    }
}

#[test]
fn the_token_may_come_in_the_body_or_as_bearer_and_the_body_wins() {
    let server = Server::start();
    let (user, fid) = settled(&server);
    let other = server.new_user();
    let send = |route: &str, authorization: &str, fields: &Value| {
        let body = Encoded::new(Format::Json, fields, None);
        let headers = [("Authorization", authorization)];
        user.client.send("POST", route, &headers, &body)
    };
    let mine = format!("Bearer {}", user.token);
    for (route, fields, code) in signed_routes(&fid) {
        send(route, &mine, &fields).expect_code(code);
        send(route, &mine.replace("Bearer", "bEARER"), &fields).expect_code(code);
        send(route, "Bearer unknown", &user.signed(fields.clone())).expect_code(code);
        send(route, &mine, &with(fields.clone(), json!({"token": null}))).expect_code(code);
        let wrong = with(fields.clone(), json!({"token": "unknown"}));
        send(route, &mine, &wrong).expect_bare(3);
        let empty = with(fields.clone(), json!({"token": ""}));
        send(route, &mine, &empty).expect_bare(4);
        // Another scheme is a proxy's business.
        send(route, "Basic dXNlcjpwYXNz", &fields).expect_bare(4);
    }
    let info = send("/app/user/info", &mine, &other.signed(json!({})));
    assert_eq!(info.text("phone"), other.person.phone);
}

#[test]
fn bearer_serves_forms_and_multipart_too() {
    let server = Server::start();
    let user = server.new_user();
    let bearer = format!("Bearer {}", user.token);
    let headers = [("Authorization", bearer.as_str())];
    for format in Format::ALL {
        let send = |route: &str, fields: Value, data: Option<&[u8]>| {
            let body = Encoded::new(format, &fields, data);
            user.client.send("POST", route, &headers, &body)
        };
        send("/app/user/info", json!({}), None).expect_code(0);
        send(
            "/app/user/upload",
            json!({"name": "a"}),
            Some(&bytes(1, 100_000)),
        )
        .expect_code(130);
    }
}

#[test]
fn no_token_is_4_an_unknown_one_3_and_none_that_is_a_text_1() {
    let server = Server::start();
    let (user, fid) = settled(&server);
    let before = user.state();
    for (route, fields, _) in signed_routes(&fid) {
        let post = |token: Value| -> Answer {
            let fields = with(fields.clone(), json!({"token": token}));
            user.client.post(route, fields)
        };
        user.client.post(route, fields.clone()).expect_bare(4);
        post(json!(null)).expect_bare(4);
        post(json!("")).expect_bare(4);
        let long = "x".repeat(4000);
        let other_case = user.token.to_ascii_uppercase();
        for unknown in ["unknown", " ", &long, &other_case, "' OR 1=1 --", "😀"] {
            post(json!(unknown)).expect_bare(3);
        }
        post(json!(user.token[1..])).expect_bare(3);
        for wrong in [
            json!(5),
            json!(true),
            json!([]),
            json!({}),
            json!([user.token]),
        ] {
            post(wrong).expect_bare(1);
        }
    }
    assert_eq!(user.state(), before);
}

#[test]
fn no_token_and_an_empty_one_are_4_in_forms_as_well() {
    let server = Server::start();
    let (user, fid) = settled(&server);
    for format in [Format::Form, Format::Multipart] {
        for (route, fields, _) in signed_routes(&fid) {
            let mut fields = fields;
            let data = fields
                .as_object_mut()
                .unwrap()
                .remove("data")
                .map(|_| &b"content"[..]);
            let post = |more: Value| {
                let fields = with(fields.clone(), more);
                user.client.post_as(format, route, &fields, data)
            };
            post(json!({})).expect_bare(4);
            post(json!({"token": ""})).expect_bare(4);
            post(json!({"token": "unknown"})).expect_bare(3);
        }
    }
}

#[test]
fn the_token_is_judged_before_the_other_fields() {
    let server = Server::start();
    let user = server.new_user();
    for (route, bad) in [
        ("/app/user/getfile", json!({})),
        ("/app/user/getfile", json!({"fid": 5})),
        ("/app/user/modify", json!({"birth": "5"})),
        ("/app/user/upload", json!({})),
        ("/app/user/upload", json!({"name": "", "data": ""})),
        ("/app/user/avatar", json!({})),
    ] {
        user.client.post(route, bad.clone()).expect_bare(4);
        let unknown = with(bad.clone(), json!({"token": "unknown"}));
        user.client.post(route, unknown).expect_bare(3);
        user.post(route, bad).expect_bare(1);
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let server = Server::start();
    let user = server.new_user();
    let odd = json!({
        "": 1, "Token": 5, "nested": {"token": "x", "data": [1, {"a": null}]},
        "list": [], "nothing": null, "数": "😀",
    });
    user.post("/app/user/info", odd.clone()).expect_code(0);
    user.upload_with("a", b"content", odd).expect_code(130);
    let form = json!({"unknown": "x", "token2": "y"});
    for format in [Format::Form, Format::Multipart] {
        let fields = user.signed(form.clone());
        user.client
            .post_as(format, "/app/user/info", &fields, None)
            .expect_code(0);
    }
}

#[test]
fn one_field_may_be_written_in_any_way_json_has() {
    let server = Server::start();
    let user = server.new_user();
    let body = format!(
        r#"{{"\u0074oken":"{}","\u006eame":"\u5f20\u4e09\ud83d\ude00\/","data":"aGVs\u0062G8=" }}"#,
        user.token
    );
    let fid = user
        .client
        .post_raw("/app/user/upload", body)
        .expect_code(130)
        .fid();
    let file = user.get_file(&fid).expect_code(140);
    assert_eq!(file.text("name"), "张三😀/");
    assert_eq!(file.data(), b"hello");
}

#[test]
fn the_length_that_a_part_of_a_form_claims_cuts_no_file_short() {
    let server = Server::start();
    let user = server.new_user();
    for claimed in ["3", "11", "4000"] {
        let body = format!(
            "--x \r\nContent-Disposition: form-data; name=token\r\n\r\n{}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n\
             --x\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a\"\r\n\
             Content-Type: multipart/related\r\nContent-Length: {claimed}\r\n\r\nhello world\r\n\
             --x--\r\n",
            user.token
        );
        let body = Encoded::raw(Some("multipart/form-data; boundary=x"), body);
        let answer = user.client.send("POST", "/app/user/upload", &[], &body);
        let fid = answer.expect_code(130).text("fid").to_owned();
        assert_eq!(user.read(&fid), b"hello world", "{claimed}");
    }
}

#[test]
fn a_bad_token_is_told_before_a_bad_value() {
    let server = Server::start();
    let user = server.new_user();
    let long = "x".repeat(5000);
    for (route, fields) in [
        ("/app/user/upload", json!({"name": "a", "data": 5})),
        ("/app/user/upload", json!({"name": "a", "data": "!!!"})),
        ("/app/user/upload", json!({"name": long})),
        ("/app/user/upload", json!({"name": "a\0"})),
        ("/app/user/avatar", json!({"data": {}})),
        ("/app/user/getfile", json!({"fid": long})),
        ("/app/user/modify", json!({"birth": "5"})),
    ] {
        // The token stands in front, as a client would write it.
        let fields = fields.to_string();
        let post = |token: &str| {
            let body = format!(r#"{{"token":"{token}",{}"#, &fields[1..]);
            user.client.post_raw(route, body)
        };
        post("unknown").expect_bare(3);
        post("").expect_bare(4);
        post(&user.token).expect_bare(1);
    }
}
