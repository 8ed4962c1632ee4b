use core::net::{Ipv4Addr, Ipv6Addr};

/// Most octets of the part before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_OCTETS: usize = 64;
/// Most octets of one label of a domain (RFC 1035, 2.3.4).
const MAX_LABEL_OCTETS: usize = 63;

/// A mail address as RFC 5321 writes a `Mailbox`, with letters of any script as RFC 6531 allows:
/// a dotted or quoted local part, `@`, and a domain name or an address literal. At most 55
/// characters. Kept exactly as given; nothing is ever sent to it unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// Why a text is no [`Email`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// More than 55 characters.
    #[error("an email has at most 55 characters")]
    TooLong,
    /// Not the form of a mailbox.
    #[error("an email has the form name@domain")]
    Malformed,
}

impl Email {
    /// Most characters of an address, the contract's `maxlength`.
    pub const MAX_CHARS: usize = 55;

    /// Checks `raw` and keeps it as it is.
    ///
    /// # Errors
    /// [`EmailError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, EmailError> {
        if raw.chars().count() > Self::MAX_CHARS {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = raw.rsplit_once('@').ok_or(EmailError::Malformed)?;
        if is_local_part(local) && is_domain(domain) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(EmailError::Malformed)
        }
    }

    /// The address as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_local_part(local: &str) -> bool {
    if local.len() > MAX_LOCAL_OCTETS {
        return false;
    }
    match local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(quoted) => is_quoted_content(quoted),
        None => local.split('.').all(is_atom),
    }
}

fn is_atom(atom: &str) -> bool {
    !atom.is_empty()
        && atom.chars().all(|c| {
            c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_script_char(c)
        })
}

/// RFC 5321 `QcontentSMTP`: printable ASCII with quote and backslash escaped.
fn is_quoted_content(content: &str) -> bool {
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        let legal = match c {
            '\\' => chars.next().is_some_and(|e| matches!(e, ' '..='~')),
            '"' => false,
            ' '..='~' => true,
            other => is_script_char(other),
        };
        if !legal {
            return false;
        }
    }
    true
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return match literal.strip_prefix("IPv6:") {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
    }
    domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_OCTETS).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || is_script_char(c))
}

/// A letter or digit outside ASCII; control characters, spaces and invisible joiners are none.
fn is_script_char(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_rare_forms_are_taken_as_given() {
        for raw in [
            "a@b.cn",
            "zhang.san+kms@example.com",
            "USER@EXAMPLE.COM",
            "user@localhost",
            "o'brien@example.ie",
            "\"john doe\"@example.com",
            "\"a\\\"b\"@example.com",
            "user@[192.0.2.1]",
            "user@[IPv6:2001:db8::1]",
            "张三@例子.中国",
            "x@xn--fsqu00a.xn--0zwm56d",
        ] {
            assert_eq!(Email::parse(raw).map(|e| e.0).as_deref(), Ok(raw), "{raw}");
        }
    }

    #[test]
    fn fifty_five_characters_are_the_last() {
        let at_limit = format!("{}@example.com", "a".repeat(43));
        assert_eq!(at_limit.chars().count(), 55);
        assert!(Email::parse(&at_limit).is_ok());
        assert_eq!(
            Email::parse(&format!("a{at_limit}")),
            Err(EmailError::TooLong)
        );
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for raw in [
            "",
            "a",
            "@",
            "a@",
            "@b.cn",
            "a b@c.cn",
            "a@b..cn",
            ".a@b.cn",
            "a.@b.cn",
            "a@-b.cn",
            "a@b-.cn",
            "a@b_c.cn",
            "a@@b.cn",
            "a@b.cn\r\n",
            "a\r\nBcc: x@y.cn",
            "a@b.cn\0",
            "\"a@b.cn",
            "\"\n\"@b.cn",
            "user@[300.0.0.1]",
            "user@[IPv6:zz]",
            " a@b.cn",
            "a@b.cn.",
        ] {
            assert_eq!(Email::parse(raw), Err(EmailError::Malformed), "{raw:?}");
        }
    }

    #[test]
    fn a_label_of_a_domain_has_at_most_63_octets_by_scripts_too() {
        let label = "例".repeat(21); // 63 octets
        assert!(Email::parse(&format!("a@{label}.cn")).is_ok());
        assert!(Email::parse(&format!("a@{label}a.cn")).is_err());
    }
}
