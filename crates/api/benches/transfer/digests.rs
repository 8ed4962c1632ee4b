//! What one core computes of a digest: no upload that must know an MD5 can be quicker, and no
//! download that checks a SHA-256.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

const BUFFER: usize = 1 << 20;
/// Long enough for a stable figure, short enough to be a part of every round.
const TIME: Duration = Duration::from_millis(400);

/// MB/s of the crate `md5`, which is portable Rust.
pub(crate) fn md5() -> f64 {
    let mut context = md5::Context::new();
    let rate = rate(|buffer| context.consume(buffer));
    black_box(context.finalize());
    rate
}

/// MB/s of the crate `fast-md5`, which is assembly, and what the server uses by default.
pub(crate) fn fast_md5() -> f64 {
    let mut context = fast_md5::Md5::new();
    let rate = rate(|buffer| context.update(buffer));
    black_box(context.finalize());
    rate
}

/// MB/s of the crate `sha2`.
pub(crate) fn sha256() -> f64 {
    let mut context = Sha256::new();
    let rate = rate(|buffer| context.update(buffer));
    black_box(context.finalize());
    rate
}

fn rate(mut consume: impl FnMut(&[u8])) -> f64 {
    let buffer = black_box(vec![0x5a_u8; BUFFER]);
    // Brings the buffer into the cache and the core to its speed.
    for _ in 0..32 {
        consume(&buffer);
    }
    let begun = Instant::now();
    let mut bytes = 0_u64;
    while begun.elapsed() < TIME {
        consume(&buffer);
        bytes += BUFFER as u64;
    }
    bytes as f64 / begun.elapsed().as_secs_f64() / 1e6
}
