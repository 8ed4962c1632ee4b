//! Uploads under a key that are on their way, so that the same one is not received twice at once. It only saves
//! work and tells the client: what is stored once is decided where it is stored.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use kms_domain::files::UploadKey;
use kms_domain::users::UserId;

type Keys = Mutex<HashSet<(UserId, UploadKey)>>;

/// The keys that are in use at this moment; never more than there are requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Keys>);

/// The use of a key. It ends on drop.
#[derive(Debug)]
pub(crate) struct KeyInUse {
    all: Arc<Keys>,
    one: (UserId, UploadKey),
}

impl InFlight {
    /// Takes a key into use. `None`: somebody else has.
    pub(crate) fn begin(&self, user: UserId, key: &UploadKey) -> Option<KeyInUse> {
        let one = (user, key.clone());
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(one.clone()).then(|| KeyInUse {
            all: Arc::clone(&self.0),
            one,
        })
    }
}

impl Drop for KeyInUse {
    fn drop(&mut self) {
        let mut keys = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u8) -> UserId {
        let text = format!("00000000-0000-4000-8000-0000000000{n:02}");
        UserId::parse(&text).unwrap()
    }

    #[test]
    fn a_key_is_in_use_once_for_each_account_and_until_it_is_dropped() {
        let all = InFlight::default();
        let key = UploadKey::parse("key").unwrap();
        let first = all.begin(user(1), &key).unwrap();
        assert!(all.begin(user(1), &key).is_none());
        let other = UploadKey::parse("other").unwrap();
        assert!(all.begin(user(1), &other).is_some());
        assert!(all.begin(user(2), &key).is_some());
        drop(first);
        assert!(all.begin(user(1), &key).is_some());
        assert!(all.0.lock().unwrap().is_empty());
    }
}
