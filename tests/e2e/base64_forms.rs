//! base64 as clients really send it, and what is none.

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::data::with;
use crate::harness::{Encoded, Format, Server, User, bytes};

/// Bytes whose base64 has `+`, `/` and padding.
fn content() -> Vec<u8> {
    let content = bytes(7, 1000);
    let text = base64(&content);
    assert!(text.contains('+') && text.contains('/') && text.ends_with("=="));
    content
}

/// Lines of 76 characters, as MIME and Android's default have them.
fn lines(text: &str, end: &str) -> String {
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(end) + end
}

fn accepted() -> Vec<String> {
    let standard = base64(&content());
    let url_safe = standard.replace('+', "-").replace('/', "_");
    let bare = |text: &str| text.trim_end_matches('=').to_owned();
    vec![
        standard.clone(),
        bare(&standard),
        url_safe.clone(),
        bare(&url_safe),
        lines(&standard, "\n"),
        lines(&standard, "\r\n"),
        lines(&standard, "\r"),
        lines(&standard, "\t"),
        lines(&url_safe, "\r\n"),
        lines(&bare(&standard), "\n"),
        format!("\n\n{standard}\n"),
        standard.replace("==", "=\n=\r\n"),
        format!("data:;base64,{standard}"),
        format!("data:image/png;base64,{standard}"),
        format!("DATA:image/svg+xml;charset=utf-8;BASE64,{standard}"),
        format!("data:image/png;base64,{}", lines(&standard, "\r\n")),
        format!("data:image/png;base64,{}", bare(&url_safe)),
    ]
}

fn refused() -> Vec<String> {
    let standard = base64(&content());
    [
        "Y",
        "YQ=",
        "YQ===",
        "YR==",
        "YWJ=x",
        "YQ==YQ==",
        "YQ==\nYQ==",
        "YQ=Q",
        "=",
        "====",
        "=YQ=",
        "YWJj=",
        "YWJjZ",
        "*",
        "YW*j",
        "YWJj*",
        "YWJj,",
        "YW.j",
        "ＹＱ＝＝",
        "YWJj\u{0}",
        "YW\u{b}Jj",
        "YWJj\u{a0}",
        "+_==",
        "-/8=",
        "data:text/plain,hello",
        "data:text/plain",
        "data:text/plain;base64",
        "data:text/plain;base32,YQ==",
        "x;base64,YQ==",
        "YWJjdata:;base64,YWJj",
        "hello world!",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("{standard}{standard}"),
        standard.replacen('+', "-", 1),
        format!("data:{};base64,YQ==", "x".repeat(300)),
    ])
    .collect()
}

#[track_caller]
fn send(user: &User, format: Format, data: &str) -> crate::harness::Answer {
    let fields = with(user.signed(json!({"name": "a"})), json!({"data": data}));
    user.client
        .post_as(format, "/app/user/upload", &fields, None)
}

#[test]
fn both_alphabets_padding_or_none_line_breaks_tabs_and_a_head_are_read() {
    let server = Server::start();
    let user = server.new_user();
    for format in [Format::Json, Format::Form] {
        for data in accepted() {
            let fid = send(&user, format, &data).expect_code(130).fid();
            assert_eq!(user.read(&fid), content(), "{format:?} {data:?}");
        }
    }
    server.only_blob();
}

#[test]
fn everything_else_is_refused_and_nothing_is_stored() {
    let server = Server::start();
    let user = server.new_user();
    for format in [Format::Json, Format::Form] {
        for data in refused() {
            let answer = send(&user, format, &data);
            assert_eq!(answer.code(), 1, "{format:?} {data:?}");
        }
    }
    assert!(user.own().is_empty());
    assert!(server.blobs().is_empty());
}

#[test]
fn the_same_holds_for_avatars() {
    let server = Server::start();
    let user = server.new_user();
    for data in accepted() {
        user.post("/app/user/avatar", json!({"data": data}))
            .expect_bare(120);
        assert_eq!(user.get_avatar().data(), content());
    }
    for data in refused() {
        user.post("/app/user/avatar", json!({"data": data}))
            .expect_bare(1);
    }
    assert_eq!(user.get_avatar().data(), content());
}

#[test]
fn slashes_and_line_breaks_may_be_escaped_as_json_allows() {
    let server = Server::start();
    let user = server.new_user();
    let text = lines(&base64(&content()), "\r\n");
    for data in [
        text.replace('/', "\\/")
            .replace('\r', "\\r")
            .replace('\n', "\\n"),
        text.replace('+', "\\u002b")
            .replace('\r', "\\u000D")
            .replace('\n', "\\u000a"),
    ] {
        let body = format!(r#"{{"token":"{}","name":"a","data":"{data}"}}"#, user.token);
        let answer = user.client.post_raw("/app/user/upload", body);
        assert_eq!(user.read(&answer.expect_code(130).fid()), content());
    }
}

#[test]
fn a_space_is_a_plus_in_a_form_and_an_error_in_json() {
    let server = Server::start();
    let user = server.new_user();
    let text = base64(&content());
    for unescaped in [
        text.clone(),
        text.replace('+', " "),
        text.replace('+', "%20"),
        lines(&text, "%0D%0A"),
    ] {
        let form = format!("token={}&name=a&data={unescaped}", user.token);
        let form = Encoded::raw(Some("application/x-www-form-urlencoded"), form);
        let answer = user.client.send("POST", "/app/user/upload", &[], &form);
        assert_eq!(user.read(&answer.expect_code(130).fid()), content());
    }
    let stored = user.own().len();
    for spaced in [
        text.replace('+', " "),
        format!(" {text}"),
        format!("{text} "),
    ] {
        send(&user, Format::Json, &spaced).expect_bare(1);
    }
    assert_eq!(user.own().len(), stored);
}

#[test]
fn the_server_writes_the_standard_alphabet_padded_on_one_line() {
    let server = Server::start();
    let user = server.new_user();
    for size in [1, 2, 3, 300_001] {
        let content = bytes(size as u64, size);
        let fid = user.publish("a", &content);
        assert!(user.get_file(&fid).text("data") == base64(&content));
        user.set_avatar(&content).expect_code(120);
        assert!(user.get_avatar().text("data") == base64(&content));
    }
}

#[test]
fn multipart_data_is_raw_bytes_even_if_it_looks_like_base64() {
    let server = Server::start();
    let user = server.new_user();
    for raw in [
        &b"aGVsbG8="[..],
        b"data:;base64,aGVsbG8=",
        b"--\r\n--\r\n\0\xff",
        b" ",
    ] {
        let fid = user
            .upload_as(Format::Multipart, "raw", raw)
            .expect_code(130)
            .fid();
        assert_eq!(user.read(&fid), raw);
    }
}
