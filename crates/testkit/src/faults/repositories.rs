use std::fmt;
use std::sync::Arc;

use kms_domain::audit::AuditEvent;
use kms_domain::files::{
    Attached, BlobId, BlobKey, BlobRef, BlobRepository, ClaimCandidates, ClaimScope, Claimed,
    Detached, Edited, EntryChange, FileId, FileRepository, FileSummary, ListPosition, ListedFile,
    NewBlob, NewFile, OwnFilter, OwnOrder, Sha256, StoredFile,
};
use kms_domain::users::{
    AccountUpdate, AvatarRepository, Credentials, EndSessions, Inserted, LoginRecorded, NewLogin,
    NewUser, OpenSession, PasswordHash, Phone, Profile, Session, SessionId, SessionRepository,
    SessionsEnded, TokenDigest, Updated, UserId, UserRepository,
};
use kms_domain::{PortError, Timestamp};

use super::FailNth;

/// A decorator around one port, with the constructor that all of them have.
macro_rules! decorator {
    ($(#[$doc:meta])* $name:ident, $port:ident) => {
        $(#[$doc])*
        pub struct $name {
            inner: Arc<dyn $port>,
            plan: FailNth,
        }

        impl $name {
            /// Puts `plan` before `inner`.
            #[must_use]
            pub fn new(inner: Arc<dyn $port>, plan: &FailNth) -> Self {
                Self {
                    inner,
                    plan: plan.clone(),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("plan", &self.plan)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use decorator;

decorator! {
    /// A [`UserRepository`] whose calls (`users.register`, …) fail as planned.
    FaultyUserRepository, UserRepository
}

decorator! {
    /// A [`SessionRepository`] whose calls (`sessions.record_login`, …) fail as planned.
    FaultySessionRepository, SessionRepository
}

decorator! {
    /// An [`AvatarRepository`] whose calls (`avatars.set_avatar`, …) fail as planned.
    FaultyAvatarRepository, AvatarRepository
}

decorator! {
    /// A [`FileRepository`] whose calls (`files.attach`, …) fail as planned.
    FaultyFileRepository, FileRepository
}

decorator! {
    /// A [`BlobRepository`] whose calls (`blobs.flag_damaged`, …) fail as planned.
    FaultyBlobRepository, BlobRepository
}

impl UserRepository for FaultyUserRepository {
    fn register(&self, user: &NewUser) -> Result<Inserted, PortError> {
        self.plan
            .run("users.register", || self.inner.register(user))
    }

    fn is_registered(&self, phone: &Phone) -> Result<bool, PortError> {
        self.plan
            .run("users.is_registered", || self.inner.is_registered(phone))
    }

    fn find_credentials(&self, phone: &Phone) -> Result<Option<Credentials>, PortError> {
        self.plan.run("users.find_credentials", || {
            self.inner.find_credentials(phone)
        })
    }

    fn find_password_hash(&self, user: UserId) -> Result<Option<PasswordHash>, PortError> {
        self.plan.run("users.find_password_hash", || {
            self.inner.find_password_hash(user)
        })
    }

    fn find_profile(&self, user: UserId) -> Result<Option<Profile>, PortError> {
        self.plan
            .run("users.find_profile", || self.inner.find_profile(user))
    }

    fn update(&self, update: &AccountUpdate) -> Result<Updated, PortError> {
        self.plan.run("users.update", || self.inner.update(update))
    }

    fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        event: &AuditEvent,
    ) -> Result<bool, PortError> {
        self.plan.run("users.reset_password", || {
            self.inner.reset_password(user, hash, event)
        })
    }

    fn list(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, PortError> {
        self.plan
            .run("users.list", || self.inner.list(after, limit))
    }
}

impl SessionRepository for FaultySessionRepository {
    fn record_login(&self, login: &NewLogin) -> Result<LoginRecorded, PortError> {
        self.plan
            .run("sessions.record_login", || self.inner.record_login(login))
    }

    fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, PortError> {
        self.plan
            .run("sessions.find_by_token", || self.inner.find_by_token(token))
    }

    fn touch(&self, session: SessionId, at: Timestamp) -> Result<(), PortError> {
        self.plan
            .run("sessions.touch", || self.inner.touch(session, at))
    }

    fn list_of(&self, user: UserId) -> Result<Vec<OpenSession>, PortError> {
        self.plan
            .run("sessions.list_of", || self.inner.list_of(user))
    }

    fn end(&self, ending: &EndSessions) -> Result<SessionsEnded, PortError> {
        self.plan.run("sessions.end", || self.inner.end(ending))
    }
}

impl AvatarRepository for FaultyAvatarRepository {
    fn set_avatar(
        &self,
        user: UserId,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Attached, PortError> {
        self.plan.run("avatars.set_avatar", || {
            self.inner.set_avatar(user, blob, at)
        })
    }

    fn replace_avatar(
        &self,
        user: UserId,
        before: Option<Sha256>,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Option<Attached>, PortError> {
        self.plan.run("avatars.replace_avatar", || {
            self.inner.replace_avatar(user, before, blob, at)
        })
    }

    fn find_avatar(&self, user: UserId) -> Result<Option<BlobRef>, PortError> {
        self.plan
            .run("avatars.find_avatar", || self.inner.find_avatar(user))
    }
}

impl FileRepository for FaultyFileRepository {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        self.plan
            .run("files.attach", || self.inner.attach(file, blob))
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        self.plan
            .run("files.find_claimable", || self.inner.find_claimable(scope))
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        self.plan
            .run("files.claim", || self.inner.claim(file, scope, blob))
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        self.plan
            .run("files.update", || self.inner.update(owner, id, change))
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.plan
            .run("files.detach", || self.inner.detach(owner, id))
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        self.plan.run("files.find_readable", || {
            self.inner.find_readable(id, asker)
        })
    }

    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        self.plan.run("files.list_owned", || {
            self.inner.list_owned(owner, after, limit)
        })
    }

    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        self.plan.run("files.list_sorted", || {
            self.inner.list_sorted(owner, order, filter, limit)
        })
    }
}

impl BlobRepository for FaultyBlobRepository {
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError> {
        self.plan
            .run("blobs.find_live", || self.inner.find_live(sha256))
    }

    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        self.plan
            .run("blobs.flag_damaged", || self.inner.flag_damaged(blob, key))
    }

    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        self.plan.run("blobs.unflag_damaged", || {
            self.inner.unflag_damaged(blob, key)
        })
    }
}
