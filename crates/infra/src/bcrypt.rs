use bcrypt::{HashParts, non_truncating_hash, non_truncating_verify};
use kms_domain::PortError;
use kms_domain::users::{Password, PasswordHash, PasswordHasher};

/// bcrypt with the cost in the hash, so that it can be raised at any time.
#[derive(Clone, Copy, Debug)]
pub struct BcryptHasher {
    cost: u32,
}

impl BcryptHasher {
    /// Hashes with `cost`: 4 to 31, each step doubles the time; 10 is about 60 ms of a core. The
    /// configuration checks the range; outside of it every [`hash`](PasswordHasher::hash) fails.
    #[must_use]
    pub const fn new(cost: u32) -> Self {
        Self { cost }
    }
}

impl PasswordHasher for BcryptHasher {
    fn hash(&self, password: &Password) -> Result<PasswordHash, PortError> {
        // `non_truncating`: longer than bcrypt's 72 bytes would be an error, never a prefix.
        non_truncating_hash(password.expose(), self.cost)
            .map(PasswordHash::from_encoded)
            .map_err(PortError::internal)
    }

    fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, PortError> {
        non_truncating_verify(password.expose(), hash.as_str()).map_err(PortError::internal)
    }

    fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        // What cannot be read is replaced as soon as there is something to replace it with.
        hash.as_str()
            .parse::<HashParts>()
            .map_or(true, |parts| parts.get_cost() < self.cost)
    }
}

#[cfg(test)]
mod tests {
    use kms_domain::PortErrorKind;

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn only_the_same_password_verifies() {
        let hasher = BcryptHasher::new(4);
        let hash = hasher.hash(&password("secret 密码")).unwrap();
        assert!(hasher.verify(&password("secret 密码"), &hash).unwrap());
        for other in ["secret 密", "Secret 密码", "secret 密码 ", "secret 密马"] {
            assert!(!hasher.verify(&password(other), &hash).unwrap(), "{other}");
        }
    }

    #[test]
    fn the_last_character_of_the_longest_password_counts() {
        let hasher = BcryptHasher::new(4);
        let longest = "😀".repeat(16);
        let hash = hasher.hash(&password(&longest)).unwrap();
        assert!(hasher.verify(&password(&longest), &hash).unwrap());
        let other = format!("{}😁", "😀".repeat(15));
        assert!(!hasher.verify(&password(&other), &hash).unwrap());
    }

    #[test]
    fn one_password_has_many_hashes() {
        let hasher = BcryptHasher::new(4);
        let first = hasher.hash(&password("same")).unwrap();
        assert_ne!(first, hasher.hash(&password("same")).unwrap());
    }

    #[test]
    fn a_hash_of_lower_cost_needs_another_and_still_verifies() {
        let old = BcryptHasher::new(4).hash(&password("p")).unwrap();
        let today = BcryptHasher::new(5);
        assert!(today.needs_rehash(&old));
        assert!(today.verify(&password("p"), &old).unwrap());
        assert!(!today.needs_rehash(&today.hash(&password("p")).unwrap()));
        assert!(!BcryptHasher::new(4).needs_rehash(&today.hash(&password("p")).unwrap()));
    }

    #[test]
    fn what_is_no_bcrypt_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = BcryptHasher::new(4);
        for text in [
            "",
            "plain",
            "$2b$04$short",
            "$argon2id$v=19$m=1,t=1,p=1$x$y",
        ] {
            let hash = PasswordHash::from_encoded(text.to_owned());
            let error = hasher.verify(&password("p"), &hash).unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Internal, "{text}");
            assert!(hasher.needs_rehash(&hash), "{text}");
        }
    }
}
