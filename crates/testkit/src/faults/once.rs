use std::fmt;
use std::sync::Arc;

use kms_domain::files::{
    AttachedOnce, KeptUpload, Md5, NewBlob, NewFile, Once, OnceRepository, Sha256, UploadKey,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::FailNth;
use super::repositories::decorator;

decorator! {
    /// An [`OnceRepository`] whose calls (`once.attach_once`, …) fail as planned.
    FaultyOnceRepository, OnceRepository
}

impl OnceRepository for FaultyOnceRepository {
    fn find_key(
        &self,
        owner: UserId,
        key: &UploadKey,
        expired: Timestamp,
    ) -> Result<Option<KeptUpload>, PortError> {
        self.plan
            .run("once.find_key", || self.inner.find_key(owner, key, expired))
    }

    fn holds(&self, owner: UserId, sha256: &Sha256) -> Result<bool, PortError> {
        self.plan
            .run("once.holds", || self.inner.holds(owner, sha256))
    }

    fn find_md5(
        &self,
        asker: UserId,
        sha256: &Sha256,
        include_public: bool,
    ) -> Result<Option<Md5>, PortError> {
        self.plan.run("once.find_md5", || {
            self.inner.find_md5(asker, sha256, include_public)
        })
    }

    fn attach_once(
        &self,
        file: &NewFile,
        blob: &NewBlob,
        once: &Once,
    ) -> Result<AttachedOnce, PortError> {
        self.plan.run("once.attach_once", || {
            self.inner.attach_once(file, blob, once)
        })
    }

    fn remove_expired(&self, expired: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.plan.run("once.remove_expired", || {
            self.inner.remove_expired(expired, limit)
        })
    }
}
