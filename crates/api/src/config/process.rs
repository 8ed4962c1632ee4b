//! The one place that looks at the real environment and reads the real file.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrors};
use super::source::FILE_VARIABLE;
use super::{Config, Loaded, Setting, Sources};

/// The file that is read when none is named, if it exists.
const FILE: &str = "kms.toml";

impl Config {
    /// The configuration of this process: the given flags, its environment, and the file that
    /// `file`, `KMS_CONFIG` or its default name tells.
    ///
    /// # Errors
    /// Every mistake in any of them, and a named file that cannot be read.
    pub fn load_process(
        file: Option<&Path>,
        args: &[(&'static Setting, String)],
    ) -> Result<Loaded, ConfigErrors> {
        #[allow(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        let env = std::env::vars_os();
        load_from(file, args, env, |path| std::fs::read_to_string(path))
    }
}

fn load_from(
    file: Option<&Path>,
    args: &[(&'static Setting, String)],
    env: impl Iterator<Item = (OsString, OsString)>,
    read: impl Fn(&Path) -> io::Result<String>,
) -> Result<Loaded, ConfigErrors> {
    let mut errors = Vec::new();
    let mut ours = Vec::new();
    let mut named = file.map(Path::to_owned);
    for (name, value) in env {
        // Other programs' variables may hold anything; they are none of our business.
        if !name.as_encoded_bytes().starts_with(b"KMS_") {
            continue;
        }
        if name == FILE_VARIABLE {
            if named.is_none() && !value.is_empty() {
                named = Some(PathBuf::from(value));
            }
            continue;
        }
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => ours.push((name, value)),
            (name, _) => {
                let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
                errors.push(ConfigError::NotUnicode { name });
            }
        }
    }
    let path = named.as_deref().unwrap_or(Path::new(FILE));
    let file = match read(path) {
        Ok(text) => Some((path.to_owned(), text)),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let reason = error.to_string();
            errors.push(ConfigError::Unreadable {
                path: path.to_owned(),
                reason,
            });
            None
        }
    };
    match Config::load(Sources {
        args,
        env: &ours,
        file,
    }) {
        Ok(loaded) if errors.is_empty() => Ok(loaded),
        Ok(_) => Err(ConfigErrors(errors)),
        Err(ConfigErrors(more)) => {
            errors.extend(more);
            Err(ConfigErrors(errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    fn vars(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        pairs.into_iter()
    }

    /// A file system with one file of one setting, and a folder that nobody may read.
    fn read(there: &'static str) -> impl Fn(&Path) -> io::Result<String> {
        move |path| match path.to_str() {
            Some(name) if name == there => Ok("workers = 7".to_owned()),
            Some("secret.toml") => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn the_default_file_is_read_if_it_exists() {
        let loaded = load_from(None, &[], vars(&[]), read("kms.toml")).unwrap();
        assert_eq!(loaded.config.workers, 7);
        let loaded = load_from(None, &[], vars(&[]), read("other.toml")).unwrap();
        assert_eq!(loaded.config.workers, 0);
    }

    #[test]
    fn a_flag_names_the_file_before_the_variable_does() {
        let env = [("KMS_CONFIG", "variable.toml")];
        let loaded = load_from(None, &[], vars(&env), read("variable.toml")).unwrap();
        let origin = Origin::File {
            path: "variable.toml".into(),
            line: 1,
        };
        assert_eq!(*loaded.origins.of("workers"), origin);
        let flag = Some(Path::new("flag.toml"));
        let loaded = load_from(flag, &[], vars(&env), read("flag.toml")).unwrap();
        assert_eq!(loaded.config.workers, 7);
        let loaded = load_from(None, &[], vars(&[("KMS_CONFIG", "")]), read("kms.toml")).unwrap();
        assert_eq!(loaded.config.workers, 7);
    }

    #[test]
    fn a_named_file_must_be_there_and_other_mistakes_are_told_with_it() {
        let env = [("KMS_CONFIG", "gone.toml"), ("KMS_WORKERS", "x")];
        let errors = load_from(None, &[], vars(&env), read("kms.toml")).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("gone.toml: cannot be read"), "{errors}");
        assert!(told[1].starts_with("workers"), "{errors}");
        let file = Some(Path::new("secret.toml"));
        assert!(load_from(file, &[], vars(&[]), read("kms.toml")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_of_ours_must_be_utf8_and_others_may_be_anything() {
        use std::os::unix::ffi::OsStringExt;
        let bad = || OsString::from_vec(vec![b'x', 0xff]);
        let theirs = [(OsString::from("THEIRS"), bad())];
        assert!(load_from(None, &[], theirs.into_iter(), read("")).is_ok());
        let ours = [
            (OsString::from("KMS_DATA_DIR"), bad()),
            ("KMS_WORKERS".into(), "x".into()),
        ];
        let errors = load_from(None, &[], ours.into_iter(), read("")).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "KMS_DATA_DIR: expected text in UTF-8");
        assert_eq!(told.len(), 2);
    }
}
