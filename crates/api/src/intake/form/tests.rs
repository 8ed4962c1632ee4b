use super::*;

const SHAPE: Shape = Shape {
    fields: &["token", "name", "é"],
    payload: Some("data"),
};

fn scan(body: &[u8], size: usize) -> Result<(Fields, Vec<u8>), ScanError> {
    let mut scanner = FormScanner::new(SHAPE);
    let mut payload = Vec::new();
    for chunk in body.chunks(size) {
        scanner.feed(chunk, &mut payload)?;
    }
    Ok((scanner.finish(&mut payload)?, payload))
}

/// Reads a body in one, in single bytes and in threes, which must agree.
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
fn values_are_decoded() {
    for (body, name) in [
        ("name=x", "x"),
        ("name=a+b%20c%2Bd", "a b c+d"),
        ("name=%e2%82%AC", "€"),
        ("name=€", "€"),
        ("name=a=b==", "a=b=="),
        ("name=%26%3D%25", "&=%"),
        ("name=", ""),
        ("name", ""),
        ("name&token=x", ""),
        ("n%61me=x", "x"),
        ("&&name=x&&", "x"),
        ("=x&name=y&=", "y"),
        ("x&y=1&x=2&x&name=z", "z"),
    ] {
        let (fields, payload) = accepts(body);
        assert_eq!(
            fields.get("name"),
            Some(&Value::Form(name.into())),
            "{body}"
        );
        assert_eq!(payload, b"");
    }
    let (fields, _) = accepts("%C3%A9=1&token=%0D%0A");
    assert_eq!(fields.integer("é"), Ok(Some(1)));
    assert_eq!(fields.required_text("token"), Ok("\r\n"));
}

#[test]
fn body_without_pairs_has_no_fields() {
    for body in [
        "",
        "&",
        "&&&",
        "=",
        "x",
        "names=1",
        "nam=1",
        "name+=1",
        "name%00=1",
        "datadata=!",
    ] {
        assert_eq!(accepts(body).0, Fields::new(SHAPE), "{body}");
    }
}

#[test]
fn bad_escapes_and_bad_utf8_are_refused_everywhere() {
    let bad: [&[u8]; 17] = [
        b"%",
        b"%4",
        b"%%",
        b"%g0",
        b"%0g",
        b"%+1",
        b"% 1",
        b"%&",
        b"%=",
        b"%C0%AF",
        b"%ED%A0%80",
        b"%F4%90%80%80",
        b"%E2%82",
        b"%80",
        b"\xff",
        b"\xe2\x82",
        b"%E2\x82",
    ];
    for text in bad {
        for (before, after) in [
            ("name=a", ""),
            ("name=a", "z"),
            ("name=a", "&x=1"),
            ("x=a", "&name=b"),
            ("x", "=1"),
            ("x", "&y"),
            ("data=", ""),
            ("data=QUJD", ""),
            ("data=data:x", ";base64,QUJD"),
        ] {
            let body = [before.as_bytes(), text, after.as_bytes()].concat();
            refuses(body);
        }
    }
    // No character reaches from a name into its value, or from one pair into the next.
    for body in ["x%E2%82=%AC", "x%E2%82&%AC", "x=%E2%82&%AC=1"] {
        refuses(body);
    }
}

#[test]
fn nul_is_refused_in_known_fields_only() {
    assert_eq!(refuses("name=a%00"), NUL);
    assert_eq!(refuses("name=a\0"), NUL);
    refuses("data=%00");
    accepts("x=%00&%00=1");
}

#[test]
fn second_known_field_is_refused() {
    for body in [
        "name=a&name=a",
        "name&name",
        "name=a&n%61me=",
        "data=&data=",
        "data&x=1&data=QQ",
    ] {
        assert!(matches!(refuses(body), ScanError::Duplicate(_)), "{body}");
    }
    accepts("x=1&x=2&y&y");
}

