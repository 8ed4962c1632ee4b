//! The configuration of `kms-server`: flags over environment variables over a TOML file over
//! defaults that just work.
//!
//! A setting is one row of the table in `table.rs`; its names in every source, its help and its line
//! in `.env.example` follow from the row. (After a change of the table, `KMS_BLESS=1 cargo test -p
//! kms-api config` rewrites that file.) [`Config::load`] is pure: it sees only the [`Sources`] it is
//! given. [`Config::load_process`] alone looks at the process.
//!
//! Only the value that counts is judged: a wrong one in the file does no harm while a flag replaces
//! it. All mistakes come back at once. Names nobody knows are warnings, so that one file or one
//! environment can serve two releases.

mod duration;
mod error;
mod process;
mod render;
mod setting;
mod size;
mod source;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use error::{ConfigError, ConfigErrors, Warning};
pub use render::env_example;
pub use setting::Setting;
pub use size::ByteSize;
pub use source::{Origin, Origins, Sources};
pub use table::Config;
pub use value::{DefaultVisibility, InstantUpload, LogFilter, LogFormat, Switch};

pub(crate) use duration::parse as parse_duration;
use value::Value;

/// A configuration that can be used, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings in force.
    pub config: Config,
    /// Where each came from.
    pub origins: Origins,
    /// What is probably a slip, for the log.
    pub warnings: Vec<Warning>,
}

impl Loaded {
    /// The settings in force as TOML: one a line, its documentation above it and its origin as a
    /// comment behind it. Read back as the file, it gives the same configuration.
    #[must_use]
    pub fn to_toml(&self) -> String {
        render::toml(&self.config, &self.origins)
    }
}

impl Config {
    /// Puts the sources together, from nothing but its argument.
    ///
    /// # Errors
    /// Every mistake in the values that count, and in the file's syntax.
    pub fn load(sources: Sources<'_>) -> Result<Loaded, ConfigErrors> {
        let mut origins = Origins::default();
        let mut warnings = Vec::new();
        let mut errors = Vec::new();
        let given = source::gather(sources, &mut warnings, &mut errors);
        let config = table::take_all(&given, &mut origins, &mut errors);
        config.check_sessions(&origins, &mut warnings, &mut errors);
        if errors.is_empty() {
            Ok(Loaded {
                config,
                origins,
                warnings,
            })
        } else {
            Err(ConfigErrors(errors))
        }
    }

    /// The rules that bind two settings to each other.
    fn check_sessions(
        &self,
        origins: &Origins,
        warnings: &mut Vec<Warning>,
        errors: &mut Vec<ConfigError>,
    ) {
        // A default that stands in for a mistake must not cause a second message.
        let sound = |key| {
            !errors
                .iter()
                .any(|error| matches!(error, ConfigError::Value { setting, .. } if *setting == key))
        };
        let idle = self.session_idle.text();
        let idle_sound = sound("session_idle");
        if idle_sound && sound("session_touch") && self.session_touch >= self.session_idle {
            let touch = self.session_touch.text();
            warnings.push(Warning::TouchedTooSeldom {
                touch,
                idle: idle.clone(),
            });
        }
        if idle_sound && sound("session_max") && self.session_max < self.session_idle {
            errors.push(ConfigError::Value {
                setting: "session_max",
                origin: origins.of("session_max").clone(),
                value: Some(self.session_max.text()),
                expected: format!(
                    "at least session_idle, which is {idle} ({})",
                    origins.of("session_idle")
                ),
            });
        }
    }
}
