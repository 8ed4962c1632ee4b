use super::*;

mod text;

const SHAPE: Shape = Shape {
    fields: &["token", "name", "n", "é"],
    payload: Some("data"),
};

/// Reads a body in chunks of `size` bytes.
fn scan(body: &[u8], size: usize) -> Result<(Fields, Vec<u8>), ScanError> {
    let mut scanner = JsonScanner::new(SHAPE);
    let mut payload = Vec::new();
    for chunk in body.chunks(size) {
        scanner.feed(chunk, &mut payload)?;
    }
    Ok((scanner.finish(&mut payload)?, payload))
}

/// Reads a body in one, in single bytes and in threes, which must agree, down to the reason of a refusal
/// unless the payload is at fault.
fn read(body: &[u8]) -> Result<(Fields, Vec<u8>), ScanError> {
    let whole = scan(body, body.len().max(1));
    for size in [1, 3] {
        let cut = scan(body, size);
        match (&whole, &cut) {
            (Err(ScanError::Payload(_)), Err(ScanError::Payload(_))) => {}
            _ => assert_eq!(cut, whole, "{}", String::from_utf8_lossy(body)),
        }
    }
    whole
}

#[track_caller]
fn accepts(body: impl AsRef<[u8]>) -> (Fields, Vec<u8>) {
    let shown = String::from_utf8_lossy(body.as_ref()).into_owned();
    read(body.as_ref()).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

#[track_caller]
fn refuses(body: impl AsRef<[u8]>) -> ScanError {
    let shown = String::from_utf8_lossy(body.as_ref()).into_owned();
    read(body.as_ref()).expect_err(&shown)
}

#[test]
fn body_is_exactly_one_object() {
    for body in ["{}", " \t\r\n{ \n} \t\r\n", r#"{"a":1}"#, r#"{"":{"":[]}}"#] {
        accepts(body);
    }
    for body in [
        "",
        " ",
        "null",
        "true",
        "1",
        r#""x""#,
        "[]",
        "[{}]",
        "{} {}",
        "{}{}",
        "{},",
        "{}x",
        "{}\0",
        "x{}",
        "{",
        "}",
        "{]",
        r#"{"a":1]"#,
        r#"{"a":[1}"#,
        r#"{"a":[1}}"#,
        "\u{feff}{}",
        "{}\u{feff}",
        "{}\u{b}",
        "{}\u{a0}",
        "/**/{}",
        "{}//",
        r#"{"a":1/**/}"#,
        "{'a':1}",
        r#"{"a":'x'}"#,
        "{a:1}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a" 1}"#,
        r#"{"a"::1}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":1,,"b":2}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1 2]}"#,
        r#"{1:1}"#,
        r#"{null:1}"#,
        r#"{"a":x}"#,
        r#"{"a":{1}}"#,
        r#"{"a":"x"#,
        r#"{"a":"x""#,
        r#"{"a":"x\"#,
        r#"{"a":1"#,
        r#"{"a":tru"#,
        r#"{"a":[[]"#,
    ] {
        refuses(body);
    }
    // UTF-16 with and without its mark.
    refuses(b"{\0}\0");
    refuses(b"\xff\xfe{\0}\0");
}

