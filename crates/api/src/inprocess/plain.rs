//! What the readers of headers are compared with: the same rules once more, written for plainness.

/// The bytes that a `Range` header asks for of a content of `size` bytes: their first position and how many
/// they are. `None`: the header means nothing and is ignored. `Some(None)`: nothing of it is there.
pub fn range(value: &[u8], size: u64) -> Option<Option<(u64, u64)>> {
    let text = std::str::from_utf8(value).ok()?;
    let set = text
        .get(..6)
        .filter(|unit| unit.eq_ignore_ascii_case("bytes="));
    let (first, last) = set.map(|unit| &text[unit.len()..])?.split_once('-')?;
    let number = |digits: &str| -> Option<Option<u128>> {
        if !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        if digits.is_empty() {
            return Some(None);
        }
        // What has too many digits for this is beyond all contents, too.
        let digits = digits.trim_start_matches('0');
        let value = match digits.len() {
            0 => 0,
            1..=30 => digits.parse().ok()?,
            _ => u128::MAX / 4,
        };
        Some(Some(value.min(u128::from(u64::MAX))))
    };
    let size = u128::from(size);
    let (start, end) = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(count)) => (size - count.min(size), size),
        (Some(first), None) => (first, size),
        (Some(first), Some(last)) if first > last => return None,
        (Some(first), Some(last)) => (first, size.min(last + 1)),
    };
    let there = (start < end).then(|| (start as u64, (end - start) as u64));
    Some(there)
}

/// The tags of an `If-Match` or `If-None-Match` line, each with whether it is weak; `None` for what is no list.
/// Taken apart at the quotes: between two tags there are commas, blanks and the mark of a weak one.
pub fn tags(line: &[u8]) -> Option<Vec<(bool, Vec<u8>)>> {
    let mut parts: Vec<&[u8]> = line.split(|byte| *byte == b'"').collect();
    if parts.len().is_multiple_of(2) {
        return None;
    }
    let tail = parts.pop()?;
    let mut found = Vec::new();
    for (index, pair) in parts.chunks(2).enumerate() {
        let (between, opaque) = (pair[0], pair[1]);
        let (between, weak) = match between.strip_suffix(b"W/") {
            Some(before) => (before, true),
            None => (between, false),
        };
        let commas = between.iter().filter(|byte| **byte == b',').count();
        let is_separator = between.iter().all(|byte| b" \t,".contains(byte));
        if !is_separator || (index > 0 && commas == 0) {
            return None;
        }
        if opaque.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return None;
        }
        found.push((weak, opaque.to_vec()));
    }
    tail.iter()
        .all(|byte| b" \t,".contains(byte))
        .then_some(found)
}

/// The token of an `Authorization` header.
pub fn bearer(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    if !text[..end].eq_ignore_ascii_case("bearer") {
        return None;
    }
    Some(text[end..].trim_matches([' ', '\t']).to_owned())
}

/// How the single readers are reached from outside.
pub mod readers {
    use crate::routes::v1::readers;

    pub fn range(value: &[u8], size: u64) -> Option<Option<(u64, u64)>> {
        readers::range(value, size)
    }

    pub fn tags(line: &[u8]) -> Option<Vec<(bool, Vec<u8>)>> {
        readers::tags(line)
    }

    pub fn bearer_of(value: &[u8]) -> Option<String> {
        crate::call::bearer_of(value)
    }

    pub fn attachment(title: &str) -> String {
        readers::attachment(title)
    }
}
