use kms_domain::files::{Attached, BlobRef, NewBlob, Sha256};
use kms_domain::users::{AvatarRepository, UserId};
use kms_domain::{PortError, Timestamp};

use super::MemoryDatabase;

impl AvatarRepository for MemoryDatabase {
    fn set_avatar(
        &self,
        user: UserId,
        blob: &NewBlob,
        _at: Timestamp,
    ) -> Result<Attached, PortError> {
        let mut state = self.lock();
        state.require_user(user)?;
        let (id, attached) = state.adopt(blob);
        state.avatars.insert(user, id);
        Ok(attached)
    }

    fn replace_avatar(
        &self,
        user: UserId,
        before: Option<Sha256>,
        blob: &NewBlob,
        _at: Timestamp,
    ) -> Result<Option<Attached>, PortError> {
        let mut state = self.lock();
        let found = state.avatars.get(&user).map(|id| state.blob(*id).sha256);
        if found != before {
            return Ok(None);
        }
        state.require_user(user)?;
        let (id, attached) = state.adopt(blob);
        state.avatars.insert(user, id);
        Ok(Some(attached))
    }

    fn find_avatar(&self, user: UserId) -> Result<Option<BlobRef>, PortError> {
        let state = self.lock();
        Ok(state.avatars.get(&user).map(|id| state.blob(*id)))
    }
}
