//! Instant upload: who may have bytes by naming them.

use super::{BlobRef, Md5, Sha256};
use crate::users::UserId;

/// How far an MD5 alone goes. Whatever is chosen, nobody gets bytes that they could not read
/// anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstantUpload {
    /// The caller's own entries and public ones, by MD5 alone.
    #[default]
    Public,
    /// Public ones only when the request names the SHA-256 too; own ones by MD5 alone.
    Strong,
    /// The caller's own entries only.
    Own,
    /// Never.
    Off,
}

/// The entries whose content a request may claim: those with this MD5 (and this SHA-256, where it
/// is named) that the owner has or, where `include_public` says so, that anybody published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimScope {
    /// Who asks.
    pub owner: UserId,
    /// The contract's key.
    pub md5: Md5,
    /// Narrows the scope to one content.
    pub sha256: Option<Sha256>,
    /// Whether public entries of others are in scope.
    pub include_public: bool,
}

impl ClaimScope {
    /// The scope that `policy` allows. `None`: instant upload is off.
    #[must_use]
    pub fn new(
        policy: InstantUpload,
        owner: UserId,
        md5: Md5,
        sha256: Option<Sha256>,
    ) -> Option<Self> {
        let include_public = match policy {
            InstantUpload::Public => true,
            InstantUpload::Strong => sha256.is_some(),
            InstantUpload::Own => false,
            InstantUpload::Off => return None,
        };
        Some(Self {
            owner,
            md5,
            sha256,
            include_public,
        })
    }
}

/// The distinct contents in a [`ClaimScope`], as far as it matters how many they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimCandidates {
    /// No entry fits.
    None,
    /// All entries that fit are over this content.
    One(BlobRef),
    /// Entries over different contents fit: an MD5 collision, which decides nothing.
    Ambiguous,
}

impl ClaimCandidates {
    /// Reduces distinct contents to what matters. A repository may stop at two.
    pub fn from_distinct(blobs: impl IntoIterator<Item = BlobRef>) -> Self {
        let mut blobs = blobs.into_iter();
        match (blobs.next(), blobs.next()) {
            (None, _) => Self::None,
            (Some(blob), None) => Self::One(blob),
            (Some(_), Some(_)) => Self::Ambiguous,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_policy_opens_its_own_scope() {
        let owner = UserId::from_uuid(Uuid::from_u128(1));
        let md5 = Md5::from_bytes([1; 16]);
        let sha = Some(Sha256::from_bytes([2; 32]));
        let public =
            |policy, sha| ClaimScope::new(policy, owner, md5, sha).map(|s| s.include_public);
        assert_eq!(public(InstantUpload::Public, None), Some(true));
        assert_eq!(public(InstantUpload::Public, sha), Some(true));
        assert_eq!(public(InstantUpload::Strong, None), Some(false));
        assert_eq!(public(InstantUpload::Strong, sha), Some(true));
        assert_eq!(public(InstantUpload::Own, None), Some(false));
        assert_eq!(public(InstantUpload::Own, sha), Some(false));
        assert_eq!(public(InstantUpload::Off, sha), None);
    }
}
