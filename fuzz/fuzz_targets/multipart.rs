//! See `kms_api::intake::reference::check_multipart`. The first two bytes say how the rest is cut.
#![no_main]

use kms_api::intake::reference::check_multipart;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let [one, other, body @ ..] = input {
        check_multipart(body, &[usize::from(*one % 64) + 1, usize::from(*other) + 1]);
    }
});