#[test]
fn known_fields_have_at_most_4_kib_and_ignored_ones_any() {
    for (unit, bytes) in [("x", 1), ("%41", 1), ("+", 1), ("%C3%A9", 2)] {
        let full = unit.repeat(MAX_TEXT / bytes);
        let (fields, _) = accepts(format!("name={full}"));
        assert_eq!(fields.required_text("name").unwrap().len(), MAX_TEXT);
        assert_eq!(
            refuses(format!("name={full}{unit}")),
            ScanError::FieldTooLong
        );
        accepts(format!("x={full}{full}&name{full}=1&{full}{full}"));
    }
}

#[test]
fn payload_is_decoded_and_its_spaces_are_plus_signs() {
    for (body, bytes) in [
        ("data=QUJD", &b"ABC"[..]),
        ("name=x&data=QUJD&token=y", b"ABC"),
        ("data=QQ==", b"A"),
        ("data=QQ%3D%3d&x", b"A"),
        ("data=-_-_", b"\xfb\xff\xbf"),
        ("data=%2B%2F%2B%2F", b"\xfb\xff\xbf"),
        ("data=+/+/", b"\xfb\xff\xbf"),
        ("data= / /", b"\xfb\xff\xbf"),
        ("data=%20/%20/", b"\xfb\xff\xbf"),
        ("data=QU%0D%0AJD%0A", b"ABC"),
        ("data=data:image/png;base64,QUJD", b"ABC"),
        ("data=data%3A;base64%2CQUJD", b"ABC"),
        ("d%61ta=QUJD", b"ABC"),
    ] {
        let (fields, payload) = accepts(body);
        assert_eq!(payload, bytes, "{body}");
        assert_eq!(fields.payload_len(), u64::try_from(bytes.len()).ok());
    }
    for body in ["data=", "data", "data&name=x"] {
        assert_eq!(accepts(body).0.payload_len(), Some(0), "{body}");
    }
    for body in [
        "data=Q",
        "data=QQ=",
        "data=QQ==+",
        "data=+_",
        "data=YR",
        "data=QQ%0B",
        "data=é",
    ] {
        assert!(matches!(refuses(body), ScanError::Payload(_)), "{body}");
    }
    assert_eq!(accepts("name=x").0.payload_len(), None);
}

#[test]
fn huge_pairs_and_many_pairs_need_no_memory() {
    let mut scanner = FormScanner::new(SHAPE);
    let mut payload = Vec::new();
    scanner.feed(b"name", &mut payload).unwrap();
    for _ in 0..1024 {
        scanner.feed(&[b'k'; 1024], &mut payload).unwrap();
    }
    scanner.feed(b"=", &mut payload).unwrap();
    for _ in 0..1024 {
        scanner.feed(&[b'+'; 1024], &mut payload).unwrap();
    }
    for _ in 0..100_000 {
        scanner.feed(b"&xxxxx=1&y", &mut payload).unwrap();
    }
    assert!(scanner.capture.bytes().len() <= MAX_TEXT);
    assert_eq!(scanner.finish(&mut payload), Ok(Fields::new(SHAPE)));
}

#[test]
fn fields_can_be_seen_while_the_payload_still_comes() {
    let mut scanner = FormScanner::new(SHAPE);
    let mut payload = Vec::new();
    scanner.feed(b"token=t", &mut payload).unwrap();
    assert_eq!(scanner.seen("token"), None);
    scanner.feed(b"&data", &mut payload).unwrap();
    assert_eq!(scanner.seen("token"), Some(&Value::Form("t".into())));
    assert!(!scanner.payload_started());
    scanner.feed(b"=", &mut payload).unwrap();
    assert!(scanner.payload_started());
    scanner.feed(b"QUJDQ", &mut payload).unwrap();
    assert_eq!(payload, b"ABC");
}

#[test]
fn refused_body_stays_refused() {
    let mut scanner = FormScanner::new(SHAPE);
    let mut payload = Vec::new();
    let error = scanner.feed(b"%zz", &mut payload).unwrap_err();
    assert_eq!(scanner.feed(b"x", &mut payload), Err(error));
    assert_eq!(scanner.finish(&mut payload), Err(error));
}
