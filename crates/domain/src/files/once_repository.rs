use super::{FileId, FileReceipt, Md5, NewBlob, NewFile, Sha256};
use crate::users::UserId;
use crate::{PortError, Timestamp};

/// Most characters of a key.
const MAX_KEY: usize = 255;

/// What a client names an upload by, so that it can be sent again without being stored again: 1 to 255
/// visible ASCII characters or spaces. It belongs to the account that uses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadKey(String);

/// Why a text is no [`UploadKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadKeyError {
    /// Nothing, or more than 255 characters.
    #[error("a key has 1 to 255 characters")]
    Length,
    /// Something else than printable ASCII.
    #[error("a key holds printable ASCII and nothing else")]
    Character,
}

impl UploadKey {
    /// Checks `raw` and keeps it as it is.
    ///
    /// # Errors
    /// [`UploadKeyError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, UploadKeyError> {
        if !raw.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(UploadKeyError::Character);
        }
        if !(1..=MAX_KEY).contains(&raw.len()) {
            return Err(UploadKeyError::Length);
        }
        Ok(Self(raw.to_owned()))
    }

    /// The key as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A digest of all that an upload says beside its bytes. Two requests with the same one ask for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestDigest([u8; 32]);

impl RequestDigest {
    /// Wraps a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An upload that was stored under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptUpload {
    /// What it said.
    pub request: RequestDigest,
    /// What was answered to it.
    pub receipt: FileReceipt,
}

impl KeptUpload {
    /// Whether an upload that says `request` of bytes with this digest is the same once more.
    #[must_use]
    pub fn is_of(&self, request: &RequestDigest, sha256: &Sha256) -> bool {
        self.request == *request && self.receipt.sha256 == *sha256
    }
}

/// A key that an entry is to be stored under.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key.
    pub key: UploadKey,
    /// What the upload says.
    pub request: RequestDigest,
    /// Keys that are as old as this, or older, count no more.
    pub expired: Timestamp,
    /// Most keys of the account; at least 1. Those that were used first go first, whatever the clock said.
    pub most: usize,
}

/// What must hold for an entry to be stored.
#[derive(Clone, Debug, Default)]
pub struct Once {
    /// That nothing is stored under this key.
    pub key: Option<NewKey>,
    /// That the owner has no entry over the same content.
    pub unless_held: bool,
}

/// What became of [`OnceRepository::attach_once`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedOnce {
    /// The entry was stored, or there was no room for it.
    Attached(super::Attached),
    /// The same upload was stored under this key already, and this was the answer; nothing was changed.
    Repeated(FileReceipt),
    /// Another upload was; nothing was changed.
    KeyReused,
    /// The owner has this entry over the same content; nothing was changed.
    Held(FileId),
}

/// Entries that are stored at most once. Every method is one transaction and may block.
pub trait OnceRepository: Send + Sync {
    /// What `owner` has stored under `key`, unless that is as old as `expired`.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_key(
        &self,
        owner: UserId,
        key: &UploadKey,
        expired: Timestamp,
    ) -> Result<Option<KeptUpload>, PortError>;

    /// Whether `owner` has an entry over the content with this digest.
    ///
    /// # Errors
    /// [`PortError`].
    fn holds(&self, owner: UserId, sha256: &Sha256) -> Result<bool, PortError>;

    /// The MD5 of an entry over the content with this digest that `asker` has, or, with `include_public`,
    /// that anybody published. `None`: there is none of these.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_md5(
        &self,
        asker: UserId,
        sha256: &Sha256,
        include_public: bool,
    ) -> Result<Option<Md5>, PortError>;

    /// Does what [`FileRepository::attach`](super::FileRepository::attach) does, if what `once` asks for
    /// holds, and keeps the key with it, all or nothing and durably. So of any number of simultaneous calls
    /// with one key, one stores. The key is judged first: what was stored once is answered alike, whatever
    /// became of the entry and of the room since. An entry for which there is no room leaves no key.
    ///
    /// # Errors
    /// As for `attach`.
    fn attach_once(
        &self,
        file: &NewFile,
        blob: &NewBlob,
        once: &Once,
    ) -> Result<AttachedOnce, PortError>;

    /// Removes at most `limit` keys of anybody that are as old as `expired`, or older, the oldest first, durably,
    /// and answers how many.
    ///
    /// # Errors
    /// [`PortError`].
    fn remove_expired(&self, expired: Timestamp, limit: usize) -> Result<usize, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_ascii() {
        for raw in [
            "a",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            " ~",
            &"x".repeat(255),
        ] {
            assert_eq!(UploadKey::parse(raw).unwrap().as_str(), raw);
        }
        for raw in ["", &"x".repeat(256)] {
            assert_eq!(UploadKey::parse(raw), Err(UploadKeyError::Length));
        }
        for raw in ["é", "a\0", "a\n", "\u{7f}"] {
            assert_eq!(UploadKey::parse(raw), Err(UploadKeyError::Character));
        }
    }
}
