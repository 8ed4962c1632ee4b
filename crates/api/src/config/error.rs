//! What can be wrong with a configuration, and how it is told to the operator.

use std::fmt;
use std::path::PathBuf;

use super::source::Origin;

/// One mistake. Its display is one line that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that its setting cannot have.
    #[error("{setting}{} ({origin}): expected {expected}", shown(value.as_deref()))]
    Value {
        /// The key of the setting.
        setting: &'static str,
        /// Where the value came from.
        origin: Origin,
        /// The value; none if it is a secret.
        value: Option<String>,
        /// What would have been accepted.
        expected: String,
    },
    /// The file is not TOML.
    #[error("{} line {line}: {message}", escaped(&path.display().to_string()))]
    Syntax {
        /// The file as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// The file cannot be read. (Its default name may be missing; a name that was given may not.)
    #[error("{}: cannot be read: {reason}", escaped(&path.display().to_string()))]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A variable of ours whose name or value is no UTF-8.
    #[error("{}: expected text in UTF-8", escaped(name))]
    NotUnicode {
        /// The variable, with what is no UTF-8 replaced.
        name: String,
    },
}

/// Every mistake of a configuration, in the order of the settings. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The mistakes, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a mistake:")?,
            count => write!(f, "the configuration has {count} mistakes:")?,
        }
        self.0
            .iter()
            .try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// Something that does not stop the server and is probably not what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A variable that starts with `KMS_` and is none of ours. Its value is never shown.
    #[error(
        "the environment variable {} is unknown and changes nothing{}",
        escaped(name),
        did_you_mean(suggestion.as_deref())
    )]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest known one.
        suggestion: Option<String>,
    },
    /// A key of the file that is none of ours. Its value is never shown.
    #[error(
        "{} line {line}: the setting {} is unknown and changes nothing{}",
        escaped(&path.display().to_string()),
        escaped(key),
        did_you_mean(*suggestion)
    )]
    UnknownKey {
        /// The file as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// The nearest known one.
        suggestion: Option<&'static str>,
    },
    /// Sessions that are in use would end, because their use is written down too seldom.
    #[error(
        "session_touch ({touch}) is not shorter than session_idle ({idle}): sessions end while they \
         are in use"
    )]
    TouchedTooSeldom {
        /// `session_touch`, as one would write it.
        touch: String,
        /// `session_idle`, as one would write it.
        idle: String,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// The longest value that a message repeats, in characters: enough to recognise it.
const SHOWN: usize = 80;

fn shown(value: Option<&str>) -> String {
    let Some(value) = value else {
        return " is set to a value that is not shown".to_owned();
    };
    let mut start: String = value.chars().take(SHOWN).collect();
    if value.chars().nth(SHOWN).is_some() {
        start.push('…');
    }
    format!(" = \"{}\"", escaped(&start))
}

/// `text` without control characters, so that a message stays on its line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
