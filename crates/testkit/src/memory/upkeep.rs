use kms_domain::files::{BlobId, BlobKey, BlobRef};
use kms_domain::upkeep::{Unreferenced, UpkeepRepository};
use kms_domain::{PortError, Timestamp};

use super::MemoryDatabase;
use super::database::State;

impl UpkeepRepository for MemoryDatabase {
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        Ok(self.lock().behind(after).take(limit).cloned().collect())
    }

    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError> {
        Ok(self.lock().blobs.get(&blob.as_i64()).cloned())
    }

    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError> {
        let state = self.lock();
        let seen: Vec<_> = state.behind(after).take(window).collect();
        let last = seen.last().map(|blob| blob.id);
        Ok(Unreferenced {
            next: last.filter(|_| seen.len() == window),
            blobs: seen
                .into_iter()
                .filter(|blob| state.can_go(blob.id, created_before))
                .cloned()
                .collect(),
        })
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        let mut state = self.lock();
        let mut doomed = 0;
        for id in blobs {
            if state.can_go(*id, created_before)
                && let Some(blob) = state.blobs.remove(&id.as_i64())
            {
                state.doomed.insert(blob.key.to_string(), blob);
                doomed += 1;
            }
        }
        Ok(doomed)
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        let state = self.lock();
        let after = after.map_or_else(String::new, |key| key.to_string());
        let behind = state.doomed.iter().filter(|(key, _)| **key > after);
        Ok(behind.take(limit).map(|(_, blob)| blob.clone()).collect())
    }

    fn confirm_doomed(&self, _: &[BlobId]) -> Result<(), PortError> {
        Ok(())
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        let mut state = self.lock();
        state.doomed.retain(|_, blob| !blobs.contains(&blob.id));
        Ok(())
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        let state = self.lock();
        let is_named = |key: &BlobKey| {
            state.blobs.values().any(|blob| blob.key == *key)
                || state.doomed.contains_key(key.as_str())
        };
        Ok(keys.iter().map(is_named).collect())
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}

impl State {
    fn behind(&self, after: Option<BlobId>) -> impl Iterator<Item = &BlobRef> {
        let all = self.blobs.values();
        all.filter(move |blob| after.is_none_or(|after| blob.id.as_i64() > after.as_i64()))
    }

    fn can_go(&self, id: BlobId, created_before: Timestamp) -> bool {
        let is_old = |at: &Timestamp| *at < created_before;
        self.created.get(&id.as_i64()).is_some_and(is_old)
            && !self.files.iter().any(|row| row.blob == id)
            && !self.trash.iter().any(|(row, _)| row.blob == id)
            && !self.favourites.iter().any(|row| row.blob == id)
            && !self.avatars.values().any(|blob| *blob == id)
    }
}
