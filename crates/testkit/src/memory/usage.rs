use std::ops::Bound;

use kms_domain::PortError;
use kms_domain::files::{BlobId, Counted, OwnQuota, Quota, Usage, UsageRepository, Used};
use kms_domain::users::UserId;

use super::MemoryDatabase;
use super::database::State;

/// What a database counts to.
const MOST: u64 = i64::MAX as u64;

impl UsageRepository for MemoryDatabase {
    fn find_usage(&self, user: UserId) -> Result<Option<Usage>, PortError> {
        let state = self.lock();
        let usage = state.usage.get(&user).copied().unwrap_or_default();
        Ok(state.users.contains_key(&user).then_some(usage))
    }

    fn set_quota(&self, user: UserId, quota: OwnQuota) -> Result<bool, PortError> {
        let mut state = self.lock();
        if state.require_user(user).is_err() {
            return Ok(false);
        }
        state.usage.entry(user).or_default().own = quota;
        Ok(true)
    }

    fn count_next(&self, after: Option<UserId>) -> Result<Option<Counted>, PortError> {
        let state = self.lock();
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = state.users.range((begin, Bound::Unbounded)).next();
        Ok(next.map(|(user, _)| Counted {
            user: *user,
            kept: Some(state.usage.get(user).copied().unwrap_or_default().used),
            rows: state.count(*user),
        }))
    }

    fn recount(&self, user: UserId) -> Result<(), PortError> {
        let mut state = self.lock();
        let used = state.count(user);
        state.usage.entry(user).or_default().used = used;
        Ok(())
    }
}

impl MemoryDatabase {
    /// Sets the counters of an account to something that they should not be.
    pub fn miscount(&self, user: UserId, used: Used) {
        self.lock().usage.entry(user).or_default().used = used;
    }
}

impl State {
    pub(super) fn has_room(&self, user: UserId, size: u64, default: Quota) -> bool {
        let usage = self.usage.get(&user).copied().unwrap_or_default();
        let is_countable = usage
            .used
            .bytes
            .checked_add(size)
            .is_some_and(|it| it <= MOST);
        is_countable && usage.standing(default).has_room_for(size)
    }

    /// An entry has come.
    pub(super) fn charge(&mut self, user: UserId, size: u64) {
        let used = &mut self.usage.entry(user).or_default().used;
        used.bytes += size;
        used.files += 1;
    }

    /// An entry has gone.
    pub(super) fn give_back(&mut self, user: UserId, blob: BlobId) {
        let size = self.blob(blob).size;
        let used = &mut self.usage.entry(user).or_default().used;
        used.bytes = used.bytes.saturating_sub(size);
        used.files = used.files.saturating_sub(1);
    }

    fn count(&self, user: UserId) -> Used {
        let files = self.files.iter().map(|row| (row.file.owner, row.blob));
        let trash = self.trash.iter().map(|(row, _)| (row.file.owner, row.blob));
        let favourites = self.favourites.iter();
        let favourites = favourites.map(|row| (row.favourite.owner, row.blob));
        let all = files.chain(trash).chain(favourites);
        let own = all.filter(|(owner, _)| *owner == user);
        own.fold(Used::default(), |sum, (_, blob)| Used {
            bytes: sum.bytes + self.blob(blob).size,
            files: sum.files + 1,
        })
    }
}