#[test]
fn literals_are_spelled_exactly() {
    let (fields, _) = accepts(r#"{"token":null,"name":true,"n":false}"#);
    assert_eq!(fields.get("token"), Some(&Value::Null));
    assert_eq!(fields.get("name"), Some(&Value::Bool(true)));
    assert_eq!(fields.get("n"), Some(&Value::Bool(false)));
    for value in [
        "nul",
        "nulll",
        "Null",
        "TRUE",
        "truee",
        "fals",
        "f",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "n",
        "t rue",
    ] {
        refuses(format!(r#"{{"a":{value}}}"#));
        refuses(format!(r#"{{"n":{value}}}"#));
        refuses(format!(r#"{{"a":[{value}]}}"#));
    }
}

#[test]
fn numbers_follow_the_grammar_everywhere() {
    for value in [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "0.0",
        "-0.5",
        "1.25",
        "1e3",
        "1E3",
        "1e+3",
        "1e-3",
        "0e0",
        "1.5e300",
        "1e999",
        "9223372036854775808",
        "-9223372036854775809",
    ] {
        let (fields, _) = accepts(format!(r#"{{"n":{value}}}"#));
        assert_eq!(fields.get("n"), Some(&Value::Number(value.into())));
        accepts(format!(r#"{{"n" : {value} , "a":1}}"#));
        accepts(format!(r#"{{"a":[{value},{value} ]}}"#));
    }
    for value in [
        "00", "01", "-01", "-", "+1", ".5", "1.", "-.5", "1.e3", "1e", "1e+", "1e-", "1e1.5",
        "1.2.3", "--1", "0x10", "1_000", "1a", "1-", "1+1", "1e3e3", "1 2",
    ] {
        refuses(format!(r#"{{"n":{value}}}"#));
        refuses(format!(r#"{{"a":{value}}}"#));
        refuses(format!(r#"{{"a":[{value}]}}"#));
    }
}

#[test]
fn known_numbers_have_at_most_64_bytes_and_ignored_ones_any() {
    let digits = "1".repeat(64);
    let (fields, _) = accepts(format!(r#"{{"n":{digits}}}"#));
    assert_eq!(fields.get("n"), Some(&Value::Number(digits.clone())));
    assert_eq!(
        refuses(format!(r#"{{"n":{digits}1}}"#)),
        ScanError::FieldTooLong
    );
    accepts(format!(r#"{{"a":{digits}1,"b":[{digits}1]}}"#));
    accepts(format!(r#"{{"a":{}}}"#, "1".repeat(100_000)));
}

#[test]
fn second_known_key_is_refused_and_unknown_ones_are_free() {
    for body in [
        r#"{"name":"a","name":"a"}"#,
        r#"{"name":null,"name":"a"}"#,
        r#"{"name":[],"name":"a"}"#,
        r#"{"name":1,"n\u0061me":"a"}"#,
        r#"{"data":"","data":""}"#,
        r#"{"data":null,"data":null}"#,
        r#"{"data":null,"data":"QQ=="}"#,
        r#"{"data":"QQ==","dat\u0061":null}"#,
    ] {
        assert!(matches!(refuses(body), ScanError::Duplicate(_)), "{body}");
    }
    accepts(r#"{"x":1,"x":2,"y":{"name":1,"name":2,"data":1,"data":2}}"#);
}

#[test]
fn names_count_in_the_top_level_object_only() {
    let (fields, payload) =
        accepts(r#"{"x":{"name":"a","data":"QQ=="},"y":[{"token":"b"}],"name":{"name":"a"}}"#);
    assert_eq!(fields.get("name"), Some(&Value::Other));
    assert_eq!(fields.get("token"), None);
    assert!(!fields.has_payload());
    assert_eq!(payload, b"");
    let (fields, _) = accepts(r#"{"name":["a",[1,{}]],"n":[5],"token":{"x":null}}"#);
    for name in ["name", "n", "token"] {
        assert_eq!(fields.get(name), Some(&Value::Other));
    }
}

#[test]
fn nesting_is_limited_to_32_without_recursion() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!(
            r#"{{"x":{}1{}}}"#,
            open.repeat(depth - 1),
            close.repeat(depth - 1)
        )
    };
    for (open, close) in [("[", "]"), (r#"{"x":"#, "}"), ("[[],", "]"), ("[{},", "]")] {
        let room = if open.len() == 1 || open.starts_with('{') {
            32
        } else {
            31
        };
        accepts(nested(open, close, room));
        refuses(nested(open, close, 33));
    }
    refuses(nested("[", "]", 200_000));
    refuses(format!(r#"{{"x":{}"#, r#"{"x":"#.repeat(200_000)));
    // The kinds of all 32 levels are remembered.
    let mixed = r#"{"x":["#.repeat(16) + &"]}".repeat(16);
    accepts(&mixed);
    refuses(mixed.replace("]}]}", "]}}]"));
}

#[test]
fn million_keys_and_a_huge_key_need_no_memory() {
    let mut scanner = JsonScanner::new(SHAPE);
    let mut payload = Vec::new();
    scanner.feed(b"{", &mut payload).unwrap();
    for i in 0..1_000_000 / 8 {
        let keys = format!(r#""{i}":0,"#).repeat(8);
        scanner.feed(keys.as_bytes(), &mut payload).unwrap();
    }
    scanner.feed(b"\"token", &mut payload).unwrap();
    for _ in 0..1024 {
        scanner.feed(&[b'k'; 1024], &mut payload).unwrap();
    }
    scanner.feed(br#"":"v","name":"x"}"#, &mut payload).unwrap();
    assert!(scanner.capture.bytes().len() <= MAX_TEXT);
    let fields = scanner.finish(&mut payload).unwrap();
    assert_eq!(fields.get("token"), None);
    assert_eq!(fields.required_text("name"), Ok("x"));
}

#[test]
fn refused_body_stays_refused() {
    let mut scanner = JsonScanner::new(SHAPE);
    let mut payload = Vec::new();
    let error = scanner.feed(b"{}}", &mut payload).unwrap_err();
    assert_eq!(scanner.feed(b"", &mut payload), Err(error));
    assert_eq!(scanner.finish(&mut payload), Err(error));
}
