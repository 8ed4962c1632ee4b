//! Properties over generated bodies: the JSON scanner agrees with serde_json, the base64 decoder and the
//! multipart scanner with plain references, and no result depends on how a body is cut.
#![allow(clippy::as_conversions, reason = "test arithmetic on small numbers")]

use proptest::{collection::vec, prelude::*, sample::select};

use super::reference::{SHAPE, base64, check_multipart, form, json, oracle};

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), vec(1usize..9, 1..6), vec(1usize..400, 1..6)]
}

/// One change to a body: what, where (of 1000), and the byte it needs.
fn mutations(most: usize) -> impl Strategy<Value = Vec<(u8, usize, u8)>> {
    let byte = prop_oneof![
        select(br#"{}[]":,\/u0123456789abDdeE+-_=.nNtf %&"#.to_vec()),
        select(vec![
            0, 9, 10, 13, 31, 127, 128, 0xc0, 0xe2, 0xed, 0xef, 0xf4, 0xff
        ]),
        any::<u8>(),
    ];
    vec((0u8..5, 0usize..1000, byte), 0..=most)
}

fn mutate(body: &mut Vec<u8>, changes: &[(u8, usize, u8)]) {
    for (kind, place, byte) in changes {
        let at = body.len() * place / 1000;
        match kind {
            0 if at < body.len() => body[at] = *byte,
            1 if at < body.len() => body[at] ^= 1 << (byte % 8),
            2 => body.insert(at, *byte),
            3 if at < body.len() => drop(body.remove(at)),
            // Cutting the end off is so destructive that it is done more rarely.
            4 if byte % 4 == 0 => body.truncate(at),
            _ => {}
        }
    }
}

/// A text as JSON could spell it: each character raw where that is allowed, or one of its escapes.
fn spelled(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, vec(0u8..6, 1..12)).prop_map(|(text, ways)| {
        let mut out = String::from('"');
        for (character, way) in text.chars().zip(ways.iter().cycle()) {
            let must = character < ' ' || matches!(character, '"' | '\\');
            match (character, way) {
                ('"' | '\\' | '/', 0 | 1) => out.extend(['\\', character]),
                ('\n', 0..=2) => out.push_str("\\n"),
                (_, way) if must || *way == 5 => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                _ => out.push(character),
            }
        }
        out.push('"');
        out
    })
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        Just("7".repeat(64)),
        Just("7".repeat(65)),
    ]
}

/// Base64 of random bytes in the forms of clients, some of them wrong.
fn base64_text() -> impl Strategy<Value = String> {
    let bytes = prop_oneof![vec(any::<u8>(), 0..12), vec(any::<u8>(), 0..700)];
    let head = select(vec![
        "",
        "",
        "",
        "data:image/png;base64,",
        "data:;BASE64,",
        "data:é,",
    ]);
    (bytes, head, 0u8..4, 0usize..90).prop_map(|(bytes, head, form, width)| {
        let mut text = oracle::encode(&bytes, form & 1 == 1);
        if form & 2 == 2 {
            text.truncate(text.trim_end_matches('=').len());
        }
        if width > 3 {
            let lines: Vec<_> = text.as_bytes().chunks(width).collect();
            text = String::from_utf8(lines.join(&b"\r\n"[..])).unwrap();
        }
        head.to_owned() + &text
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/\"\\\\\n]{0,8}",
        any::<String>(),
        (4090usize..4100).prop_map(|len| "x".repeat(len)),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "[]", "{}"]).prop_map(str::to_owned),
        number(),
        spelled(any_text()),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))),
            vec((spelled("[a-z]{0,5}"), inner), 0..4).prop_map(|pairs| object(&pairs)),
        ]
    });
    (nested, prop_oneof![8 => Just(0usize), 1 => 28usize..34])
        .prop_map(|(value, deep)| "[".repeat(deep) + &value + &"]".repeat(deep))
}

fn object(pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    format!("{{{}}}\n", pairs.join(","))
}

