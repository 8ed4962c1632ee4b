//! A few of the sequences that the fuzz targets go on with for hours.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::model::run;
use super::plain::{self, readers};

/// How many sequences; more are for the fuzz target, or for whoever has no nightly compiler.
#[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
fn cases() -> u32 {
    let chosen = std::env::var("KMS_REQUEST_CASES").ok();
    chosen.map_or(64, |cases| cases.parse().expect("a number of sequences"))
}

#[test]
fn whatever_is_asked_in_whatever_order_the_application_answers_as_the_model() {
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    let result = TestRunner::new(config).run(&bytes, |bytes| {
        run(&bytes);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Characters that mean something in headers, and some that do not.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[0-9]{1,3}",
        "bytes=|Bytes=|bytes=[0-9]{0,21}-[0-9]{0,21}|bearer |Bearer\t|W/|\"a\"|W/\"b\"|, |,",
        "[-=,\"\\\\ */a-c]",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn headers_are_read_as_plainer_readers_read_them(value in header(), size in any::<u64>()) {
        prop_assert_eq!(readers::range(&value, size), plain::range(&value, size));
        prop_assert_eq!(readers::tags(&value), plain::tags(&value));
        prop_assert_eq!(readers::bearer_of(&value), plain::bearer(&value));
    }
}
