//! [`IdSource`], [`TokenSource`] and [`Clock`]: what comes from outside.

use std::collections::HashSet;

use kms_domain::users::TokenSource;
use kms_domain::{Clock, IdSource};

use super::support::race;

/// The suite of the ids, over a function that makes an `impl IdSource`.
#[macro_export]
macro_rules! id_source_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { id_source, $fresh,
            sources: [
                no_two_ids_are_the_same,
                simultaneous_calls_get_different_ids,
                an_id_has_the_form_of_version_4,
                an_id_is_random_beyond_how_it_begins,
            ]
        }
    };
}

/// The suite of the tokens, over a function that makes an `impl TokenSource`.
#[macro_export]
macro_rules! token_source_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { token_source, $fresh,
            sources: [
                no_two_tokens_are_the_same,
                simultaneous_calls_get_different_tokens,
                a_token_has_room_for_256_bits,
                every_character_of_a_token_varies,
            ]
        }
    };
}

/// The suite of the clock, over a function that makes an `impl Clock`.
#[macro_export]
macro_rules! clock_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { clock, $fresh,
            sources: [the_time_is_of_this_century_and_in_milliseconds]
        }
    };
}

const IDS: usize = 100_000;
const TOKENS: usize = 10_000;

/// Not in a hundred thousand.
pub fn no_two_ids_are_the_same(source: &impl IdSource) {
    let ids: HashSet<_> = (0..IDS).map(|_| source.new_id().unwrap()).collect();
    assert_eq!(ids.len(), IDS);
}

/// A state that is read and written without care shows here.
pub fn simultaneous_calls_get_different_ids(source: &impl IdSource) {
    let ids: HashSet<_> = race(8, |_| {
        (0..2_000)
            .map(|_| source.new_id().unwrap())
            .collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(ids.len(), 16_000);
}

/// RFC 9562: version 4, variant 10.
pub fn an_id_has_the_form_of_version_4(source: &impl IdSource) {
    for _ in 0..1_000 {
        let text = source.new_id().unwrap().hyphenated().to_string();
        assert_eq!(&text[14..15], "4", "{text}");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }
}

/// 62 random bits meet by chance once in a hundred million runs; a counter or a clock among them, by
/// which the next id could be guessed, is not set in half of the ids. Only the first 32 may stay the same
/// for a while, of some hundred ids.
pub fn an_id_is_random_beyond_how_it_begins(source: &impl IdSource) {
    let mut lower = HashSet::new();
    let mut ones = [0_usize; 128];
    for _ in 0..IDS {
        let bits = source.new_id().unwrap().as_u128();
        lower.insert(bits as u64);
        for (place, ones) in ones.iter_mut().enumerate() {
            *ones += (bits >> place) as usize & 1;
        }
    }
    assert_eq!(lower.len(), IDS);
    // Six bits are fixed; each of the others is set in half of the ids, give or take 12 sigma.
    for (place, ones) in ones.into_iter().enumerate() {
        let fixed = matches!(place, 62 | 63 | 76..=79);
        let off = if place < 96 { 2_000 } else { 40_000 };
        let even = ones.abs_diff(IDS / 2) < off;
        assert!(fixed || even, "bit {place} is set in {ones} ids");
    }
}

/// Not in ten thousand.
pub fn no_two_tokens_are_the_same(source: &impl TokenSource) {
    let tokens: HashSet<_> = (0..TOKENS)
        .map(|_| source.new_token().unwrap().expose().to_owned())
        .collect();
    assert_eq!(tokens.len(), TOKENS);
}

/// A state that is read and written without care shows here.
pub fn simultaneous_calls_get_different_tokens(source: &impl TokenSource) {
    let tokens: HashSet<_> = race(8, |_| {
        (0..500)
            .map(|_| source.new_token().unwrap().expose().to_owned())
            .collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(tokens.len(), 4_000);
}

/// 43 characters of base64url without padding, which need no escaping anywhere.
pub fn a_token_has_room_for_256_bits(source: &impl TokenSource) {
    for _ in 0..1_000 {
        let token = source.new_token().unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 43, "{text:?}");
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{text:?}"
        );
    }
}

/// All 64 of them at every place, 16 at the last one, which holds four bits only.
pub fn every_character_of_a_token_varies(source: &impl TokenSource) {
    let mut seen = vec![HashSet::new(); 43];
    for _ in 0..TOKENS {
        let token = source.new_token().unwrap();
        for (place, byte) in token.expose().bytes().enumerate() {
            seen[place].insert(byte);
        }
    }
    for (place, seen) in seen.iter().enumerate() {
        let expected = if place == 42 { 16 } else { 64 };
        assert_eq!(seen.len(), expected, "place {place}");
    }
}

/// Neither seconds nor microseconds, and not what a clock shows that was never set.
pub fn the_time_is_of_this_century_and_in_milliseconds(clock: &impl Clock) {
    const YEAR_2020: i64 = 1_577_836_800_000;
    const YEAR_2200: i64 = 7_258_118_400_000;
    for _ in 0..3 {
        let now = clock.now().as_millis();
        assert!((YEAR_2020..YEAR_2200).contains(&now), "{now}");
    }
}
