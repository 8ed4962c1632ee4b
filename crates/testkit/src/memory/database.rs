use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use kms_domain::audit::{AuditEvent, AuditId, Network, RecordedEvent};
use kms_domain::files::{
    Attached, BlobId, BlobKey, BlobRef, FileId, Label, Md5, NewBlob, NewFavourite, NewFile, Title,
    Usage,
};
use kms_domain::users::{NewUser, Session, SessionId, TokenDigest, UserId};
use kms_domain::{OneState, PortError, Timestamp};

use super::MemoryInteractions;
use super::once::KeyRow;
use crate::contract::Repositories;

/// A database in memory that is every repository at once. Clones share one state; each call is a
/// transaction, because it holds the one lock from beginning to end and checks before it writes.
#[derive(Clone, Default)]
pub struct MemoryDatabase {
    state: Arc<Mutex<State>>,
}

/// The rows.
#[derive(Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<UserId, UserRow>,
    pub(super) sessions: HashMap<SessionId, SessionRow>,
    pub(super) avatars: HashMap<UserId, BlobId>,
    /// By the number of their ids, which have no order of their own.
    pub(super) blobs: BTreeMap<i64, BlobRef>,
    /// When each content became known.
    pub(super) created: HashMap<i64, Timestamp>,
    /// Doomed contents, by their keys.
    pub(super) doomed: BTreeMap<String, BlobRef>,
    /// In the order in which they were stored.
    pub(super) files: Vec<FileRow>,
    /// What was deleted, and when.
    pub(super) trash: Vec<(FileRow, Timestamp)>,
    pub(super) favourites: Vec<FavouriteRow>,
    /// Sources that are private now, or were when they went.
    pub(super) withheld: HashSet<FileId>,
    /// In the order in which they were recorded.
    pub(super) events: Vec<RecordedEvent>,
    /// Nothing held and nothing decided where there is none.
    pub(super) usage: HashMap<UserId, Usage>,
    /// What was learned of entries, and of which.
    pub(super) interactions: MemoryInteractions,
    pub(super) learned: HashSet<i64>,
    /// In the order in which they were used.
    pub(super) keys: Vec<KeyRow>,
    next_seq: i64,
    last_blob: i64,
}

pub(super) struct UserRow {
    pub(super) user: NewUser,
    pub(super) logged_in: bool,
}

pub(super) struct SessionRow {
    pub(super) session: Session,
    pub(super) token: TokenDigest,
    pub(super) network: Option<Network>,
    pub(super) seq: i64,
}

pub(super) struct FileRow {
    pub(super) file: NewFile,
    pub(super) label: Option<Label>,
    pub(super) blob: BlobId,
    pub(super) seq: i64,
}

pub(super) struct FavouriteRow {
    pub(super) favourite: NewFavourite,
    pub(super) source_owner: UserId,
    pub(super) title: Title,
    pub(super) label: Option<Label>,
    pub(super) md5: Md5,
    pub(super) blob: BlobId,
    pub(super) seq: i64,
}

impl MemoryDatabase {
    /// An empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All ports over this database.
    #[must_use]
    pub fn repositories(&self) -> Repositories {
        Repositories {
            users: Arc::new(self.clone()),
            sessions: Arc::new(self.clone()),
            avatars: Arc::new(self.clone()),
            files: Arc::new(self.clone()),
            trash: Arc::new(self.clone()),
            favourites: Arc::new(self.clone()),
            blobs: Arc::new(self.clone()),
            upkeep: Arc::new(self.clone()),
            audit: Arc::new(self.clone()),
            usage: Arc::new(self.clone()),
            feed: Arc::new(self.clone()),
            interactions: Arc::new(self.clone()),
            once: Arc::new(self.clone()),
            keep: Arc::new(()),
        }
    }

    /// How many accounts there are.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.lock().users.len()
    }

    /// How many sessions are open.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.lock().sessions.len()
    }

    /// How many entries there are, public and private.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.lock().files.len()
    }

    /// All content that is known, the oldest first.
    #[must_use]
    pub fn blobs(&self) -> Vec<BlobRef> {
        self.lock().blobs.values().cloned().collect()
    }

    /// The keys that rows refer to: what must be readable in the store.
    #[must_use]
    pub fn blob_keys(&self) -> Vec<BlobKey> {
        self.blobs().into_iter().map(|blob| blob.key).collect()
    }

    /// Removes an entry as if its owner had deleted it. `false`: there is none with this id.
    pub fn remove_file(&self, id: FileId) -> bool {
        let mut state = self.lock();
        let Some(at) = state.files.iter().position(|row| row.file.id == id) else {
            return false;
        };
        let row = state.files.remove(at);
        state.give_back(row.file.owner, row.blob);
        true
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Every read sees the newest state, which is allowed: one that is shared is only quicker.
impl OneState for MemoryDatabase {
    fn during(&self, reads: &mut dyn FnMut()) {
        reads();
    }
}

impl fmt::Debug for MemoryDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDatabase").finish_non_exhaustive()
    }
}

impl State {
    /// The account must exist, as a foreign key would have it.
    pub(super) fn require_user(&self, user: UserId) -> Result<(), PortError> {
        if self.users.contains_key(&user) {
            Ok(())
        } else {
            Err(PortError::internal(format!("there is no account {user}")))
        }
    }

    pub(super) fn blob(&self, id: BlobId) -> BlobRef {
        self.blobs[&id.as_i64()].clone()
    }

    /// Makes offered bytes known; nothing can fail any more when this is called.
    pub(super) fn adopt(&mut self, blob: &NewBlob) -> (BlobId, Attached) {
        let known = self.blobs.values_mut().find(|b| b.sha256 == blob.sha256);
        if let Some(known) = known {
            known.damaged = false;
            let surplus = std::mem::replace(&mut known.key, blob.key.clone());
            return (known.id, Attached::Replaced { surplus });
        }
        self.last_blob += 1;
        let id = BlobId::from_i64(self.last_blob);
        self.created.insert(id.as_i64(), blob.created_at);
        let row = BlobRef {
            id,
            sha256: blob.sha256,
            size: blob.size,
            key: blob.key.clone(),
            damaged: false,
        };
        self.blobs.insert(id.as_i64(), row);
        (id, Attached::Stored)
    }

    /// A number that is greater than all that were given.
    pub(super) fn next_seq(&mut self) -> i64 {
        self.next_seq += 1;
        self.next_seq
    }

    /// Records an event beside what it tells of.
    pub(super) fn record(&mut self, event: &AuditEvent) {
        let id = AuditId::from_i64(self.next_seq());
        let event = event.clone();
        self.events.push(RecordedEvent { id, event });
    }

    /// Stores an entry whose owner and id were checked.
    pub(super) fn insert_file(&mut self, file: &NewFile, blob: BlobId) {
        let seq = self.next_seq();
        self.charge(file.owner, self.blob(blob).size);
        self.files.push(FileRow {
            file: file.clone(),
            label: None,
            blob,
            seq,
        });
    }

    /// The owner must exist and the id be free, as the keys of a table would have it.
    pub(super) fn check_file(&self, file: &NewFile) -> Result<(), PortError> {
        self.require_user(file.owner)?;
        if self.files.iter().any(|row| row.file.id == file.id) {
            return Err(PortError::internal(format!("entry {} exists", file.id)));
        }
        Ok(())
    }
}
