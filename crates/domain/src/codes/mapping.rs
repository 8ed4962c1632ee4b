//! From outcomes and errors to codes. No wildcard: a new variant does not compile until it has
//! its code.

use super::{Code, Coded};
use crate::files::{
    CancelOutcome, ClaimOutcome, DeleteOutcome, DownloadError, EditOutcome, FavouriteOutcome,
    FileError, OnceOutcome, OpenOutcome, PurgeOutcome, PushError, RestoreOutcome, UploadOutcome,
};
use crate::recommend::RecommendError;
use crate::throttle::Throttled;
use crate::users::{
    AccountError, AvatarError, AvatarOutcome, LoginOutcome, LogoutOutcome, Modified, OpenedAvatar,
    RegisterOutcome, ReplaceOutcome, RevokeOutcome, SessionError,
};
use crate::{PortError, PortErrorKind};

impl Coded for RegisterOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Registered(_) => Code::Registered,
            Self::PhoneTaken => Code::PhoneTaken,
        }
    }
}

impl Coded for LoginOutcome {
    fn code(&self) -> Code {
        match self {
            Self::LoggedIn { .. } => Code::LoggedIn,
            Self::UnknownPhone => Code::UnknownUser,
            Self::WrongPassword => Code::WrongPassword,
        }
    }
}

impl Coded for Modified {
    fn code(&self) -> Code {
        match self {
            Self::Changed => Code::Modified,
            Self::Unchanged => Code::Unmodified,
            Self::SessionEnded => Code::TokenExpired,
            Self::WrongOldPassword => Code::WrongPassword,
            Self::OldPasswordMissing => Code::BadFormat,
        }
    }
}

impl Coded for LogoutOutcome {
    fn code(&self) -> Code {
        match self {
            Self::LoggedOut => Code::Done,
            Self::SessionEnded => Code::TokenExpired,
        }
    }
}

impl Coded for RevokeOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Revoked => Code::Done,
            Self::NotFound => Code::NotFound,
            Self::SessionEnded => Code::TokenExpired,
        }
    }
}

impl Coded for ReplaceOutcome {
    fn code(&self) -> Code {
        match self {
            Self::First | Self::Replaced => Code::AvatarSet,
            Self::Moved | Self::Empty => Code::BadFormat,
        }
    }
}

impl Coded for AvatarOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Set => Code::AvatarSet,
            Self::Empty => Code::BadFormat,
        }
    }
}

impl Coded for OpenedAvatar {
    fn code(&self) -> Code {
        match self {
            Self::Opened(_) => Code::AvatarFound,
            Self::NotSet => Code::NotFound,
        }
    }
}

impl Coded for UploadOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Stored(_) | Self::Linked(_) => Code::FileStored,
            Self::Empty | Self::DigestMismatch => Code::BadFormat,
            Self::OverQuota => Code::StorageFull,
        }
    }
}

impl Coded for OnceOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Uploaded(outcome) => outcome.code(),
            Self::Repeated(_) => Code::FileStored,
            Self::KeyReused | Self::Held => Code::BadFormat,
        }
    }
}

impl Coded for ClaimOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Linked(_) => Code::FileLinked,
            Self::NotHeld => Code::NotFound,
            Self::OverQuota => Code::StorageFull,
        }
    }
}

impl Coded for OpenOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Opened(_) => Code::FileFound,
            Self::NotFound => Code::NotFound,
        }
    }
}

impl Coded for DeleteOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Deleted => Code::FileDeleted,
            Self::NotFound => Code::NotFound,
        }
    }
}

impl Coded for EditOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Changed => Code::FileModified,
            Self::Unchanged => Code::FileUnmodified,
            Self::NotFound => Code::NotFound,
            Self::Moved | Self::NotPublishable => Code::BadFormat,
        }
    }
}

impl Coded for RestoreOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Restored => Code::Done,
            Self::NotFound => Code::NotFound,
        }
    }
}

impl Coded for PurgeOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Purged => Code::Done,
            Self::NotFound => Code::NotFound,
        }
    }
}

impl Coded for FavouriteOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Added(_) => Code::FavouriteAdded,
            Self::Already(_) => Code::FavouriteKnown,
            Self::NotFound => Code::NotFound,
            Self::OverQuota => Code::StorageFull,
        }
    }
}

impl Coded for CancelOutcome {
    fn code(&self) -> Code {
        match self {
            Self::Cancelled => Code::FavouriteCancelled,
            Self::NotFavourite => Code::FavouriteUnknown,
        }
    }
}

impl Coded for Throttled {
    fn code(&self) -> Code {
        Code::Throttled
    }
}

impl Coded for PortError {
    fn code(&self) -> Code {
        match self.kind() {
            PortErrorKind::Unavailable => Code::Busy,
            PortErrorKind::StorageFull => Code::StorageFull,
            PortErrorKind::Internal => Code::ServerError,
        }
    }
}

impl Coded for DownloadError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code::ServerError,
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for PushError {
    fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::TooLarge,
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for FileError {
    fn code(&self) -> Code {
        match self {
            Self::Content(error) => error.code(),
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for RecommendError {
    fn code(&self) -> Code {
        match self {
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for AvatarError {
    fn code(&self) -> Code {
        match self {
            Self::Content(error) => error.code(),
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for SessionError {
    fn code(&self) -> Code {
        match self {
            Self::Port(error) => error.code(),
        }
    }
}

impl Coded for AccountError {
    fn code(&self) -> Code {
        match self {
            Self::Vanished(_) => Code::ServerError,
            Self::Port(error) => error.code(),
        }
    }
}
