//! See `kms_api::fuzzing`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| kms_api::fuzzing::range(input));
