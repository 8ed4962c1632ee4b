use super::Network;
use crate::Timestamp;
use crate::users::UserId;

/// Most characters of a detail: room for a sentence, none for a payload.
const LONGEST_DETAIL: usize = 200;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What an event tells of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl AuditKind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name, as it is stored and shown.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The kind of this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

kinds! {
    /// A session was opened.
    Login = "login",
    /// Somebody knew a phone but not its password, or a phone that nobody has.
    LoginFailed = "login_failed",
    /// An account has another password.
    PasswordChanged = "password_changed",
    /// A session was ended from another one.
    SessionRevoked = "session_revoked",
    /// A session was ended by itself.
    Logout = "logout",
    /// Somebody asked too often.
    Throttled = "throttled",
    /// An account has no room left.
    QuotaExceeded = "quota_exceeded",
    /// An operator's command.
    Admin = "admin",
}

/// Where a request came from, as far as it is kept. Commands of the operator have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's network.
    pub network: Option<Network>,
    /// The request's id, as the log has it.
    pub request: Option<String>,
}

/// Something that happened. It never holds a phone in full, a token or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: AuditKind,
    /// Whose account it concerns, if one is known.
    pub user: Option<UserId>,
    /// From where, if it came through the network.
    pub network: Option<Network>,
    /// By which request, if by one.
    pub request: Option<String>,
    /// What else is worth knowing, in a few words.
    pub detail: String,
}

impl AuditEvent {
    /// An event of now; a long `detail` is cut.
    #[must_use]
    pub fn new(
        at: Timestamp,
        kind: AuditKind,
        user: Option<UserId>,
        origin: &Origin,
        detail: &str,
    ) -> Self {
        Self {
            at,
            kind,
            user,
            network: origin.network,
            request: origin.request.clone(),
            detail: detail.chars().take(LONGEST_DETAIL).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_nothing_else_is() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::parse(kind.name()), Some(*kind));
        }
        for other in ["", "Login", "logins"] {
            assert_eq!(AuditKind::parse(other), None);
        }
    }

    #[test]
    fn a_detail_is_cut_after_200_characters() {
        let event = |detail: &str| {
            let at = Timestamp::from_millis(0);
            AuditEvent::new(at, AuditKind::Admin, None, &Origin::default(), detail).detail
        };
        assert_eq!(event(&"字".repeat(200)), "字".repeat(200));
        assert_eq!(event(&"字".repeat(201)), "字".repeat(200));
    }
}
