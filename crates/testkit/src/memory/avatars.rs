use kms_domain::files::{Attached, BlobRef, NewBlob};
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

    fn find_avatar(&self, user: UserId) -> Result<Option<BlobRef>, PortError> {
        let state = self.lock();
        Ok(state.avatars.get(&user).map(|id| state.blob(*id)))
    }
}
