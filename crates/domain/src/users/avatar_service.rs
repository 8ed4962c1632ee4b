use std::sync::Arc;

use super::{Actor, AvatarRepository};
use crate::files::{
    Attached, BlobRef, BlobRepository, BlobStore, Download, DownloadError, FinishedUpload,
    OPEN_ROUNDS, Sha256, UploadSession,
};
use crate::{Clock, PortError};

/// Setting and reading avatars. Their bytes live in the same store as files', once each.
#[derive(Clone)]
pub struct AvatarService {
    /// Whose avatar is what.
    pub avatars: Arc<dyn AvatarRepository>,
    /// The rows of the content.
    pub blobs: Arc<dyn BlobRepository>,
    /// The bytes.
    pub store: Arc<dyn BlobStore>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Most bytes of an avatar.
    pub max_size: u64,
}

/// What became of a new avatar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvatarOutcome {
    /// It is set.
    Set,
    /// No bytes at all; the old one stays.
    Empty,
}

/// What became of a new avatar that is to take the place of a certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOutcome {
    /// It is set, and there was none before.
    First,
    /// It is set, in the place of another one.
    Replaced,
    /// Another one than the caller takes it to be is there, and stays.
    Moved,
    /// No bytes at all; the old one stays.
    Empty,
}

impl ReplaceOutcome {
    const fn of(before: Option<Sha256>) -> Self {
        match before {
            None => Self::First,
            Some(_) => Self::Replaced,
        }
    }
}

/// What became of asking for an avatar.
#[derive(Debug)]
pub enum OpenedAvatar {
    /// Here it is.
    Opened(Box<Download>),
    /// This account has none.
    NotSet,
}

/// Why a use case of [`AvatarService`] has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AvatarError {
    /// The stored bytes are not what they were.
    #[error("the avatar could not be read")]
    Content(#[from] DownloadError),
    /// A port failed.
    #[error("the avatars could not be reached")]
    Port(#[from] PortError),
}

impl AvatarService {
    /// Opens a session for bytes to come, before it is known whose they are.
    ///
    /// # Errors
    /// [`AvatarError::Port`].
    pub fn begin_upload(&self) -> Result<UploadSession, AvatarError> {
        Ok(UploadSession::new(self.store.stage()?, self.max_size))
    }

    /// Makes the uploaded bytes, whatever they are, the caller's avatar.
    ///
    /// # Errors
    /// [`AvatarError::Port`].
    pub fn set(&self, actor: &Actor, upload: FinishedUpload) -> Result<AvatarOutcome, AvatarError> {
        if upload.size == 0 {
            return Ok(AvatarOutcome::Empty);
        }
        let now = self.clock.now();
        let blob = upload.publish(now)?;
        // As with files: when this fails, the bytes stay for the collector.
        let attached = self.avatars.set_avatar(actor.user(), &blob, now)?;
        if let Attached::Replaced { surplus } = attached {
            let _ = self.store.remove(&surplus);
        }
        Ok(AvatarOutcome::Set)
    }

    /// Sets it if `allow` says so of the content that is the avatar then: nothing comes between being looked
    /// at and being replaced.
    ///
    /// # Errors
    /// [`AvatarError::Port`].
    pub fn set_if(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
        allow: impl Fn(Option<Sha256>) -> bool,
    ) -> Result<ReplaceOutcome, AvatarError> {
        let mut before = self.current(actor)?;
        if !allow(before) {
            return Ok(ReplaceOutcome::Moved);
        }
        if upload.size == 0 {
            return Ok(ReplaceOutcome::Empty);
        }
        let now = self.clock.now();
        let blob = upload.publish(now)?;
        for _ in 0..OPEN_ROUNDS {
            let replaced = self
                .avatars
                .replace_avatar(actor.user(), before, &blob, now)?;
            if let Some(attached) = replaced {
                if let Attached::Replaced { surplus } = attached {
                    let _ = self.store.remove(&surplus);
                }
                return Ok(ReplaceOutcome::of(before));
            }
            // Somebody else has set one just now; that may make no difference.
            before = self.current(actor)?;
            if !allow(before) {
                break;
            }
        }
        let _ = self.store.remove(&blob.key);
        Ok(ReplaceOutcome::Moved)
    }

    /// Sets it whatever is there, and tells whether that was anything.
    ///
    /// # Errors
    /// [`AvatarError::Port`].
    pub fn set_anyway(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
    ) -> Result<ReplaceOutcome, AvatarError> {
        let before = self.current(actor)?;
        Ok(match self.set(actor, upload)? {
            AvatarOutcome::Set => ReplaceOutcome::of(before),
            AvatarOutcome::Empty => ReplaceOutcome::Empty,
        })
    }

    /// What the caller's avatar is now, without opening it. `None`: there is none.
    ///
    /// # Errors
    /// [`AvatarError::Port`].
    pub fn current(&self, actor: &Actor) -> Result<Option<Sha256>, AvatarError> {
        let blob = self.avatars.find_avatar(actor.user())?;
        Ok(blob.map(|blob| blob.sha256))
    }

    /// Opens the caller's avatar.
    ///
    /// # Errors
    /// [`AvatarError`].
    pub fn open(&self, actor: &Actor) -> Result<OpenedAvatar, AvatarError> {
        let Some(mut blob) = self.avatars.find_avatar(actor.user())? else {
            return Ok(OpenedAvatar::NotSet);
        };
        for _ in 1..OPEN_ROUNDS {
            let key = blob.key.clone();
            let damaged = match self.open_blob(blob) {
                Err(error @ DownloadError::Damaged { .. }) => error,
                opened => return Ok(opened?),
            };
            // As with files: an upload may have replaced the copy meanwhile.
            match self.avatars.find_avatar(actor.user())? {
                Some(again) if again.key != key => blob = again,
                Some(_) => return Err(damaged.into()),
                None => return Ok(OpenedAvatar::NotSet),
            }
        }
        Ok(self.open_blob(blob)?)
    }

    fn open_blob(&self, blob: BlobRef) -> Result<OpenedAvatar, DownloadError> {
        let content = Download::open(&*self.store, Arc::clone(&self.blobs), blob)?;
        Ok(OpenedAvatar::Opened(Box::new(content)))
    }
}

#[cfg(test)]
mod tests;
