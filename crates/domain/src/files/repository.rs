use super::{
    BlobKey, ClaimCandidates, ClaimScope, FileId, Label, ListedFile, Md5, Noted, OwnFilter,
    OwnOrder, Quota, Sha256, Title, Visibility,
};
use crate::users::{DisplayName, UserId};
use crate::{Done, PortError, Timestamp};

/// The entries and the rows of the content under them. Every method is one transaction and may
/// block. Liveness of content is derived from the rows that refer to it; nothing is counted.
///
/// What an account holds is counted: an entry that is stored or removed changes the counters of its
/// owner in the same transaction, by the full size of its content. An entry is stored only if its owner
/// stays within the limits then, so of any number of simultaneous calls exactly as many succeed as fit.
#[cfg_attr(test, mockall::automock)]
pub trait FileRepository: Send + Sync {
    /// Stores an entry over published bytes, all or nothing and durably. If live content with this
    /// SHA-256 is known, the entry refers to that, and the content takes over `blob.key` and is
    /// flagged as damaged no more; else `blob` becomes known. So every upload heals, also what
    /// nobody knows to be damaged yet. Beyond a limit of the owner nothing is changed at all, whether
    /// or not the content is known.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is stored, so
    /// the bytes must stay.
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError>;

    /// Like [`attach`](Self::attach), for a caller that does not wait: `done` is called with the
    /// answer. May return before that, and does not block then. As it stands, it waits like `attach`.
    /// With [`NewBlob::noted`] the entry may be left to its note: it is there when `done` is called, and the note
    /// is durable, from which it is stored again if a power cut takes it.
    fn attach_then(&self, file: NewFile, blob: NewBlob, done: Done<Attached>) {
        done(self.attach(&file, &blob));
    }

    /// The content in `scope`.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError>;

    /// Stores an entry over known content, all or nothing and durably, if `blob` is still the one
    /// content in `scope` and not flagged as damaged: a right that ended meanwhile gives nothing. The
    /// limits of the owner count as in [`attach`](Self::attach), behind the right.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is stored.
    fn claim(&self, file: &NewFile, scope: &ClaimScope, blob: BlobId)
    -> Result<Claimed, PortError>;

    /// Like [`claim`](Self::claim), for a caller that does not wait: `done` is called with the answer.
    /// May return before that, and does not block then. As it stands, it waits like `claim`.
    fn claim_then(&self, file: NewFile, scope: ClaimScope, blob: BlobId, done: Done<Claimed>) {
        done(self.claim(&file, &scope, blob));
    }

    /// Changes an entry of `owner`, all or nothing and durably. Anybody else's entry is left alone, and so
    /// is one that is not as the change takes it to be.
    ///
    /// Whether favourites of the entry can be seen follows in the same transaction: none of somebody
    /// else while it is private.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is changed.
    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError>;

    /// Removes an entry of `owner` for good, durably: rows only. The content under it stays until it is
    /// collected, which happens when no row refers to it. Anybody else's entry is left alone.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is gone.
    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError>;

    /// An entry that `asker` may read: an own or a public one, or an own
    /// [favourite](super::FavouriteRepository) whose source is not withheld. `None` for every other,
    /// whether or not it exists. A label is there only if the entry is the asker's own.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError>;

    /// At most `limit` entries of `owner` behind `after`, newest first; of the same millisecond,
    /// the later stored first.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError>;

    /// At most `limit` entries of `owner` that pass `filter`, in `order`. May look through all that `owner` has,
    /// but through nobody else's.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError>;
}

/// Identity of a content's row, private to the server. Never used again for another content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(i64);

impl BlobId {
    /// Wraps a row's id.
    #[must_use]
    pub const fn from_i64(id: i64) -> Self {
        Self(id)
    }

    /// The row's id.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// Published bytes that no row refers to yet.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// Identity of the content.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// Where the store put them.
    pub key: BlobKey,
    /// When they were published.
    pub created_at: Timestamp,
    /// Where a note of the entry over them is kept. The entry must not be there before the note is durable, and
    /// need not be durable itself then, but whoever stores it keeps the mark with it. `None`: there is no note,
    /// and the bytes are durable.
    pub noted: Option<Noted>,
}

