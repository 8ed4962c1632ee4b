use proptest::prelude::*;

use super::*;

/// Second 784,111,777 after 1970.
const STORED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const OTHER: &str = "\"0000\"";

fn validators() -> Validators {
    let stored = Timestamp::from_millis(784_111_777_999);
    Validators::new(Sha256::from_bytes([0xab; 32]), Some(stored))
}

fn own() -> String {
    format!("\"{}\"", "ab".repeat(32))
}

fn conditions(lines: &[(HeaderName, &str)]) -> Conditions {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            name.clone(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    Conditions::of(&headers)
}

fn judge(lines: &[(HeaderName, &str)]) -> Verdict {
    conditions(lines).judge(&validators())
}

#[test]
fn the_validators_are_the_digest_and_the_second() {
    let validators = validators();
    assert_eq!(validators.etag, own());
    assert_eq!(validators.modified.unwrap().to_string(), STORED);
}

#[test]
fn a_clock_beyond_all_dates_still_has_one() {
    let digest = Sha256::from_bytes([0; 32]);
    for (millis, expected) in [
        (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (i64::MIN, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (253_402_300_799_999, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800_000, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        let validators = Validators::new(digest, Some(Timestamp::from_millis(millis)));
        assert_eq!(validators.modified.unwrap().to_string(), expected);
    }
}

#[test]
fn without_conditions_the_answer_is_the_content() {
    assert_eq!(judge(&[]), Verdict::Proceed);
    assert!(conditions(&[]).allow_part(&validators()));
}

#[test]
fn tags_are_compared_strongly_for_if_match_and_weakly_for_if_none_match() {
    let own = own();
    let weak = format!("W/{own}");
    for (value, strong_match, weak_match) in [
        (own.as_str(), true, true),
        (&weak, false, true),
        ("*", true, true),
        (OTHER, false, false),
        (&format!("{OTHER}, {own}"), true, true),
        (&format!("{OTHER},W/\"x,y\" ,,\t{own}"), true, true),
        (&format!(",{own},"), true, true),
        // What is no list of tags matches nothing, whatever stands in it.
        ("", false, false),
        (own.trim_matches('"'), false, false),
        (&format!("{own} {own}"), false, false),
        (&format!("w/{own}"), false, false),
        (&format!("{own}, junk"), false, false),
        (&format!("*, {own}"), false, false),
        (&format!("{own}, \"open"), false, false),
        (&own.to_uppercase(), false, false),
    ] {
        let expected = if strong_match {
            Verdict::Proceed
        } else {
            Verdict::Failed
        };
        assert_eq!(judge(&[(IF_MATCH, value)]), expected, "If-Match: {value}");
        let expected = if weak_match {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        };
        let verdict = judge(&[(IF_NONE_MATCH, value)]);
        assert_eq!(verdict, expected, "If-None-Match: {value}");
    }
}

#[test]
fn a_list_may_stand_on_several_lines() {
    let own = own();
    let two = [(IF_NONE_MATCH, OTHER), (IF_NONE_MATCH, own.as_str())];
    assert_eq!(judge(&two), Verdict::NotModified);
    let spoilt = [(IF_NONE_MATCH, "junk"), (IF_NONE_MATCH, own.as_str())];
    assert_eq!(judge(&spoilt), Verdict::Proceed);
}

#[test]
fn dates_count_to_the_second() {
    for (date, unmodified, modified) in [
        (EARLIER, Verdict::Failed, Verdict::Proceed),
        (STORED, Verdict::Proceed, Verdict::NotModified),
        (LATER, Verdict::Proceed, Verdict::NotModified),
        // The two obsolete forms of a date.
        (
            "Sunday, 06-Nov-94 08:49:37 GMT",
            Verdict::Proceed,
            Verdict::NotModified,
        ),
        (
            "Sun Nov  6 08:49:36 1994",
            Verdict::Failed,
            Verdict::Proceed,
        ),
        // What is no date is ignored.
        ("yesterday", Verdict::Proceed, Verdict::Proceed),
        ("784111777", Verdict::Proceed, Verdict::Proceed),
        ("", Verdict::Proceed, Verdict::Proceed),
    ] {
        assert_eq!(judge(&[(IF_UNMODIFIED_SINCE, date)]), unmodified, "{date}");
        assert_eq!(judge(&[(IF_MODIFIED_SINCE, date)]), modified, "{date}");
    }
    let twice = [(IF_MODIFIED_SINCE, LATER), (IF_MODIFIED_SINCE, LATER)];
    assert_eq!(judge(&twice), Verdict::Proceed);
}

#[test]
fn conditions_have_an_order() {
    let own = own();
    let own = own.as_str();
    // A failed If-Match comes before a matching If-None-Match.
    assert_eq!(
        judge(&[(IF_NONE_MATCH, own), (IF_MATCH, OTHER)]),
        Verdict::Failed
    );
    assert_eq!(
        judge(&[(IF_MATCH, own), (IF_NONE_MATCH, own)]),
        Verdict::NotModified
    );
    // A tag makes the date beside it meaningless, in either direction.
    assert_eq!(
        judge(&[(IF_MATCH, own), (IF_UNMODIFIED_SINCE, EARLIER)]),
        Verdict::Proceed
    );
    assert_eq!(
        judge(&[(IF_NONE_MATCH, OTHER), (IF_MODIFIED_SINCE, LATER)]),
        Verdict::Proceed
    );
    assert_eq!(
        judge(&[(IF_UNMODIFIED_SINCE, EARLIER), (IF_NONE_MATCH, own)]),
        Verdict::Failed
    );
}

#[test]
fn a_part_is_for_who_has_the_rest_of_these_very_bytes() {
    let own = own();
    for (value, expected) in [
        (own.as_str(), true),
        (STORED, true),
        (&format!("W/{own}"), false),
        (OTHER, false),
        (EARLIER, false),
        (LATER, false),
        ("*", false),
        ("", false),
        ("junk", false),
        (&format!("{own}, {OTHER}"), false),
    ] {
        let allowed = conditions(&[(IF_RANGE, value)]).allow_part(&validators());
        assert_eq!(allowed, expected, "{value}");
    }
    let twice = conditions(&[(IF_RANGE, own.as_str()), (IF_RANGE, own.as_str())]);
    assert!(!twice.allow_part(&validators()));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(
        text in prop_oneof![
            any::<Vec<u8>>(),
            "[W/\",* a-c\t]{0,40}".prop_map(String::into_bytes),
            "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT".prop_map(String::into_bytes),
        ],
    ) {
        let parsed = tags(&text);
        prop_assert!(parsed.is_none_or(|tags| tags.len() <= text.len()));
        if let Ok(value) = HeaderValue::from_bytes(&text) {
            let mut headers = HeaderMap::new();
            for name in [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE] {
                headers.append(name, value.clone());
            }
            let conditions = Conditions::of(&headers);
            conditions.judge(&validators());
            conditions.allow_part(&validators());
        }
    }

    #[test]
    fn what_is_written_as_a_list_is_read_as_one(
        opaque in prop::collection::vec(("(W/)?", "[!#-~]{0,8}"), 0..6),
        separator in "[ \t]{0,2},[ \t,]{0,2}",
    ) {
        let written: Vec<_> = opaque.iter().map(|(weak, tag)| format!("{weak}\"{tag}\"")).collect();
        let line = written.join(&separator);
        let read = tags(line.as_bytes()).unwrap();
        prop_assert_eq!(read.len(), opaque.len());
        for (tag, (weak, text)) in read.iter().zip(&opaque) {
            prop_assert_eq!(tag.weak, !weak.is_empty());
            let quoted = format!("\"{text}\"");
            prop_assert_eq!(tag.opaque, quoted.as_bytes());
        }
    }
}
