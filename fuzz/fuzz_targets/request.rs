//! See `crates/api/src/inprocess/model`: the bytes choose requests, which the whole application answers beside
//! a model of what it must answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/api/src/inprocess/model/mod.rs"]
mod model;

fuzz_target!(|input: &[u8]| model::run(input));
