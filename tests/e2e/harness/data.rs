//! People and bytes.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sha2::Digest as _;

use super::client::base64;

static NEXT_PHONE: AtomicU64 = AtomicU64::new(13_100_000_000);

/// A mainland number that no other test uses.
pub(crate) fn new_phone() -> String {
    NEXT_PHONE.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Who registers.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) phone: String,
    pub(crate) name: String,
    pub(crate) password: String,
}

impl Person {
    /// Somebody with a phone of their own and the least that an account needs.
    pub(crate) fn new() -> Self {
        Self {
            phone: new_phone(),
            name: "张三".to_owned(),
            password: "geheim-1".to_owned(),
        }
    }

    /// The fields of a registration.
    pub(crate) fn fields(&self) -> Value {
        json!({"phone": self.phone, "name": self.name, "password": self.password})
    }
}

/// `fields` with `more` over it.
pub(crate) fn with(mut fields: Value, more: Value) -> Value {
    let target = fields.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        target.insert(name.clone(), value.clone());
    }
    fields
}

/// `length` bytes that look random and are the same for the same `seed`.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        // SplitMix64: short, and no two seeds share a sequence.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    out.truncate(length);
    out
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    format!("{:x}", md5::compute(bytes))
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in sha2::Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// The value of a field that tells the SHA-256 of `content` (RFC 9530).
pub(crate) fn digest_field(content: &[u8]) -> String {
    format!("sha-256=:{}:", base64(&sha2::Sha256::digest(content)))
}

/// Two different contents with one MD5 (Wang, Feng, Lai and Yu, 2004).
pub(crate) fn md5_collision() -> (Vec<u8>, Vec<u8>) {
    let first = from_hex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89\
         55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b\
         d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0\
         e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
    );
    let second = from_hex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89\
         55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b\
         d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0\
         e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70",
    );
    assert_ne!(first, second);
    assert_eq!(md5_hex(&first), md5_hex(&second));
    (first, second)
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
