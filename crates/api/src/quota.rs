//! Refusals because an account holds as much as it may.
//!
//! Whoever is known before the bytes are here is judged then ([`Room`]), so that a full account stages
//! no more than what it has room for. The repository judges again when the entry is stored, and that is
//! what counts.

use kms_domain::codes::Code;
use kms_domain::files::{ClaimOutcome, FavouriteOutcome, OnceOutcome, UploadOutcome};
use kms_domain::users::{Actor, UserId};

use crate::app::Services;
use crate::error::ApiError;

/// Why an upload is refused. The outermost layer finds it below the answer, and records it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the account holds as much as it may")]
pub(crate) struct OverQuota {
    /// Whose account.
    pub(crate) user: UserId,
}

fn refusal(user: UserId) -> ApiError {
    ApiError::because(Code::StorageFull, OverQuota { user })
}

/// What a known sender may still send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    user: UserId,
    bytes: u64,
    beyond: fn(UserId) -> ApiError,
}

impl Room {
    /// The room of a caller who uploads a file.
    pub(crate) fn of(services: &Services, actor: &Actor) -> Result<Self, ApiError> {
        Ok(Self {
            user: actor.user(),
            bytes: services.files.standing(actor)?.room(),
            beyond: refusal,
        })
    }

    /// Room without end, for what charges nobody.
    pub(crate) const fn unlimited(actor: &Actor) -> Self {
        Self {
            user: actor.user(),
            bytes: u64::MAX,
            beyond: refusal,
        }
    }

    /// Room for what was stored already and has so many bytes. Whoever sends more gets the answer `beyond`.
    pub(crate) const fn again(actor: &Actor, bytes: u64, beyond: fn(UserId) -> ApiError) -> Self {
        Self {
            user: actor.user(),
            bytes,
            beyond,
        }
    }

    /// Refuses a payload that has or will have `bytes`, if that is too much.
    pub(crate) fn expect(self, bytes: u64) -> Result<(), ApiError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        Err((self.beyond)(self.user))
    }
}

/// The outcome of an upload, unless it is that there was no room.
pub(crate) fn uploaded(user: UserId, outcome: UploadOutcome) -> Result<UploadOutcome, ApiError> {
    match outcome {
        UploadOutcome::OverQuota => Err(refusal(user)),
        other => Ok(other),
    }
}

/// The outcome of an upload under conditions, unless it is that there was no room.
pub(crate) fn uploaded_once(user: UserId, outcome: OnceOutcome) -> Result<OnceOutcome, ApiError> {
    match outcome {
        OnceOutcome::Uploaded(UploadOutcome::OverQuota) => Err(refusal(user)),
        other => Ok(other),
    }
}

/// The outcome of an instant upload, unless it is that there was no room.
pub(crate) fn claimed(user: UserId, outcome: ClaimOutcome) -> Result<ClaimOutcome, ApiError> {
    match outcome {
        ClaimOutcome::OverQuota => Err(refusal(user)),
        other => Ok(other),
    }
}

/// The outcome of making a favourite, unless it is that there was no room.
pub(crate) fn favoured(
    user: UserId,
    outcome: FavouriteOutcome,
) -> Result<FavouriteOutcome, ApiError> {
    match outcome {
        FavouriteOutcome::OverQuota => Err(refusal(user)),
        other => Ok(other),
    }
}
