//! Value objects against texts that nobody thought of: parsing never panics, and what is accepted
//! is kept to the letter.

use kms_domain::files::{BlobKey, Title};
use kms_domain::users::{DisplayName, Email, Phone};
use proptest::prelude::*;

/// Any text at all, and texts of the characters a rule is about, so that many are accepted and
/// many fail by little.
fn texts(near_misses: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), near_misses]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_accepted_email_is_kept_and_within_its_limits(
        raw in texts(r#"[a-z0-9.+"\\张 ]{0,12}@?[a-z0-9.\[\]:-]{0,46}"#),
    ) {
        if let Ok(email) = Email::parse(&raw) {
            prop_assert_eq!(email.as_str(), &raw);
            prop_assert!(raw.contains('@') && raw.chars().count() <= 55);
            prop_assert!(!raw.chars().any(char::is_control));
        }
    }

    #[test]
    fn every_plain_mailbox_is_an_email(
        raw in "[a-z0-9]{1,8}([.][a-z0-9]{1,8})?@[a-z0-9]{1,8}([.-][a-z0-9]{1,8}){0,2}",
    ) {
        prop_assert!(Email::parse(&raw).is_ok());
    }

    #[test]
    fn an_accepted_phone_is_kept_but_for_the_mainlands_prefix(
        raw in texts(r"(\+|\+86)?1?[0-9]{5,15}[ a]?"),
    ) {
        if let Ok(phone) = Phone::parse(&raw) {
            let kept = phone.as_str();
            prop_assert!(kept == raw || (raw.strip_prefix("+86") == Some(kept) && kept.len() == 11));
            prop_assert_eq!(Phone::parse(kept), Ok(phone.clone()));
        }
    }

    #[test]
    fn a_mainland_number_is_one_account_however_it_is_written(digits in "1[0-9]{10}") {
        let bare = Phone::parse(&digits);
        prop_assert_eq!(bare.as_ref().map(Phone::as_str), Ok(digits.as_str()));
        prop_assert_eq!(Phone::parse(&format!("+86{digits}")), bare);
    }

    #[test]
    fn a_title_is_accepted_by_its_length_and_controls_alone(raw in texts(r"[\PC/.]{0,260}|[\t字]{0,4}")) {
        let legal = (1..=255).contains(&raw.chars().count()) && !raw.chars().any(char::is_control);
        let title = Title::parse(&raw);
        prop_assert_eq!(title.is_ok(), legal);
        if let Ok(title) = title {
            prop_assert_eq!(title.as_str(), &raw);
        }
    }

    #[test]
    fn a_display_name_is_accepted_by_its_length_blanks_and_controls_alone(
        raw in texts(r"\PC{0,18}|[ \t\u{3000}]{0,3}"),
    ) {
        let legal = raw.chars().count() <= 16
            && !raw.chars().all(char::is_whitespace)
            && !raw.chars().any(char::is_control);
        let name = DisplayName::parse(&raw);
        prop_assert_eq!(name.is_ok(), legal);
        if let Ok(name) = name {
            prop_assert_eq!(name.as_str(), &raw);
        }
    }

    #[test]
    fn every_legal_key_comes_back_as_it_was(raw in "[a-z0-9_-][a-z0-9._-]{0,199}") {
        let key = BlobKey::parse(&raw).unwrap();
        prop_assert_eq!(key.as_str(), &raw);
        prop_assert_eq!(BlobKey::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn no_accepted_key_is_more_than_a_file_name(raw in texts(r"[a-z./\\ A-Z]{0,8}")) {
        if let Ok(key) = BlobKey::parse(&raw) {
            prop_assert_eq!(key.as_str(), &raw);
            prop_assert!(!raw.starts_with('.') && !raw.contains(['/', '\\', '\0', ' ']));
        }
    }
}
