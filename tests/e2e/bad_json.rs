//! Bodies that cannot be read: code 1, nothing changes, and the server goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::client::base64;
use crate::harness::data::with;
use crate::harness::wire::post;
use crate::harness::{Encoded, Format, Server, User, Wire, bytes, contract_paths};

/// Bodies that break the rules, around a good token, so that only what is wrong can be the reason.
fn broken(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let good = format!(r#"{{"token":"{token}"}}"#);
    let around = |begin: &[u8], end: &[u8]| [begin, good.as_bytes(), end].concat();
    let inside = |more: &str| format!(r#"{{"token":"{token}",{more}}}"#).into_bytes();
    let inside_bytes = |more: &[u8]| {
        let begin = format!(r#"{{"token":"{token}","#);
        [begin.as_bytes(), more, b"}"].concat()
    };
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(to_bytes).collect();
    vec![
        ("empty", Vec::new()),
        ("blanks", b" \r\n\t ".to_vec()),
        ("null", b"null".to_vec()),
        ("true", b"true".to_vec()),
        ("a number", b"5".to_vec()),
        ("a string", b"\"token\"".to_vec()),
        ("an empty array", b"[]".to_vec()),
        ("an array around it", around(b"[", b"]")),
        ("cut off", good.as_bytes()[..good.len() - 1].to_vec()),
        (
            "cut off in a string",
            good.as_bytes()[..good.len() - 2].to_vec(),
        ),
        ("trailing letters", around(b"", b"x")),
        ("a trailing comma behind it", around(b"", b",")),
        ("a trailing brace", around(b"", b"}")),
        ("a trailing NUL", around(b"", b"\0")),
        ("two documents", around(b"", b"{}")),
        ("two documents on two lines", around(b"{}\n", b"")),
        ("a comment", around(b"/* x */", b"")),
        ("a comment behind it", around(b"", b"// x")),
        ("a BOM", around(b"\xef\xbb\xbf", b"")),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
        ("single quotes", good.replace('"', "'").into_bytes()),
        ("no quotes", good.replace('"', "").into_bytes()),
        ("no colon", good.replace(':', " ").into_bytes()),
        ("an equals sign", good.replace(':', "=").into_bytes()),
        (
            "a trailing comma in it",
            good.replace('}', ",}").into_bytes(),
        ),
        (
            "a leading comma in it",
            good.replace('{', "{,").into_bytes(),
        ),
        ("the token twice", inside(&format!(r#""token":"{token}""#))),
        ("the token twice, once null", inside(r#""token":null"#)),
        (
            "the token twice, once escaped",
            inside(r#""\u0074oken":"x""#),
        ),
        ("a lone high surrogate", inside(r#""x":"\ud83d""#)),
        ("a lone low surrogate", inside(r#""x":"\ude00""#)),
        ("swapped surrogates", inside(r#""x":"\ude00\ud83d""#)),
        ("a high surrogate and a letter", inside(r#""x":"\ud83da""#)),
        ("a lone surrogate in a key", inside(r#""\ud83d":1"#)),
        ("an unknown escape", inside(r#""x":"\x41""#)),
        ("a short escape", inside(r#""x":"\u12""#)),
        ("a bad hex digit", inside(r#""x":"\u12g4""#)),
        ("an overlong slash", inside_bytes(b"\"x\":\"\xc0\xaf\"")),
        ("an overlong NUL", inside_bytes(b"\"x\":\"\xc0\x80\"")),
        ("a byte of no UTF-8", inside_bytes(b"\"x\":\"\xff\"")),
        ("a cut-off character", inside_bytes(b"\"x\":\"\xe5\xbc\"")),
        (
            "an encoded surrogate",
            inside_bytes(b"\"x\":\"\xed\xa0\x80\""),
        ),
        (
            "beyond Unicode",
            inside_bytes(b"\"x\":\"\xf4\x90\x80\x80\""),
        ),
        ("no UTF-8 in a key", inside_bytes(b"\"\xff\":1")),
        (
            "no UTF-8, nested",
            inside_bytes(b"\"x\":[{\"y\":\"\xff\"}]"),
        ),
        ("a raw line feed", inside_bytes(b"\"x\":\"a\nb\"")),
        ("a raw tab", inside_bytes(b"\"x\":\"a\tb\"")),
        ("a raw NUL", inside_bytes(b"\"x\":\"a\0b\"")),
        ("a NUL between", inside_bytes(b"\0\"x\":1")),
        ("NaN", inside(r#""x":NaN"#)),
        ("Infinity", inside(r#""x":-Infinity"#)),
        ("True", inside(r#""x":True"#)),
        ("a bare word", inside(r#""x":word"#)),
        ("a leading zero", inside(r#""x":01"#)),
        ("a leading plus", inside(r#""x":+1"#)),
        ("hexadecimal", inside(r#""x":0x10"#)),
        ("a bare point", inside(r#""x":1."#)),
        ("a bare exponent", inside(r#""x":1e"#)),
        ("no value", inside(r#""x":"#)),
        ("no key", inside(":1")),
        ("a number as a key", inside("1:1")),
        ("an array that is not closed", inside(r#""x":[1"#)),
        ("an array closed as an object", inside(r#""x":[1}"#)),
        ("a comma at an array's end", inside(r#""x":[1,]"#)),
        ("33 deep", inside(&nested(32))),
        ("thousands deep", inside(&nested(7000))),
        (
            "thousands deep, not closed",
            "[".repeat(10_000).into_bytes(),
        ),
        ("objects, not closed", r#"{"x":"#.repeat(3000).into_bytes()),
        (
            "a token of 5,000 bytes",
            format!(r#"{{"token":"{}"}}"#, "x".repeat(5000)).into_bytes(),
        ),
    ]
}

/// A field with so many arrays within each other, inside the object.
fn nested(depth: usize) -> String {
    format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth))
}

/// Somebody with something to lose.
fn settled(server: &Server) -> User {
    let user = server.new_user();
    user.modify(json!({"birth": 5})).expect_code(150);
    user.publish("a", b"content");
    user
}

#[test]
fn what_is_no_json_object_is_refused_and_changes_nothing() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    for (name, body) in broken(&user.token) {
        let begun = Instant::now();
        let answer = user.client.post_raw("/app/user/info", body);
        assert_eq!(answer.code(), 1, "{name}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}");
        server.expect_unchanged(&before, name);
    }
}

#[test]
fn every_route_refuses_what_is_no_json_object() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    for route in contract_paths() {
        for (name, body) in broken(&user.token) {
            // A route without tokens does not know the field, and ignores what it does not know.
            if route == "/app/see" && name.contains("token") {
                continue;
            }
            let answer = user.client.post_raw(route, body);
            assert_eq!(answer.code(), 1, "{route}: {name}");
        }
    }
    server.expect_unchanged(&before, "a body");
}

#[test]
fn what_is_broken_behind_the_data_of_an_upload_is_found_too() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    let token = &user.token;
    for size in [10, 600_000] {
        let data = base64(&bytes(1, size));
        let good = format!(r#"{{"token":"{token}","name":"a","data":"{data}""#);
        for end in [
            "",
            "]",
            ",}",
            "}}",
            "}x",
            r#","data":"eA=="}"#,
            r#","data":null}"#,
            r#","name":"b"}"#,
            r#","x":"\ud800"}"#,
            r#","x":[}"#,
        ] {
            let answer = user
                .client
                .post_raw("/app/user/upload", format!("{good}{end}"));
            assert_eq!(answer.code(), 1, "{end}");
        }
        let twice = format!(r#"{{"token":"{token}","name":"a","data":null,"data":"{data}"}}"#);
        user.client
            .post_raw("/app/user/upload", twice)
            .expect_bare(1);
    }
    server.expect_unchanged(&before, "a body");
    server.only_blob();
}

#[test]
fn nesting_of_32_is_read() {
    let server = Server::start();
    let user = server.new_user();
    let body = format!(r#"{{"token":"{}",{}}}"#, user.token, nested(31));
    user.client.post_raw("/app/user/info", body).expect_code(0);
}

#[test]
fn nul_is_refused_in_every_field() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    let person = crate::harness::Person::new();
    let upload = json!({
        "token": user.token, "name": "a", "md5": "0".repeat(32), "sha256": "0".repeat(64),
    });
    let account = with(person.fields(), json!({"email": "a@b.cn"}));
    for (route, fields) in [
        ("/app/register", account),
        ("/app/register/testphone", json!({"phone": person.phone})),
        (
            "/app/login",
            json!({"phone": person.phone, "password": "geheim-1"}),
        ),
        ("/app/user/info", json!({"token": user.token})),
        (
            "/app/user/getfile",
            json!({"token": user.token, "fid": "x"}),
        ),
        ("/app/user/upload", upload),
        (
            "/app/user/modify",
            json!({"token": user.token, "name": "a", "password": "geheim-1"}),
        ),
    ] {
        for (field, value) in fields.as_object().unwrap() {
            for nul in [
                format!("{}\0", value.as_str().unwrap()),
                format!("\0{}", value.as_str().unwrap()),
                "\0".to_owned(),
            ] {
                let bad = with(fields.clone(), json!({ (field.as_str()): nul }));
                for format in Format::ALL {
                    let answer = user.client.post_as(format, route, &bad, None);
                    assert_eq!(answer.code(), 1, "{route} {field} {format:?}");
                }
            }
        }
    }
    user.client.test_phone(&person.phone).expect_code(102);
    server.expect_unchanged(&before, "a body");
}

#[test]
fn a_hundred_thousand_unknown_keys_and_a_huge_one_are_ignored_in_time() {
    let server = Server::start();
    let user = server.new_user();
    let mut many = format!(r#"{{"token":"{}","name":"a","#, user.token);
    for index in 0..100_000 {
        many.push_str(&format!(r#""k{index}":{index},"#));
    }
    many.push_str(r#""data":"eA=="}"#);
    let huge = format!(
        r#"{{"{}":1,"token":"{}","name":"a","data":"eA=="}}"#,
        "k".repeat(1024 * 1024),
        user.token
    );
    for body in [many, huge] {
        let begun = Instant::now();
        user.client
            .post_raw("/app/user/upload", body.as_str())
            .expect_code(130);
        assert!(begun.elapsed() < Duration::from_secs(5));
        user.client.post_raw("/app/user/info", body).expect_bare(6);
    }
}

#[test]
fn broken_forms_are_refused() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    let token = &user.token;
    for body in [
        format!("token={token}&token={token}"),
        format!("token={token}&x=%"),
        format!("token={token}&x=%4"),
        format!("token={token}&x=%zz"),
        format!("token={token}&x=%ff"),
        format!("token={token}&x=%c0%af"),
        format!("token={token}&%ff=1"),
        format!("token={token}%00"),
        format!("token={}", "x".repeat(5000)),
    ] {
        let form = Encoded::raw(Some("application/x-www-form-urlencoded"), body.as_str());
        let answer = user.client.send("POST", "/app/user/info", &[], &form);
        assert_eq!(answer.code(), 1, "{body}");
    }
    server.expect_unchanged(&before, "a body");
}

#[test]
fn broken_multipart_bodies_are_refused() {
    let server = Server::start();
    let user = settled(&server);
    let before = server.dump();
    let fields = user.signed(json!({"name": "b"}));
    let good = Encoded::new(Format::Multipart, &fields, Some(&bytes(1, 100_000)));
    let content_type = good.content_type.clone().unwrap();
    let send = |content_type: &str, bytes: Vec<u8>| {
        let body = Encoded::raw(Some(content_type), bytes);
        user.client.send("POST", "/app/user/upload", &[], &body)
    };
    let middle = good.bytes.len() / 2;
    let twice = |field: &Value| {
        let extra = Encoded::new(Format::Multipart, field, None).bytes;
        let end = extra.len() - content_type.rsplit('=').next().unwrap().len() - 6;
        [&extra[..end], good.bytes.as_slice()].concat()
    };
    for (name, content_type, bytes) in [
        ("no boundary", "multipart/form-data", good.bytes.clone()),
        (
            "another boundary",
            "multipart/form-data; boundary=other",
            good.bytes.clone(),
        ),
        (
            "cut off",
            content_type.as_str(),
            good.bytes[..middle].to_vec(),
        ),
        (
            "without its end",
            content_type.as_str(),
            good.bytes[..good.bytes.len() - 6].to_vec(),
        ),
        ("empty", content_type.as_str(), Vec::new()),
        (
            "no multipart at all",
            content_type.as_str(),
            b"token=x".to_vec(),
        ),
        (
            "the name twice",
            content_type.as_str(),
            twice(&json!({"name": "c"})),
        ),
    ] {
        let answer = send(content_type, bytes);
        assert_eq!(answer.code(), 1, "{name}: {answer:?}");
        server.expect_unchanged(&before, name);
    }
    send(&content_type, good.bytes.clone()).expect_code(130);
}

#[test]
fn a_connection_can_be_used_again_after_a_refusal_or_says_that_it_cannot() {
    let server = Server::start();
    let user = server.new_user();
    let good = user.signed(json!({})).to_string();
    let mut used_again = 0;
    for (name, body) in broken(&user.token) {
        let mut wire = Wire::to(&user.client);
        wire.send(post("/app/user/info", &body));
        if wire.answer().expect_bare(1).closes() {
            continue;
        }
        wire.send(post("/app/user/info", &good));
        assert_eq!(wire.answer().code(), 0, "{name}");
        used_again += 1;
    }
    assert!(used_again > 0);
}
