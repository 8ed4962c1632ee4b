use kms_domain::files::{
    Attached, AttachedOnce, FileId, FileReceipt, KeptUpload, Md5, NewBlob, NewFile, Once,
    OnceRepository, Sha256, UploadKey,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::MemoryDatabase;
use super::database::{FileRow, State};

/// A key that an entry was stored under.
pub(super) struct KeyRow {
    owner: UserId,
    key: UploadKey,
    kept: KeptUpload,
}

impl OnceRepository for MemoryDatabase {
    fn find_key(
        &self,
        owner: UserId,
        key: &UploadKey,
        expired: Timestamp,
    ) -> Result<Option<KeptUpload>, PortError> {
        Ok(self.lock().find_key(owner, key, expired))
    }

    fn holds(&self, owner: UserId, sha256: &Sha256) -> Result<bool, PortError> {
        Ok(self.lock().held(owner, sha256).is_some())
    }

    fn find_md5(
        &self,
        asker: UserId,
        sha256: &Sha256,
        include_public: bool,
    ) -> Result<Option<Md5>, PortError> {
        let state = self.lock();
        let over_it = |row: &&FileRow| state.blob(row.blob).sha256 == *sha256;
        let own = |row: &&FileRow| row.file.owner == asker;
        let public = |row: &&FileRow| include_public && row.file.visibility.is_public();
        let rows = || state.files.iter().filter(over_it);
        let found = rows().find(own).or_else(|| rows().find(public));
        Ok(found.map(|row| row.file.md5))
    }

    fn attach_once(
        &self,
        file: &NewFile,
        blob: &NewBlob,
        once: &Once,
    ) -> Result<AttachedOnce, PortError> {
        let mut state = self.lock();
        state.require_user(file.owner)?;
        if let Some(new) = &once.key
            && let Some(kept) = state.find_key(file.owner, &new.key, new.expired)
        {
            return Ok(if kept.is_of(&new.request, &blob.sha256) {
                AttachedOnce::Repeated(kept.receipt)
            } else {
                AttachedOnce::KeyReused
            });
        }
        if once.unless_held
            && let Some(id) = state.held(file.owner, &blob.sha256)
        {
            return Ok(AttachedOnce::Held(id));
        }
        if !state.has_room(file.owner, blob.size, file.quota) {
            return Ok(AttachedOnce::Attached(Attached::OverQuota));
        }
        state.check_file(file)?;
        let (id, attached) = state.adopt(blob);
        state.insert_file(file, id);
        if let Some(new) = &once.key {
            let receipt = FileReceipt {
                id: file.id,
                sha256: blob.sha256,
                md5: file.md5,
                size: blob.size,
                visibility: file.visibility,
                created_at: file.created_at,
            };
            let owner = file.owner;
            // One that has expired.
            state
                .keys
                .retain(|row| row.owner != owner || row.key != new.key);
            state.keys.push(KeyRow {
                owner,
                key: new.key.clone(),
                kept: KeptUpload {
                    request: new.request,
                    receipt,
                },
            });
            state.forget_oldest(owner, new.most);
        }
        Ok(AttachedOnce::Attached(attached))
    }

    fn remove_expired(&self, expired: Timestamp, limit: usize) -> Result<usize, PortError> {
        let mut state = self.lock();
        let mut due: Vec<_> = state
            .keys
            .iter()
            .map(|row| (row.kept.receipt.created_at, row.owner, row.key.clone()))
            .filter(|(created_at, ..)| *created_at <= expired)
            .collect();
        due.sort_by_key(|(created_at, ..)| *created_at);
        due.truncate(limit);
        state.keys.retain(|row| {
            let is_it =
                |(_, owner, key): &(_, UserId, UploadKey)| *owner == row.owner && *key == row.key;
            !due.iter().any(is_it)
        });
        Ok(due.len())
    }
}

impl State {
    fn find_key(&self, owner: UserId, key: &UploadKey, expired: Timestamp) -> Option<KeptUpload> {
        let mut rows = self.keys.iter();
        rows.find(|row| row.owner == owner && row.key == *key)
            .map(|row| row.kept)
            .filter(|kept| kept.receipt.created_at > expired)
    }

    fn held(&self, owner: UserId, sha256: &Sha256) -> Option<FileId> {
        let mut rows = self.files.iter();
        rows.find(|row| row.file.owner == owner && self.blob(row.blob).sha256 == *sha256)
            .map(|row| row.file.id)
    }

    /// Leaves `most` keys of an account, those used last.
    fn forget_oldest(&mut self, owner: UserId, most: usize) {
        let own = |row: &KeyRow| row.owner == owner;
        while self.keys.iter().filter(|row| own(row)).count() > most {
            if let Some(at) = self.keys.iter().position(own) {
                self.keys.remove(at);
            }
        }
    }
}
