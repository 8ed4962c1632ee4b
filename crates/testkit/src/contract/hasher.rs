//! [`PasswordHasher`](kms_domain::users::PasswordHasher).

use std::collections::HashSet;

use kms_domain::users::{Password, PasswordHash};

use super::Hashers;

/// The suite of the password hasher, over `fn() -> Hashers`.
#[macro_export]
macro_rules! password_hasher_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { password_hasher, $fresh,
            hasher: [
                a_password_verifies_against_its_own_hash,
                another_password_does_not_verify,
                no_character_is_cut_off,
                every_hash_has_a_salt_of_its_own,
                a_hash_survives_being_stored_as_text,
                an_unreadable_hash_is_an_error_and_no_wrong_password,
                a_weaker_hash_verifies_and_wants_to_be_replaced,
                a_hash_as_strong_as_today_s_or_stronger_stays,
            ]
        }
    };
}

fn password(raw: &str) -> Password {
    Password::parse(raw).unwrap()
}

/// Of any characters and either length.
pub fn a_password_verifies_against_its_own_hash(on: &Hashers) {
    for raw in [
        "a",
        " pass ",
        "密码密码密码",
        "1234567890123456",
        &"😀".repeat(16),
    ] {
        let hash = on.today.hash(&password(raw)).unwrap();
        assert!(on.today.verify(&password(raw), &hash).unwrap(), "{raw:?}");
    }
}

/// However close it is.
pub fn another_password_does_not_verify(on: &Hashers) {
    let hash = on.today.hash(&password("Secret1")).unwrap();
    for raw in [
        "secret1", "Secret", "Secret12", " Secret1", "Secret1 ", "S", "ecret1",
    ] {
        assert!(!on.today.verify(&password(raw), &hash).unwrap(), "{raw:?}");
    }
    let composed = on.today.hash(&password("é")).unwrap();
    assert!(!on.today.verify(&password("e\u{301}"), &composed).unwrap());
}

/// The last of the most bytes a password can have counts as much as the first.
pub fn no_character_is_cut_off(on: &Hashers) {
    let longest = "😀".repeat(16);
    let hash = on.today.hash(&password(&longest)).unwrap();
    let other_end = format!("{}😁", "😀".repeat(15));
    assert!(!on.today.verify(&password(&other_end), &hash).unwrap());
    assert!(!on.today.verify(&password(&"😀".repeat(15)), &hash).unwrap());
}

/// Two accounts with one password do not show it.
pub fn every_hash_has_a_salt_of_its_own(on: &Hashers) {
    let hashes: HashSet<_> = (0..8)
        .map(|_| {
            on.today
                .hash(&password("secret"))
                .unwrap()
                .as_str()
                .to_owned()
        })
        .collect();
    assert_eq!(hashes.len(), 8);
    for encoded in hashes {
        let hash = PasswordHash::from_encoded(encoded);
        assert!(on.today.verify(&password("secret"), &hash).unwrap());
    }
}

/// Nothing but the text is needed to verify, and another instance reads it as well.
pub fn a_hash_survives_being_stored_as_text(on: &Hashers) {
    let text = on
        .today
        .hash(&password("secret"))
        .unwrap()
        .as_str()
        .to_owned();
    assert!(!text.is_empty() && !text.contains(['\0', '\n']));
    let hash = PasswordHash::from_encoded(text);
    assert!(on.today.verify(&password("secret"), &hash).unwrap());
    assert!(on.weaker.verify(&password("secret"), &hash).unwrap());
}

/// A damaged row must not look like somebody's typing error.
pub fn an_unreadable_hash_is_an_error_and_no_wrong_password(on: &Hashers) {
    for encoded in [
        "",
        "secret",
        "$",
        "$9z$10$abc",
        "plain",
        "not a hash at all",
    ] {
        let hash = PasswordHash::from_encoded(encoded.to_owned());
        let answer = on.today.verify(&password("secret"), &hash);
        assert!(answer.is_err(), "{encoded:?}");
    }
}

/// Nobody is locked out when the cost is raised.
pub fn a_weaker_hash_verifies_and_wants_to_be_replaced(on: &Hashers) {
    let hash = on.weaker.hash(&password("secret")).unwrap();
    assert!(on.today.verify(&password("secret"), &hash).unwrap());
    assert!(!on.today.verify(&password("other"), &hash).unwrap());
    assert!(on.today.needs_rehash(&hash));
}

/// A lower cost does not weaken what is there.
pub fn a_hash_as_strong_as_today_s_or_stronger_stays(on: &Hashers) {
    let hash = on.today.hash(&password("secret")).unwrap();
    assert!(!on.today.needs_rehash(&hash));
    assert!(!on.weaker.needs_rehash(&hash));
    let weak = on.weaker.hash(&password("secret")).unwrap();
    assert!(!on.weaker.needs_rehash(&weak));
}