/// An entry to be stored.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Fresh identity.
    pub id: FileId,
    /// Whose it is.
    pub owner: UserId,
    /// Its title.
    pub title: Title,
    /// MD5 of its content: an attribute of the entry, because only who sent or named the bytes
    /// knows which MD5 they were known by.
    pub md5: Md5,
    /// Who may read it.
    pub visibility: Visibility,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// What its owner may hold, this entry included, where nothing else was
    /// [decided](super::UsageRepository::set_quota) about the account.
    pub quota: Quota,
}

/// Known live content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// Its row.
    pub id: BlobId,
    /// Its identity.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// Where the store has them.
    pub key: BlobKey,
    /// Whether its bytes were found missing, short or changed.
    pub damaged: bool,
}

/// What became of offered bytes. Their copy is the one that is kept, if any is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// They were new.
    Stored,
    /// The content was known.
    Replaced {
        /// The key of its old copy, to which no row refers any more.
        surplus: BlobKey,
    },
    /// The owner has no room for the entry; nothing was changed, and no row refers to the copy. An
    /// avatar always has room.
    OverQuota,
}

/// What became of [`FileRepository::claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The entry is stored.
    Linked,
    /// The content is not the one in scope (any more); nothing was stored.
    NotEligible,
    /// The owner has no room for the entry; nothing was stored.
    OverQuota,
}

/// A change to an entry. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryChange {
    /// New title.
    pub title: Option<Title>,
    /// Who may read it from now on.
    pub visibility: Option<Visibility>,
    /// New label, or none any more.
    pub label: Option<Option<Label>>,
    /// What the entry is to be like before; whatever it is like, when absent.
    pub given: Option<EntryState>,
}

/// All that can be changed of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// Its title.
    pub title: Title,
    /// Who may read it.
    pub visibility: Visibility,
    /// What its owner files it under.
    pub label: Option<Label>,
}

impl From<&StoredFile> for EntryState {
    /// Of an entry as its owner reads it.
    fn from(file: &StoredFile) -> Self {
        Self {
            title: file.title.clone(),
            visibility: file.visibility,
            label: file.label.clone(),
        }
    }
}

/// What became of a change to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// At least one field has another value now.
    Changed,
    /// Every field had that value already; nothing was written.
    Unchanged,
    /// It is not as the change takes it to be; nothing was written.
    Moved,
    /// This owner has no such entry.
    NotFound,
}

/// What became of an entry that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detached {
    /// The entry is gone.
    Removed,
    /// This owner has no such entry.
    NotFound,
}

/// An entry with the content under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its identity.
    pub id: FileId,
    /// Whose it is.
    pub owner: UserId,
    /// Its title.
    pub title: Title,
    /// What its owner files it under; always absent for anybody else.
    pub label: Option<Label>,
    /// MD5 of its content.
    pub md5: Md5,
    /// Who may read it.
    pub visibility: Visibility,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Its content.
    pub blob: BlobRef,
}

/// An entry as its owner's lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// Its identity.
    pub id: FileId,
    /// Its title.
    pub title: Title,
    /// What its owner files it under.
    pub label: Option<Label>,
    /// Who may read it.
    pub visibility: Visibility,
    /// Where it stands in the list; its date is in here.
    pub position: ListPosition,
}

/// A public entry as lists show it to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFile {
    /// Its identity.
    pub id: FileId,
    /// Its title.
    pub title: Title,
    /// Whose it is.
    pub owner: UserId,
    /// What that account is called now.
    pub owner_name: DisplayName,
    /// Where it stands in the list; its date is in here.
    pub position: ListPosition,
}

/// A place in a list that is ordered newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    /// When the entry was uploaded.
    pub created_at: Timestamp,
    /// The order in which entries were stored, which decides within a millisecond.
    pub seq: i64,
}
