//! What is known of one setting, and how its value is found among the sources.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::error::ConfigError;
use super::source::{Form, Given, Origins};
use super::table;
use super::value::Value;

/// A row of the table of settings: its names, its meaning and what it may be.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file, such as `max_file`.
    pub key: &'static str,
    /// The flag without its dashes, such as `max-file`.
    pub flag: String,
    /// The environment variable, such as `KMS_MAX_FILE`.
    pub env: String,
    /// The heading it stands under.
    pub group: &'static str,
    /// What it does: a sentence a line, the first one a summary.
    pub doc: Vec<&'static str>,
    /// The default as one would write it, without quotes.
    pub default: String,
    /// What is accepted, in words.
    pub expected: String,
    /// The stand-in for the value in the help.
    pub placeholder: String,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether TOML writes it without quotes.
    pub(super) bare: bool,
}

static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(table::settings);

impl Setting {
    /// Every setting, in the order in which it is documented.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &SETTINGS
    }

    /// The setting with this key.
    #[must_use]
    pub fn named(key: &str) -> Option<&'static Self> {
        Self::all().iter().find(|setting| setting.key == key)
    }

    pub(super) fn new<T: Value>(
        key: &'static str,
        group: &'static str,
        doc: &[&'static str],
        rule: &Rule<T>,
    ) -> Self {
        Self {
            key,
            flag: key.replace('_', "-"),
            env: format!("KMS_{}", key.to_ascii_uppercase()),
            group,
            doc: doc.iter().map(|line| line.trim()).collect(),
            default: rule.default.text(),
            expected: rule.expected(),
            placeholder: T::placeholder(),
            secret: T::SECRET,
            bare: T::BARE,
        }
    }

    /// `text` as TOML writes a value of this setting.
    pub(super) fn toml(&self, text: &str) -> String {
        if self.bare {
            text.to_owned()
        } else {
            quoted(text)
        }
    }
}

/// The default of a setting and the range it must lie in.
pub(super) struct Rule<T> {
    default: T,
    range: Option<RangeInclusive<T>>,
    within: fn(&RangeInclusive<T>, &T) -> bool,
}

impl<T: Value> Rule<T> {
    pub(super) fn new(default: T) -> Self {
        Self {
            default,
            range: None,
            within: |_, _| true,
        }
    }

    pub(super) fn into_default(self) -> T {
        self.default
    }

    fn expected(&self) -> String {
        let range = self.range.as_ref().map_or_else(String::new, |range| {
            format!(" from {} to {}", range.start().text(), range.end().text())
        });
        format!("{}{range}{}", T::kind(), T::example(&self.default.text()))
    }

    fn parse(&self, text: &str) -> Result<T, Option<String>> {
        let value = T::parse(text)?;
        match &self.range {
            Some(range) if !(self.within)(range, &value) => Err(None),
            _ => Ok(value),
        }
    }

    /// The value in force, from the first source that has the setting. A mistake is written down and
    /// the default stands in, so that the rest of the mistakes are found as well.
    pub(super) fn take(
        self,
        key: &'static str,
        given: &[Given],
        origins: &mut Origins,
        errors: &mut Vec<ConfigError>,
    ) -> T {
        let Some(Given { origin, form, .. }) = given.iter().find(|given| given.key == key) else {
            return self.default;
        };
        let (text, result): (&str, _) = match form {
            Form::Quoted(text) => (text, self.parse(text)),
            Form::Bare(text) if T::QUOTED_ONLY => {
                (text, Err(Some("in the file it needs quotes".to_owned())))
            }
            Form::Bare(text) => (text, self.parse(text)),
            Form::Other(toml_kind) => (
                toml_kind,
                Err(Some(
                    "in the file it is one value, no table or list".to_owned(),
                )),
            ),
        };
        match result {
            Ok(value) => {
                origins.set(key, origin.clone());
                value
            }
            Err(advice) => {
                let mut expected = self.expected();
                if let Some(advice) = advice {
                    expected.push_str("; ");
                    expected.push_str(&advice);
                }
                errors.push(ConfigError::Value {
                    setting: key,
                    origin: origin.clone(),
                    value: (!T::SECRET).then(|| text.to_owned()),
                    expected,
                });
                self.default
            }
        }
    }
}

impl<T: Value + PartialOrd> Rule<T> {
    /// Only values from the range's start to its end, both included.
    pub(super) fn within(self, range: RangeInclusive<T>) -> Self {
        Self {
            range: Some(range),
            within: |range, value| range.contains(value),
            ..self
        }
    }
}

/// `text` as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
