//! Uploads that are stored at most once, however often they are sent.

use std::sync::Arc;

use super::{
    ClaimFile, ClaimOutcome, FileError, FileReceipt, FileService, StoreFile, UploadOutcome,
};
use crate::Timestamp;
use crate::files::hashers::Hashers;
use crate::files::{
    AttachedOnce, FinishedUpload, InstantUpload, KeptUpload, NewKey, Once, OnceRepository,
    RequestDigest, Sha256, Title, UploadKey, Visibility,
};
use crate::users::Actor;

/// Keys that go in one transaction, for which everybody else's writes wait.
const BATCH: usize = 256;

/// How long keys count, and how many.
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// Milliseconds after which a key is forgotten.
    pub millis: i64,
    /// Most keys of an account; those that were used first go first.
    pub per_account: usize,
}

/// Storing files under conditions.
#[derive(Clone)]
pub struct OnceService {
    /// Files without conditions.
    pub files: FileService,
    /// The entries.
    pub once: Arc<dyn OnceRepository>,
    /// How long keys count.
    pub keys: KeyPolicy,
}

/// Under which conditions an upload is to be stored.
#[derive(Clone, Debug, Default)]
pub struct StoreOnce {
    /// Unless the same upload was stored under this key.
    pub key: Option<UploadKey>,
    /// Unless the caller has an entry over the same content.
    pub unless_held: bool,
}

/// What became of an upload under conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceOutcome {
    /// What becomes of every upload.
    Uploaded(UploadOutcome),
    /// The same upload was stored under its key before, and this was the answer.
    Repeated(FileReceipt),
    /// Another upload was stored under its key; nothing was stored now.
    KeyReused,
    /// The caller has the content already; nothing was stored.
    Held,
}

/// What is known about a key before the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// Nothing was stored under it.
    New,
    /// What was stored under it may be the same upload; its bytes will tell.
    Known {
        /// How many those were that were stored.
        size: u64,
    },
    /// Another upload was stored under it.
    Reused,
}

