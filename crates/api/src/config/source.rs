//! Where settings come from: flags, the environment and the file, in this order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Setting;
use super::error::{ConfigError, Warning, escaped};
use super::suggest::closest;

/// The variable that names the file.
pub(crate) const FILE_VARIABLE: &str = "KMS_CONFIG";

/// Everything a configuration is made from. [`Sources::default`] is empty: all defaults.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// Values of flags.
    pub args: &'a [(&'static Setting, String)],
    /// Environment variables, those of others included. An empty one counts as not set.
    pub env: &'a [(String, String)],
    /// The file's path, for messages, and its text.
    pub file: Option<(PathBuf, String)>,
}

/// Where the value in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said, so it is the default.
    Default,
    /// The file, at this line, counted from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// This environment variable.
    Env(String),
    /// This flag, without its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => {
                write!(f, "{} line {line}", escaped(&path.display().to_string()))
            }
            Self::Env(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// The origin of every setting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// Where the value of the setting `key` came from.
    #[must_use]
    pub fn of(&self, key: &str) -> &Origin {
        self.0.get(key).unwrap_or(&Origin::Default)
    }

    pub(super) fn set(&mut self, key: &'static str, origin: Origin) {
        self.0.insert(key, origin);
    }
}

/// A value as its source spells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A text: a flag, a variable, or a string of the file.
    Quoted(String),
    /// A number or a boolean of the file.
    Bare(String),
    /// Something else of the file that no setting can be, by its TOML name.
    Other(&'static str),
}

/// One value that some source gives for one setting.
pub(super) struct Given {
    pub(super) key: &'static str,
    pub(super) origin: Origin,
    pub(super) form: Form,
}

/// Everything the sources give, the source that counts most first.
pub(super) fn gather(
    sources: Sources<'_>,
    warnings: &mut Vec<Warning>,
    errors: &mut Vec<ConfigError>,
) -> Vec<Given> {
    let Sources { args, env, file } = sources;
    let mut given: Vec<Given> = args
        .iter()
        .map(|(setting, text)| Given {
            key: setting.key,
            origin: Origin::Flag(setting.flag.clone()),
            form: Form::Quoted(text.clone()),
        })
        .collect();
    given.extend(
        env.iter()
            .filter_map(|(name, text)| variable(name, text, warnings)),
    );
    if let Some((path, text)) = file {
        read_file(&path, &text, &mut given, warnings, errors);
    }
    given
}

fn variable(name: &str, text: &str, warnings: &mut Vec<Warning>) -> Option<Given> {
    if !name.starts_with("KMS_") || name == FILE_VARIABLE {
        return None;
    }
    let Some(setting) = Setting::all().iter().find(|setting| setting.env == name) else {
        let known = Setting::all().iter().map(|setting| setting.env.as_str());
        let suggestion = closest(name, known.chain([FILE_VARIABLE])).map(str::to_owned);
        warnings.push(Warning::UnknownVariable {
            name: name.to_owned(),
            suggestion,
        });
        return None;
    };
    (!text.is_empty()).then(|| Given {
        key: setting.key,
        origin: Origin::Env(name.to_owned()),
        form: Form::Quoted(text.to_owned()),
    })
}

fn read_file(
    path: &Path,
    text: &str,
    given: &mut Vec<Given>,
    warnings: &mut Vec<Warning>,
    errors: &mut Vec<ConfigError>,
) {
    let line_at = |offset| {
        text.bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1
    };
    let (table, mistakes) = DeTable::parse_recoverable(text);
    // What the parser guessed on a broken line is not worth a second message.
    let mut broken = Vec::new();
    for mistake in mistakes {
        let line = line_at(mistake.span().map_or(text.len(), |span| span.start));
        broken.push(line);
        // Only the message: the error's own display quotes the line, which may hold a secret.
        let message = mistake.message().to_owned();
        errors.push(ConfigError::Syntax {
            path: path.to_owned(),
            line,
            message,
        });
    }
    for (key, value) in table.get_ref() {
        let line = line_at(key.span().start);
        if broken.contains(&line) {
            continue;
        }
        let name = key.get_ref().as_ref();
        let Some(setting) = Setting::named(name) else {
            let known = Setting::all().iter().map(|setting| setting.key);
            warnings.push(Warning::UnknownKey {
                path: path.to_owned(),
                line,
                key: name.to_owned(),
                suggestion: closest(name, known),
            });
            continue;
        };
        let origin = Origin::File {
            path: path.to_owned(),
            line,
        };
        given.push(Given {
            key: setting.key,
            origin,
            form: form(value.get_ref()),
        });
    }
}

fn form(value: &DeValue<'_>) -> Form {
    match value {
        DeValue::String(text) => Form::Quoted(text.clone().into_owned()),
        DeValue::Boolean(value) => Form::Bare(value.to_string()),
        DeValue::Integer(number) => {
            // Hexadecimal and the like are turned into plain digits; what is too large for that is
            // too large for any setting.
            let text = number.as_str();
            let plain = i128::from_str_radix(text, number.radix());
            Form::Bare(plain.map_or_else(|_| text.to_owned(), |number| number.to_string()))
        }
        DeValue::Float(number) => Form::Bare(number.as_str().to_owned()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Form::Other(value.type_str())
        }
    }
}
