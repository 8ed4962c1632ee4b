use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::Range::{Between, From, Last};
use super::*;

#[test]
fn the_three_forms_of_one_range_are_read() {
    for (text, expected) in [
        ("bytes=0-0", Between(0, 0)),
        ("bytes=0-499", Between(0, 499)),
        ("bytes=007-08", Between(7, 8)),
        ("bytes=9500-", From(9500)),
        ("bytes=-500", Last(500)),
        ("bytes=-0", Last(0)),
        ("Bytes=1-2", Between(1, 2)),
        ("bytes=0-99999999999999999999", Between(0, u64::MAX)),
        ("bytes=99999999999999999999-", From(u64::MAX)),
        ("bytes=18446744073709551615-", From(u64::MAX)),
    ] {
        assert_eq!(Range::parse(text.as_bytes()), Some(expected), "{text}");
    }
}

#[test]
fn everything_else_is_no_range() {
    for text in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=5",
        "bytes=2-1",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=1--2",
        "bytes= 1-2",
        "bytes=1 -2",
        "bytes=1-2 ",
        " bytes=1-2",
        "bytes =1-2",
        "bytes:1-2",
        "bytes=0x1-2",
        "bytes=a-b",
        "bytes=1-2,",
        "bytes=0-1,3-4",
        "bytes=0-1, -4",
        "bytes=-1-2",
        "items=0-1",
        "bytes=１-2",
    ] {
        assert_eq!(Range::parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Range::parse(b"bytes=0-1\xff"), None);
}

#[test]
fn a_header_given_twice_is_no_range() {
    let mut headers = HeaderMap::new();
    assert_eq!(Range::of(&headers), None);
    headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
    assert_eq!(Range::of(&headers), Some(Between(0, 1)));
    headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
    assert_eq!(Range::of(&headers), None);
}

#[test]
fn a_range_means_what_is_there_of_it() {
    let span = |start, length| Some(Span { start, length });
    for (range, expected) in [
        (Between(0, 0), span(0, 1)),
        (Between(0, 9), span(0, 10)),
        (Between(0, 10), span(0, 10)),
        (Between(9, u64::MAX), span(9, 1)),
        (Between(10, 10), None),
        (Between(10, u64::MAX), None),
        (From(0), span(0, 10)),
        (From(9), span(9, 1)),
        (From(10), None),
        (From(u64::MAX), None),
        (Last(0), None),
        (Last(1), span(9, 1)),
        (Last(10), span(0, 10)),
        (Last(11), span(0, 10)),
        (Last(u64::MAX), span(0, 10)),
    ] {
        assert_eq!(range.within(10), expected, "{range:?}");
        assert_eq!(range.within(0), None, "{range:?} of nothing");
    }
    let span = Between(2, 4).within(10).unwrap();
    assert_eq!(span.content_range(10), "bytes 2-4/10");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_no_span_leaves_the_content(
        tail in prop_oneof![any::<Vec<u8>>(), "[0-9]{0,24}-[0-9]{0,24}".prop_map(String::into_bytes)],
        size in any::<u64>(),
    ) {
        prop_assert_eq!(Range::parse(&tail), None);
        let value = [b"bytes=".as_slice(), &tail].concat();
        if let Some(span) = Range::parse(&value).and_then(|range| range.within(size)) {
            prop_assert!(span.length > 0);
            prop_assert!(span.start.checked_add(span.length).is_some_and(|end| end <= size));
        }
    }

    #[test]
    fn a_range_inside_the_content_is_taken_at_its_word(start in 0..1000_u64, length in 1..1000_u64) {
        let text = format!("bytes={start}-{}", start + length - 1);
        let span = Range::parse(text.as_bytes()).unwrap().within(2000);
        prop_assert_eq!(span, Some(Span { start, length }));
    }
}
