//! `If-Match` and its like, `Authorization` and `Content-Disposition`, beside plainer readers.
#![no_main]

use kms_api::inprocess::plain::{self, readers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(readers::tags(input), plain::tags(input), "{input:?}");
    for text in [input, &[b"bearer ", input].concat()] {
        assert_eq!(readers::bearer_of(text), plain::bearer(text), "{text:?}");
    }
    let title = String::from_utf8_lossy(input);
    let value = readers::attachment(&title);
    assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value}");
    assert_eq!(value.matches('"').count(), 2, "{value}");
    assert!(!value.contains(['\\', '/']), "{value}");
});