fn json_body() -> impl Strategy<Value = Vec<u8>> {
    let key = || {
        select(vec![
            "token", "name", "n", "other", "tokens", "", "data2", "é",
        ])
    };
    let plain = (spelled(key().prop_map(str::to_owned)), value());
    let payload = (
        spelled(Just("data".to_owned())),
        prop_oneof![6 => spelled(base64_text()), 1 => value()],
    );
    (vec(plain, 0..5), vec(payload, 0..2), 0usize..5).prop_map(|(mut pairs, payload, at)| {
        for pair in payload {
            pairs.insert(at.min(pairs.len()), pair);
        }
        object(&pairs).into_bytes()
    })
}

fn form_body() -> impl Strategy<Value = Vec<u8>> {
    let name = select(vec!["token", "name", "other", "", "d%61ta", "data"]);
    let text = prop_oneof!["[a-z+%=é ]{0,9}", "(%[0-9A-F]{2}|x){0,5}", base64_text()];
    vec((name, text), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("&").into_bytes()
    })
}

fn multipart_body() -> impl Strategy<Value = Vec<u8>> {
    let name = select(vec![
        "token",
        "name",
        "data",
        "\"data\"",
        "\"na\\\"me",
        "x; name=n",
    ]);
    let pieces = vec!["\r\n", "\r", "--X", "-", "\r\n--X", "a", "\0", "é", "\n"];
    let content = prop_oneof![
        8 => vec(select(pieces), 0..9).prop_map(|pieces| pieces.concat()),
        1 => any_text(),
    ];
    let end = select(vec!["--", "--\r\n", "-- x", "", "\r\n"]);
    let long = prop_oneof![8 => Just(0usize), 1 => 8_000usize..9_000];
    (vec((name, content), 0..4), end, long).prop_map(|(parts, end, long)| {
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, content)| {
                format!("--XX\r\nContent-Disposition: form-data; name={name}\r\n\r\n{content}\r\n")
            })
            .collect();
        format!("{}--XX{end}{}", parts.concat(), "x".repeat(long)).into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_scanner_agrees_with_a_full_parser(
        mut body in json_body(), changes in mutations(2), sizes in sizes(),
    ) {
        mutate(&mut body, &changes);
        if let Some(expected) = oracle::json(&body, SHAPE) {
            let result = json(&body, &sizes);
            prop_assert_eq!(result, expected, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn json_result_is_the_same_for_single_bytes(mut body in json_body(), changes in mutations(1)) {
        mutate(&mut body, &changes);
        prop_assert_eq!(json(&body, &[1]), json(&body, &[usize::MAX]));
    }

    #[test]
    fn form_result_is_the_same_for_every_cut(
        mut body in form_body(), changes in mutations(1), sizes in sizes(),
    ) {
        mutate(&mut body, &changes);
        let whole = form(&body, &[usize::MAX]);
        prop_assert_eq!(&form(&body, &[1]), &whole);
        prop_assert_eq!(&form(&body, &sizes), &whole);
    }

    #[test]
    fn multipart_agrees_with_a_plain_reference_for_every_cut(
        mut body in multipart_body(), changes in mutations(2), sizes in sizes(),
    ) {
        mutate(&mut body, &changes);
        check_multipart(&body, &sizes);
    }

    #[test]
    fn base64_agrees_with_a_plain_reference_for_every_cut(
        text in base64_text(), changes in mutations(2), sizes in sizes(),
    ) {
        let mut text = text.into_bytes();
        mutate(&mut text, &changes);
        let expected = oracle::decode(&text);
        prop_assert_eq!(&base64(&text, &[usize::MAX]), &expected);
        prop_assert_eq!(&base64(&text, &[1]), &expected);
        prop_assert_eq!(&base64(&text, &sizes), &expected);
    }

    #[test]
    fn base64_of_few_symbols_agrees_with_a_plain_reference(
        text in vec(select(b"AQgw+/-_==\n\t ".to_vec()), 0..10), sizes in sizes(),
    ) {
        prop_assert_eq!(base64(&text, &sizes), oracle::decode(&text));
    }
}
