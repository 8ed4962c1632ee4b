use std::fmt;

/// Why a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has {digits} hexadecimal digits")]
pub struct DigestError {
    digits: usize,
}

/// MD5 of a file: the key by which the contract's clients ask for an instant upload, and nothing
/// else. It identifies no content, because two contents with one MD5 are made in seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5([u8; Self::LENGTH]);

/// SHA-256 of a file: the identity of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; Self::LENGTH]);

impl Md5 {
    /// Bytes of a digest.
    pub const LENGTH: usize = 16;

    /// Reads 32 hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`DigestError`] for everything else.
    pub fn parse(raw: &str) -> Result<Self, DigestError> {
        parse_hex(raw).map(Self)
    }

    /// Wraps a digest that was computed or stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Sha256 {
    /// Bytes of a digest.
    pub const LENGTH: usize = 32;

    /// Reads 64 hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`DigestError`] for everything else.
    pub fn parse(raw: &str) -> Result<Self, DigestError> {
        parse_hex(raw).map(Self)
    }

    /// Wraps a digest that was computed or stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Md5({self})")
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

fn parse_hex<const N: usize>(raw: &str) -> Result<[u8; N], DigestError> {
    let error = DigestError { digits: N * 2 };
    let (pairs, rest) = raw.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (nibble(*high).ok_or(error)? << 4) | nibble(*low).ok_or(error)?;
    }
    Ok(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_read_and_lower_case_is_written() {
        let text = "d41d8cd98f00b204e9800998ecf8427e";
        let upper = Md5::parse(&text.to_uppercase()).unwrap();
        assert_eq!(upper, Md5::parse(text).unwrap());
        assert_eq!(upper.to_string(), text);
        let sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256::parse(sha).unwrap().to_string(), sha);
    }

    #[test]
    fn other_lengths_and_other_characters_are_refused() {
        for raw in [
            "",
            &"a".repeat(31),
            &"a".repeat(33),
            &"g".repeat(32),
            &format!(" {}", "a".repeat(31)),
            &format!("0x{}", "a".repeat(30)),
            &"ａ".repeat(32),
            &"-".repeat(32),
            &format!("{}\0", "a".repeat(31)),
        ] {
            assert!(Md5::parse(raw).is_err(), "{raw:?}");
        }
        assert!(Sha256::parse(&"a".repeat(63)).is_err());
        assert!(Sha256::parse(&"a".repeat(65)).is_err());
    }
}
