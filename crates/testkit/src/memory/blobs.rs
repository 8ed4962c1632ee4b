use kms_domain::PortError;
use kms_domain::files::{BlobId, BlobKey, BlobRef, BlobRepository, Sha256};

use super::MemoryDatabase;

impl BlobRepository for MemoryDatabase {
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError> {
        let state = self.lock();
        Ok(state
            .blobs
            .values()
            .find(|blob| blob.sha256 == *sha256)
            .cloned())
    }

    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        if let Some(row) = self.lock().blobs.get_mut(&blob.as_i64()) {
            row.damaged |= row.key == *key;
        }
        Ok(())
    }

    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        if let Some(row) = self.lock().blobs.get_mut(&blob.as_i64()) {
            row.damaged &= row.key != *key;
        }
        Ok(())
    }
}
