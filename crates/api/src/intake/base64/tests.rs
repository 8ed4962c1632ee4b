#![allow(clippy::as_conversions, reason = "test arithmetic on small numbers")]

use super::*;

/// Decodes pieces one after the other.
fn decode(pieces: &[&[u8]]) -> Result<Vec<u8>, Base64Error> {
    let mut stream = Base64Stream::default();
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out)?;
    }
    stream.finish(&mut out)?;
    Ok(out)
}

/// Expects one result from the whole and from all ways to cut it into three.
fn check(text: &[u8], expected: Option<&[u8]>) {
    for i in 0..=text.len() {
        for j in i..=text.len() {
            let pieces = [&text[..i], &text[i..j], &text[j..]];
            assert_eq!(
                decode(&pieces).ok().as_deref(),
                expected,
                "{:?} cut at {i} and {j}",
                String::from_utf8_lossy(text)
            );
        }
    }
}

#[test]
fn texts_that_clients_send_are_decoded() {
    let table: [(&str, &[u8]); 25] = [
        ("", b""),
        ("QQ==", b"A"),
        ("QQ", b"A"),
        ("QUI=", b"AB"),
        ("QUI", b"AB"),
        ("QUJD", b"ABC"),
        ("QUJDRA==", b"ABCD"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("QU\r\nJD\n", b"ABC"),
        ("\tQUJD", b"ABC"),
        ("QUJD\n\n\n", b"ABC"),
        ("Q\nQ=\r\n=\t", b"A"),
        ("\n", b""),
        ("data", b"\x75\xab\x5a"),
        ("daU", b"\x75\xa5"),
        ("data:;base64,QQ==", b"A"),
        ("data:;base64,", b""),
        ("data:image/png;base64,QUJD", b"ABC"),
        ("DATA:text/plain;charset=utf-8;BASE64,QUJD", b"ABC"),
        ("data:;base64;base64,QUJD", b"ABC"),
        ("data:x;base64,\nQUJD", b"ABC"),
        ("data:x;base64,-_-_", b"\xfb\xff\xbf"),
        ("data:图;base64,QUJD", b"ABC"),
        ("data:;base64,data", b"\x75\xab\x5a"),
    ];
    for (text, bytes) in table {
        check(text.as_bytes(), Some(bytes));
    }
}

#[test]
fn all_else_is_refused() {
    let texts: [&[u8]; 43] = [
        b"Q",
        b"dat",
        b"AAAA-_-_AAAA+/+/",
        b"QUJDQ",
        b"YR==",
        b"YR",
        b"YWJ=",
        b"YWJ",
        b"YQ=",
        b"YQ===",
        b"YQ====",
        b"YWI==",
        b"YWJj=",
        b"YWJj====",
        b"=",
        b"==",
        b"Y===",
        b"YQ==YQ==",
        b"YWI=YWI=",
        b"YQ==Y",
        b"YQ=Q",
        b"YQ= =",
        b"YWJj YWJj",
        b" YWJj",
        b"YWJj ",
        b"YQ== ",
        b"YWJj.",
        b"YWJj\0",
        b"YWJj\x0b",
        b"YWJj\xff",
        b"+/-_",
        b"AAA+AAA-",
        b"AA+A\nAA_A",
        b"data:",
        b"data:;base64",
        b"data:,QUJD",
        b"data:text/plain,QUJD",
        b"data:base64,QUJD",
        b"data:;base65,QUJD",
        b"data:;base64,,QUJD",
        b"\ndata:;base64,QUJD",
        b"data:\xff;base64,QUJD",
        b"data:\0;base64,QUJD",
    ];
    for text in texts {
        check(text, None);
    }
}

#[test]
fn middle_of_the_head_has_at_most_255_bytes() {
    for (len, ok) in [(254, true), (255, true), (256, false), (300, false)] {
        let text = format!("data:{};base64,QUJD", "x".repeat(len));
        for size in [1, 7, 1000] {
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            assert_eq!(decode(&pieces).is_ok(), ok, "{len} bytes in {size}s");
        }
    }
    // Without an end in sight, the head is refused before it fills the memory.
    let mut stream = Base64Stream::default();
    let mut out = Vec::new();
    stream.push(b"data:", &mut out).unwrap();
    stream.push(&[b'x'; HEAD_MAX - 5], &mut out).unwrap();
    assert_eq!(stream.push(b"x", &mut out), Err(Base64Error::Head));
}

#[test]
fn reasons_are_told_apart() {
    let table = [
        ("YR==", Base64Error::TrailingBits),
        ("YQ===", Base64Error::Padding),
        ("YQ=", Base64Error::Padding),
        ("YQ==YQ==", Base64Error::Symbol),
        ("+/-_", Base64Error::MixedAlphabets),
        ("YWJjY", Base64Error::Truncated),
        ("YW j", Base64Error::Symbol),
        ("data:x", Base64Error::Head),
    ];
    for (text, reason) in table {
        assert_eq!(decode(&[text.as_bytes()]), Err(reason), "{text}");
    }
}

#[test]
fn long_texts_survive_any_chunk_size_with_and_without_line_breaks() {
    let bytes: Vec<u8> = (0u32..100_000)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let plain = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
    let broken: String = plain
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n")
        .collect();
    for text in [plain, url_safe, broken] {
        for size in [1, 3, 4, 63, 1000, 16_385, 65_536, 200_000] {
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            assert!(decode(&pieces).unwrap() == bytes, "chunks of {size}");
        }
    }
}

#[test]
fn memory_is_bounded_by_the_piece() {
    let mut stream = Base64Stream::default();
    let mut out = Vec::new();
    let chunk = b"QUJD\n".repeat(50_000);
    for _ in 0..8 {
        out.clear();
        stream.push(&chunk, &mut out).unwrap();
        assert_eq!(out.len(), 150_000);
        assert!(stream.pending.capacity() <= 4 * PIECE);
    }
}
