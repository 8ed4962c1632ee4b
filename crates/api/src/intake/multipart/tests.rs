use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const SHAPE: Shape = Shape {
    fields: &["token", "name"],
    payload: Some("data"),
};
const TYPE: &str = "multipart/form-data; boundary=XX";

type Outcome = Result<(Fields, Vec<u8>), ScanError>;

fn cut(body: &[u8], sizes: &[usize]) -> Outcome {
    let mut scanner = MultipartScanner::new(SHAPE, TYPE)?;
    let (mut payload, mut rest) = (Vec::new(), body);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        scanner.feed(chunk, &mut payload)?;
        rest = after;
    }
    Ok((scanner.finish()?, payload))
}

/// Reads a body whole, and demands the same of every size of piece.
fn read(body: &[u8]) -> Outcome {
    let whole = cut(body, &[usize::MAX]);
    for size in 1..=12 {
        let pieces = cut(body, &[size]);
        assert_eq!(pieces.is_ok(), whole.is_ok(), "pieces of {size}");
        if let (Ok(pieces), Ok(whole)) = (pieces, &whole) {
            assert_eq!(&pieces, whole, "pieces of {size}");
        }
    }
    whole
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--XX\r\n", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn named(name: &str, content: &[u8]) -> Vec<u8> {
    part(
        &format!("Content-Disposition: form-data; name=\"{name}\""),
        content,
    )
}

fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--XX--\r\n"].concat()
}

#[test]
fn fields_and_payload_come_out_as_they_were() {
    let bytes = b"a\r\n--X\0\r\r\n--\r\n-\xff";
    let (fields, payload) = read(&body(&[
        named("token", b"t"),
        named("other", b"thrown away"),
        named("data", bytes),
        named("name", "报告".as_bytes()),
    ]))
    .unwrap();
    assert_eq!(payload, bytes);
    assert_eq!(fields.payload_len(), u64::try_from(bytes.len()).ok());
    assert_eq!(fields.required_text("token"), Ok("t"));
    assert_eq!(fields.required_text("name"), Ok("报告"));
}

#[test]
fn the_length_a_part_claims_cuts_nothing() {
    for claimed in ["3", "11", "999", "x"] {
        let head = format!(
            "content-length: {claimed}\r\nCONTENT-DISPOSITION: form-data; name=data; filename=\"a\""
        );
        let (_, payload) = read(&body(&[part(&head, b"hello world")])).unwrap();
        assert_eq!(payload, b"hello world", "{claimed}");
    }
}

#[test]
fn preamble_padding_and_epilogue_mean_nothing() {
    let text = b"preamble\r\n--XX \t\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nt\r\n--XX-- \r\nmore";
    assert_eq!(read(text).unwrap().0.required_text("token"), Ok("t"));
    let (fields, payload) = read(b"--XX--").unwrap();
    assert!(!fields.has_payload() && payload.is_empty());
}

#[test]
fn an_epilogue_may_be_long() {
    let epilogue = "x".repeat(2 * MAX_HEAD);
    assert!(read(format!("--XX--{epilogue}").as_bytes()).is_ok());
}

#[test]
fn an_empty_payload_is_present() {
    let (fields, _) = read(&body(&[named("data", b"")])).unwrap();
    assert_eq!(fields.payload_len(), Some(0));
}

#[test]
fn parts_of_any_type_and_without_a_name_are_read() {
    let related = "Content-Disposition: form-data; name=\"data\"\r\nContent-Type: multipart/related; boundary=YY";
    let (_, payload) = read(&body(&[
        part("X-Nothing: 1", b"lost"),
        part(related, b"kept"),
    ]))
    .unwrap();
    assert_eq!(payload, b"kept");
}

#[test]
fn what_breaks_the_form_is_refused() {
    let long = "x".repeat(MAX_HEAD);
    for (why, bad) in [
        ("empty", Vec::new()),
        ("no delimiter", b"hello".to_vec()),
        ("cut off in content", named("token", b"t")),
        ("cut off in a head", b"--XX\r\nContent-Dis".to_vec()),
        ("cut off behind a boundary", b"--XX".to_vec()),
        (
            "a longer boundary",
            body(&[named("token", b"a\r\n--XXY\r\n")]),
        ),
        (
            "a bare line feed",
            b"--XX\nContent-Disposition: form-data; name=\"token\"\n\nt\r\n--XX--".to_vec(),
        ),
        ("a long head", body(&[part(&format!("X-A: {long}"), b"")])),
        (
            "a field twice",
            body(&[named("token", b"a"), named("token", b"b")]),
        ),
        (
            "the payload twice",
            body(&[named("data", b"a"), named("data", b"b")]),
        ),
        ("no UTF-8", body(&[named("name", b"\xff")])),
        ("NUL", body(&[named("name", b"a\0")])),
        ("a long text", body(&[named("name", &[b'a'; MAX_TEXT + 1])])),
    ] {
        assert!(read(&bad).is_err(), "{why}");
    }
    assert!(read(&body(&[named("name", &[b'a'; MAX_TEXT])])).is_ok());
}

#[test]
fn parameters_are_found_quoted_and_plain() {
    for (header, expected) in [
        ("form-data; name=a", Some("a")),
        (
            "form-data; filename=\"x;name=b\"; NAME = \"a\\\"b\"",
            Some("a\"b"),
        ),
        ("form-data; flag; name=\"\"", Some("")),
        ("form-data; filename=\"C:\\dir\\x\"; name=n", Some("n")),
        ("form-data", None),
        ("form-data; other=a", None),
    ] {
        assert_eq!(parameter(header, "name").as_deref(), expected, "{header}");
    }
}

#[test]
fn a_boundary_has_one_to_seventy_characters() {
    let new = |boundary: &str| {
        MultipartScanner::new(
            SHAPE,
            &format!("multipart/form-data; boundary=\"{boundary}\""),
        )
    };
    assert!(new("a").is_ok() && new(&"a".repeat(70)).is_ok());
    assert!(new("").is_err() && new(&"a".repeat(71)).is_err());
    assert!(MultipartScanner::new(SHAPE, "multipart/form-data").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn content_full_of_delimiter_pieces_comes_back_for_every_cut(
        pieces in vec(select(vec!["\r", "\n", "\r\n", "-", "--", "X", "\r\n--X", "a", "\r\n--\r\n--X"]), 0..30),
        sizes in vec(1usize..20, 1..5),
    ) {
        let content = pieces.concat().replace("\r\n--XX", "");
        prop_assume!(!format!("\r\n{content}\r\n").contains("\r\n--XX"));
        let body = body(&[named("data", content.as_bytes())]);
        let (_, payload) = cut(&body, &sizes).unwrap();
        prop_assert_eq!(payload, content.as_bytes());
    }
}
