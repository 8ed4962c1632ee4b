//! Strings, keys and the payload.

use base64::Engine as _;

use super::*;
use crate::intake::{Base64Error, fields::NUL};

#[test]
fn strings_are_unescaped() {
    let (fields, _) = accepts(
        r#"{"name":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\uDE00\uD800\uDC00\udbff\udfffé€😀","token":""}"#,
    );
    assert_eq!(
        fields.get("name"),
        Some(&Value::Text(
            "\"\\/\u{8}\u{c}\n\r\tAé€\u{1F600}\u{10000}\u{10FFFF}é€😀".into()
        ))
    );
    assert_eq!(fields.get("token"), Some(&Value::Text(String::new())));
}

#[test]
fn bad_strings_are_refused_in_every_position() {
    let bad: [&[u8]; 33] = [
        br"\x",
        br"\'",
        br"\0",
        br"\U0041",
        br"\u",
        br"\u00",
        br"\u004",
        br"\u004g",
        br"\u+041",
        br"\uD800",
        br"\uDBFF",
        br"\uDC00",
        br"\uDFFF",
        br"\uD800x",
        br"\uD800\n",
        br"\uD800\uD800",
        br"\uD800\u0041",
        br"\uDC00\uD800",
        br"\uD83D\uDE0",
        br"\uD83D\\uDE00",
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"\x1f",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\x80",
        b"\xff",
        b"\xe2\x82\\u0041",
    ];
    for text in bad {
        for (before, after) in [
            (r#"{"name":"a"#, r#"z"}"#),
            (r#"{"ignored":"a"#, r#"z"}"#),
            (r#"{"ignored":[{"k":"a"#, r#"z"}]}"#),
            (r#"{"ignored":[{"a"#, r#"z":1}]}"#),
            (r#"{"a"#, r#"z":1}"#),
            (r#"{"data":"#, r#"""}"#),
            (r#"{"data":"QUJD"#, r#""}"#),
            (r#"{"data":"data:x"#, r#";base64,QUJD"}"#),
        ] {
            let quote = if before.ends_with(':') { "\"" } else { "" };
            refuses([before.as_bytes(), quote.as_bytes(), text, after.as_bytes()].concat());
        }
    }
    accepts(b"{\"a\x7f\":\"\x7f\"}");
}

#[test]
fn known_texts_have_at_most_4_kib_of_utf8_and_ignored_ones_any() {
    for (unit, bytes) in [
        ("x", 1),
        ("é", 2),
        (r"\u00e9", 2),
        (r"\uD83D\uDE00", 4),
        (r"\n", 1),
    ] {
        let full = unit.repeat(MAX_TEXT / bytes);
        let (fields, _) = accepts(format!(r#"{{"name":"{full}"}}"#));
        assert_eq!(fields.required_text("name").unwrap().len(), MAX_TEXT);
        assert_eq!(
            refuses(format!(r#"{{"name":"{full}{unit}"}}"#)),
            ScanError::FieldTooLong
        );
        accepts(format!(r#"{{"x":"{full}{unit}","y":["{full}{unit}"]}}"#));
    }
}

#[test]
fn nul_is_refused_in_known_texts_only() {
    assert_eq!(refuses(r#"{"name":"a\u0000"}"#), NUL);
    refuses(r#"{"data":"\u0000"}"#);
    accepts(r#"{"x":"\u0000","\u0000":["\u0000"]}"#);
}

#[test]
fn keys_are_compared_unescaped_and_exactly() {
    let (fields, payload) = accepts(r#"{"\u0074oken":"x","d\u0061ta":"QQ==","\u00e9":1}"#);
    assert_eq!(fields.required_text("token"), Ok("x"));
    assert_eq!(fields.get("é"), Some(&Value::Number("1".into())));
    assert_eq!(payload, b"A");
    let (fields, payload) = accepts(
        r#"{"Token":"x","token ":"x","toke":1,"tokenn":1,"":1,"data\u0000":1,"datadatadata":[],"dat":"!"}"#,
    );
    assert_eq!(fields, Fields::new(SHAPE));
    assert_eq!(payload, b"");
}

#[test]
fn payload_is_a_string_or_null() {
    let (fields, payload) = accepts(r#"{"data":"QUJD"}"#);
    assert_eq!((fields.payload_len(), payload), (Some(3), b"ABC".to_vec()));
    let (fields, _) = accepts(r#"{"data":""}"#);
    assert_eq!(fields.payload_len(), Some(0));
    let (fields, _) = accepts(r#"{"data":null}"#);
    assert!(fields.payload_is_null() && !fields.has_payload());
    for value in ["1", "-1", "true", "false", "{}", "[]", r#"["QQ=="]"#, "nul"] {
        refuses(format!(r#"{{"data":{value}}}"#));
    }
}

#[test]
fn payload_is_decoded_through_escapes() {
    for (text, bytes) in [
        (r"\/\/\/\/", &b"\xff\xff\xff"[..]),
        (r"\u0051\u0055JD", b"ABC"),
        (r"QU\r\nJD\n\t", b"ABC"),
        (r"data:image\/png;base64,QUJD", b"ABC"),
        (r"data:\uD83D\uDE00;base64,QUJD", b"ABC"),
        ("data:图;base64,QUJD", b"ABC"),
        (r"QQ=\n=", b"A"),
    ] {
        let (fields, payload) = accepts(format!(r#"{{"name":"x","data":"{text}","n":1}}"#));
        assert_eq!(payload, bytes, "{text}");
        assert_eq!(fields.payload_len(), u64::try_from(bytes.len()).ok());
        assert_eq!(fields.integer("n"), Ok(Some(1)));
    }
    for text in [
        "QQ=",
        "QUJD QUJD",
        " ",
        "+_",
        "Q",
        "YR==",
        r"\u0000",
        r"\u0020",
        "é",
        r"\b",
    ] {
        let error = refuses(format!(r#"{{"data":"{text}"}}"#));
        assert!(matches!(error, ScanError::Payload(_)), "{text}: {error}");
    }
    assert_eq!(
        refuses(r#"{"data":"Q"}"#),
        ScanError::Payload(Base64Error::Truncated)
    );
}

#[test]
fn fields_can_be_seen_while_the_payload_still_comes() {
    let mut scanner = JsonScanner::new(SHAPE);
    let mut payload = Vec::new();
    scanner.feed(br#"{"token":"t"#, &mut payload).unwrap();
    assert_eq!(scanner.seen("token"), None);
    assert!(!scanner.payload_started());
    scanner.feed(br#"","data":"#, &mut payload).unwrap();
    assert_eq!(scanner.seen("token"), Some(&Value::Text("t".into())));
    assert!(!scanner.payload_started());
    scanner.feed(br#"""#, &mut payload).unwrap();
    assert!(scanner.payload_started());
    scanner.feed(b"QUJDQQ", &mut payload).unwrap();
    assert_eq!(payload, b"ABC");
}

#[test]
fn long_payloads_survive_any_chunk_size_however_they_are_escaped() {
    let bytes: Vec<u8> = (0u32..15_000)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    let plain = base64::prelude::BASE64_STANDARD.encode(&bytes);
    let lines: Vec<_> = plain
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    for text in [
        plain.clone(),
        plain.replace('/', r"\/"),
        plain.replace('A', r"\u0041"),
        lines.join(r"\n"),
        lines.join(r"\r\n").replace('/', r"\/"),
        format!("{}{plain}", r"\n\t".repeat(20_000)),
    ] {
        let body = format!(r#"{{"data":"{text}","name":"x"}}"#);
        for size in [1, 77, 4_095, 16_384, 65_536, body.len()] {
            let (fields, payload) = scan(body.as_bytes(), size).unwrap();
            assert!(payload == bytes, "chunks of {size}");
            assert_eq!(fields.payload_len(), u64::try_from(bytes.len()).ok());
            assert_eq!(fields.required_text("name"), Ok("x"));
        }
        // A raw line break, a foreign byte and a stray escape are found wherever they hide.
        for place in [1, 2_000, 5_000, 17_000, 33_000, text.len() - 1] {
            for bad in ["\n", "\0", "!", r"\b", r"\x", "\"", r#"\""#] {
                let at = body.len() - 13 - text.len() + place;
                let (before, after) = body.split_at(at);
                let body = format!("{before}{bad}{after}");
                for size in [4_096, 16_384, body.len()] {
                    let result = scan(body.as_bytes(), size);
                    assert!(result.is_err(), "{bad:?} at {place} in chunks of {size}");
                }
            }
        }
    }
}