impl OnceService {
    /// How a key stands to an upload that says this, or has said nothing yet.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn standing(
        &self,
        actor: &Actor,
        key: &UploadKey,
        request: Option<&StoreFile>,
    ) -> Result<KeyStanding, FileError> {
        let kept = self.find(actor, key)?;
        Ok(match kept {
            None => KeyStanding::New,
            Some(kept) if request.is_some_and(|it| it.digest() != kept.request) => {
                KeyStanding::Reused
            }
            Some(kept) => KeyStanding::Known {
                size: kept.receipt.size,
            },
        })
    }

    /// Whether the caller has an entry over one of these contents.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn holds_any(&self, actor: &Actor, contents: &[Sha256]) -> Result<bool, FileError> {
        for sha256 in contents {
            if self.once.holds(actor.user(), sha256)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stores an entry over the uploaded bytes as [`FileService::store`] does, if the conditions hold.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn store(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
        request: StoreFile,
        conditions: StoreOnce,
    ) -> Result<OnceOutcome, FileError> {
        if let Some(refused) = request.refusal(&upload) {
            return Ok(OnceOutcome::Uploaded(refused));
        }
        let digest = request.digest();
        // The repository decides; this saves publishing what it would refuse, and a repetition must find
        // its answer also when the account has become full since.
        if let Some(key) = &conditions.key
            && let Some(kept) = self.find(actor, key)?
        {
            return Ok(repeated(&kept, &digest, &upload.sha256));
        }
        let refused = if conditions.unless_held && self.once.holds(actor.user(), &upload.sha256)? {
            Some(OnceOutcome::Held)
        } else if !self.files.standing(actor)?.has_room_for(upload.size) {
            Some(OnceOutcome::Uploaded(UploadOutcome::OverQuota))
        } else {
            None
        };
        if let Some(refused) = refused {
            // What is in the way may be what was stored under this key just now.
            let kept = match &conditions.key {
                Some(key) => self.find(actor, key)?,
                None => None,
            };
            return Ok(kept.map_or(refused, |kept| repeated(&kept, &digest, &upload.sha256)));
        }
        let now = self.files.clock.now();
        let once = Once {
            key: conditions.key.map(|key| NewKey {
                key,
                request: digest,
                expired: self.expired(now),
                most: self.keys.per_account,
            }),
            unless_held: conditions.unless_held,
        };
        let (title, visibility) = (request.title, request.visibility);
        let file = self
            .files
            .new_file(actor, title, visibility, upload.md5, now)?;
        let receipt = FileReceipt::new(&file, upload.sha256, upload.size);
        // As for every upload: when what follows fails, the published bytes stay for the collector.
        let blob = upload.publish(now)?;
        let (outcome, surplus) = match self.once.attach_once(&file, &blob, &once)? {
            AttachedOnce::Attached(attached) => {
                let settled = receipt.settled(attached, blob.key);
                (OnceOutcome::Uploaded(settled.outcome), settled.surplus)
            }
            AttachedOnce::Repeated(first) => (OnceOutcome::Repeated(first), Some(blob.key)),
            AttachedOnce::KeyReused => (OnceOutcome::KeyReused, Some(blob.key)),
            AttachedOnce::Held(_) => (OnceOutcome::Held, Some(blob.key)),
        };
        if let Some(key) = surplus {
            // A copy that stays behind costs space until it is collected.
            let _ = self.files.store.remove(&key);
        }
        Ok(outcome)
    }

    /// Stores an entry over content that the caller may read anyway, as [`FileService::claim`] does, for who
    /// names it by its SHA-256 alone.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn claim(
        &self,
        actor: &Actor,
        title: Title,
        visibility: Option<Visibility>,
        sha256: Sha256,
    ) -> Result<ClaimOutcome, FileError> {
        // The right is judged by the claim; here it is only looked for what that needs to know.
        let include_public = match self.files.config.instant_upload {
            InstantUpload::Public | InstantUpload::Strong => true,
            InstantUpload::Own => false,
            InstantUpload::Off => return self.files.miss(actor),
        };
        let md5 = self.once.find_md5(actor.user(), &sha256, include_public)?;
        let Some(md5) = md5 else {
            return self.files.miss(actor);
        };
        self.files.claim(
            actor,
            ClaimFile {
                title,
                visibility,
                md5,
                sha256: Some(sha256),
            },
        )
    }

    /// Removes the next few keys that count no more, of anybody. Says whether there may be more.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn forget_expired(&self) -> Result<bool, FileError> {
        let expired = self.expired(self.files.clock.now());
        Ok(self.once.remove_expired(expired, BATCH)? == BATCH)
    }

    fn find(&self, actor: &Actor, key: &UploadKey) -> Result<Option<KeptUpload>, FileError> {
        let expired = self.expired(self.files.clock.now());
        Ok(self.once.find_key(actor.user(), key, expired)?)
    }

    const fn expired(&self, now: Timestamp) -> Timestamp {
        now.minus_millis(self.keys.millis)
    }
}

fn repeated(kept: &KeptUpload, request: &RequestDigest, sha256: &Sha256) -> OnceOutcome {
    if kept.is_of(request, sha256) {
        OnceOutcome::Repeated(kept.receipt)
    } else {
        OnceOutcome::KeyReused
    }
}

impl StoreFile {
    /// What it says beside the bytes, and beside the digests of them, which it says only to have them checked.
    pub(super) fn digest(&self) -> RequestDigest {
        let visibility: &[u8] = match self.visibility.map(Visibility::is_public) {
            None => b"-",
            Some(true) => b"+public",
            Some(false) => b"+private",
        };
        let mut hashers = Hashers::new();
        // A title holds no control characters, so nothing in it looks like the end of it.
        for part in [self.title.as_str().as_bytes(), b"\0", visibility] {
            hashers.update(part);
        }
        let (_, sha256) = hashers.finish();
        RequestDigest::from_bytes(*sha256.as_bytes())
    }
}
