//! `Range` as the server reads it and as a plainer reader does. The first eight bytes are the size of a content,
//! of which the second says how many count.
#![no_main]

use kms_api::inprocess::plain::{self, readers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((head, value)) = input.split_first_chunk::<8>() else {
        return;
    };
    let size = u64::from_le_bytes(*head) >> (head[1] % 64);
    for text in [value, &[b"bytes=", value].concat()] {
        let found = readers::range(text, size);
        assert_eq!(found, plain::range(text, size), "{text:?} of {size}");
        if let Some(Some((start, length))) = found {
            assert!(length > 0 && start.checked_add(length).is_some_and(|end| end <= size));
        }
    }
});
