//! See `kms_api::intake::reference::check_base64`. The first two bytes say how the rest is cut.
#![no_main]

use kms_api::intake::reference::check_base64;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let [one, other, body @ ..] = input {
        check_base64(body, &[usize::from(*one % 64) + 1, usize::from(*other) + 1]);
    }
});
