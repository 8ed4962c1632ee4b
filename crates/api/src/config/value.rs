//! The kinds of value a setting can have, and how each is read and written.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{ByteSize, duration};
use crate::cors::AllowedOrigins;
use crate::network::TrustedProxies;

/// A kind of value. Reading is the same wherever the text came from; what a number or a boolean in
/// the file means is its plain spelling, read the same way.
pub(crate) trait Value: Sized {
    /// Whether TOML writes it without quotes, as it does numbers and booleans.
    const BARE: bool = false;
    /// Whether only a quoted string will do in TOML: a path is never a number by accident.
    const QUOTED_ONLY: bool = false;
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// Reads a value; the error is advice beyond [`Value::kind`], where there is some.
    fn parse(text: &str) -> Result<Self, Option<String>>;
    /// The spelling that [`Value::parse`] reads back.
    fn text(&self) -> String;
    /// What the value is, in words: "a size".
    fn kind() -> String;
    /// How it may be written, as the end of a sentence; `default` serves as the example.
    fn example(_default: &str) -> String {
        String::new()
    }
    /// The stand-in for the value in the help.
    fn placeholder() -> String;
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Value for $type {
            const BARE: bool = true;

            fn parse(text: &str) -> Result<Self, Option<String>> {
                let text = text.trim();
                if text.starts_with('+') {
                    return Err(None);
                }
                text.parse().map_err(|_| None)
            }
            fn text(&self) -> String {
                self.to_string()
            }
            fn kind() -> String {
                "a whole number".to_owned()
            }
            fn placeholder() -> String {
                "N".to_owned()
            }
        }
    )+};
}

whole_numbers!(u32, usize);

impl Value for bool {
    const BARE: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim().to_ascii_lowercase();
        text.parse().map_err(|_| None)
    }
    fn text(&self) -> String {
        self.to_string()
    }
    fn kind() -> String {
        "true or false".to_owned()
    }
    fn placeholder() -> String {
        "true|false".to_owned()
    }
}

impl Value for ByteSize {
    fn parse(text: &str) -> Result<Self, Option<String>> {
        ByteSize::parse(text)
    }
    fn text(&self) -> String {
        self.to_string()
    }
    fn kind() -> String {
        "a size".to_owned()
    }
    fn example(default: &str) -> String {
        format!(", such as \"{default}\" or a number of bytes")
    }
    fn placeholder() -> String {
        "SIZE".to_owned()
    }
}

impl Value for Duration {
    fn parse(text: &str) -> Result<Self, Option<String>> {
        duration::parse(text)
    }
    fn text(&self) -> String {
        duration::text(*self)
    }
    fn kind() -> String {
        "a length of time".to_owned()
    }
    fn example(default: &str) -> String {
        format!(", such as \"{default}\" (units: ms, s, min, h, d)")
    }
    fn placeholder() -> String {
        "TIME".to_owned()
    }
}

impl Value for SocketAddr {
    const QUOTED_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        text.trim().parse().map_err(|_| None)
    }
    fn text(&self) -> String {
        self.to_string()
    }
    fn kind() -> String {
        "an IP address and a port".to_owned()
    }
    fn example(default: &str) -> String {
        format!(", such as \"{default}\", \"0.0.0.0:8080\" or \"[::1]:8080\"")
    }
    fn placeholder() -> String {
        "ADDRESS:PORT".to_owned()
    }
}

impl Value for TrustedProxies {
    const QUOTED_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        text.parse()
            .map_err(|error: crate::network::ProxiesError| Some(error.to_string()))
    }
    fn text(&self) -> String {
        Self::text(self)
    }
    fn kind() -> String {
        "IP addresses or blocks of them".to_owned()
    }
    fn example(_default: &str) -> String {
        ", with commas between them, such as \"127.0.0.1,10.0.0.0/8,2001:db8::/32\"".to_owned()
    }
    fn placeholder() -> String {
        "BLOCKS".to_owned()
    }
}

impl Value for AllowedOrigins {
    const QUOTED_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        text.parse()
            .map_err(|error: crate::cors::OriginsError| Some(error.to_string()))
    }
    fn text(&self) -> String {
        Self::text(self)
    }
    fn kind() -> String {
        "origins".to_owned()
    }
    fn example(_default: &str) -> String {
        ", with commas between them, such as \"https://kms.example.com,http://localhost:5173\""
            .to_owned()
    }
    fn placeholder() -> String {
        "ORIGINS".to_owned()
    }
}

impl Value for PathBuf {
    const QUOTED_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        if text.is_empty() || text.contains('\0') {
            return Err(None);
        }
        Ok(Self::from(text))
    }
    fn text(&self) -> String {
        self.display().to_string()
    }
    fn kind() -> String {
        "a path".to_owned()
    }
    fn placeholder() -> String {
        "PATH".to_owned()
    }
}

/// Which log lines are written: directives as `tracing`'s `EnvFilter` reads them, already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The directives, fit for `EnvFilter::try_new`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The filter of a fresh installation. What the HTTP library says of its workers at every start
    /// is no news to anybody, and what it calls an error is a client that speaks no HTTP.
    pub(super) fn info() -> Self {
        Self("info,actix_server=warn,actix_http=off".to_owned())
    }
}

impl Value for LogFilter {
    const QUOTED_ONLY: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        if text.is_empty() {
            return Err(None);
        }
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(Some(error.to_string())),
        }
    }
    fn text(&self) -> String {
        self.0.clone()
    }
    fn kind() -> String {
        "log directives".to_owned()
    }
    fn example(default: &str) -> String {
        format!(", such as \"{default}\" or \"warn,kms_api=debug\"")
    }
    fn placeholder() -> String {
        "FILTER".to_owned()
    }
}

/// Makes an enum whose variants are the words a setting may be.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }

        impl Value for $name {
            const QUOTED_ONLY: bool = true;

            fn parse(text: &str) -> Result<Self, Option<String>> {
                let text = text.trim();
                $(if text.eq_ignore_ascii_case($word) {
                    return Ok(Self::$variant);
                })+
                Err(None)
            }
            fn text(&self) -> String {
                self.to_string()
            }
            fn kind() -> String {
                format!("one of {}", [$($word),+].join(", "))
            }
            fn placeholder() -> String {
                [$($word),+].join("|")
            }
        }
    )+};
}

choices! {
    /// Who may read a file whose upload does not say.
    DefaultVisibility {
        /// Everybody who has signed in.
        Public = "public",
        /// The owner alone.
        Private = "private",
    }
    /// What an instant upload may rest on, beyond the caller's own files.
    InstantUpload {
        /// A public file with that MD5.
        Public = "public",
        /// A public file, if the request names its SHA-256 as well.
        Strong = "strong",
        /// Nothing: only the caller's own files count.
        Own = "own",
        /// Instant upload never succeeds.
        Off = "off",
    }
    /// Whether something is done at all.
    Switch {
        /// It is.
        On = "on",
        /// It is not.
        Off = "off",
    }
    /// The form of a log line.
    LogFormat {
        /// A line for people.
        Text = "text",
        /// One JSON object a line, for programs.
        Json = "json",
    }
}
