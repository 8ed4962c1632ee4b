use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use kms_domain::PortError;
use kms_domain::users::{Password, PasswordHash, PasswordHasher};

/// A hasher that takes no time and keeps no secret: `plain$<cost>$<salt>$<password>`. The salt is
/// a counter and the cost a number that costs nothing, so that a hash can be too weak.
#[derive(Clone, Debug)]
pub struct PlainHasher {
    cost: Arc<AtomicU32>,
    salts: Arc<AtomicU64>,
}

impl PlainHasher {
    /// Hashes at `cost`.
    #[must_use]
    pub fn new(cost: u32) -> Self {
        Self {
            cost: Arc::new(AtomicU32::new(cost)),
            salts: Arc::default(),
        }
    }

    /// Hashes at another cost from now on; what was hashed at a lower one needs a rehash.
    pub fn set_cost(&self, cost: u32) {
        self.cost.store(cost, Ordering::Relaxed);
    }

    /// How many hashes were made.
    #[must_use]
    pub fn hash_count(&self) -> u64 {
        self.salts.load(Ordering::Relaxed)
    }
}

impl Default for PlainHasher {
    /// At cost 10.
    fn default() -> Self {
        Self::new(10)
    }
}

impl PasswordHasher for PlainHasher {
    fn hash(&self, password: &Password) -> Result<PasswordHash, PortError> {
        let cost = self.cost.load(Ordering::Relaxed);
        let salt = self.salts.fetch_add(1, Ordering::Relaxed);
        let encoded = format!("plain${cost}${salt}${}", password.expose());
        Ok(PasswordHash::from_encoded(encoded))
    }

    fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, PortError> {
        let (_, secret) = parts(hash).ok_or_else(|| PortError::internal("no plain hash"))?;
        Ok(secret == password.expose())
    }

    fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        parts(hash).is_none_or(|(cost, _)| cost < self.cost.load(Ordering::Relaxed))
    }
}

/// The cost and the password, which may hold any character, `$` among them.
fn parts(hash: &PasswordHash) -> Option<(u32, &str)> {
    let (cost, rest) = hash.as_str().strip_prefix("plain$")?.split_once('$')?;
    let (_salt, secret) = rest.split_once('$')?;
    Some((cost.parse().ok()?, secret))
}
