//! The whole of the configuration, from sources to the printed result.

use std::path::PathBuf;
use std::time::Duration;

use super::setting::Rule;
use super::source::{Form, Given};
use super::*;

mod limits;
mod printed;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn args(pairs: &[(&str, &str)]) -> Vec<(&'static Setting, String)> {
    pairs
        .iter()
        .map(|(key, value)| (Setting::named(key).unwrap(), (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> Option<(PathBuf, String)> {
    Some((PathBuf::from("kms.toml"), text.to_owned()))
}

fn from_env(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    Config::load(Sources {
        env: &env(pairs),
        ..Sources::default()
    })
}

fn from_file(text: &str) -> Result<Loaded, ConfigErrors> {
    Config::load(Sources {
        file: file(text),
        ..Sources::default()
    })
}

/// The only mistake of a result.
fn mistake(result: Result<Loaded, ConfigErrors>) -> String {
    let errors = result.unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
    errors.iter().next().unwrap().to_string()
}

#[test]
fn without_any_source_the_defaults_are_in_force() {
    let loaded = Config::load(Sources::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
    assert!(
        Setting::all()
            .iter()
            .all(|row| *loaded.origins.of(row.key) == Origin::Default)
    );
    let config = loaded.config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, PathBuf::from("./data"));
    assert_eq!(config.max_file.as_u64(), 4 << 30);
    assert_eq!(config.session_idle, Duration::from_secs(30 * 86_400));
    assert_eq!(config.default_visibility, DefaultVisibility::Public);
    assert_eq!(config.instant_upload, InstantUpload::Public);
    assert_eq!(config.log.as_str(), "info,actix_server=warn,actix_http=off");
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let loaded = Config::load(Sources {
        args: &args(&[("max_file", "3MiB")]),
        env: &env(&[("KMS_MAX_FILE", "2MiB"), ("KMS_MAX_AVATAR", "2MiB")]),
        file: file("max_file = '1MiB'\nmax_avatar = '1MiB'\nmax_body = '1MiB'\n"),
    })
    .unwrap();
    let Loaded {
        config,
        origins,
        warnings,
    } = loaded;
    assert_eq!(config.max_file, ByteSize::mib(3));
    assert_eq!(config.max_avatar, ByteSize::mib(2));
    assert_eq!(config.max_body, ByteSize::mib(1));
    assert_eq!(config.workers, 0);
    assert_eq!(*origins.of("max_file"), Origin::Flag("max-file".to_owned()));
    assert_eq!(
        *origins.of("max_avatar"),
        Origin::Env("KMS_MAX_AVATAR".to_owned())
    );
    assert_eq!(
        *origins.of("max_body"),
        Origin::File {
            path: "kms.toml".into(),
            line: 3
        }
    );
    assert_eq!(*origins.of("workers"), Origin::Default);
    assert!(warnings.is_empty());
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let loaded = from_env(&[("KMS_WORKERS", ""), ("KMS_DATA_DIR", "")]).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn only_the_value_that_counts_is_judged() {
    let loaded = Config::load(Sources {
        args: &args(&[("workers", "2")]),
        env: &env(&[("KMS_WORKERS", "many")]),
        file: file("workers = 'few'"),
    });
    assert_eq!(loaded.unwrap().config.workers, 2);
}

#[test]
fn all_mistakes_of_all_sources_come_at_once() {
    let errors = Config::load(Sources {
        args: &args(&[("max_file", "lots"), ("listen", "localhost:80")]),
        env: &env(&[("KMS_WORKERS", "-1"), ("KMS_SESSION_IDLE", "30")]),
        file: file("max_avatar = '65MiB'\n= 5\n\ndata_dir = 5\n[log]\n"),
    })
    .unwrap_err();
    let text = errors.to_string();
    let expected = [
        "the configuration has 8 mistakes:",
        "kms.toml line 2: ",
        "listen = \"localhost:80\" (--listen): expected an IP address and a port, such as",
        "data_dir = \"5\" (kms.toml line 4): expected a path; in the file it needs quotes",
        "workers = \"-1\" (KMS_WORKERS): expected a whole number from 0 to 512",
        "max_file = \"lots\" (--max-file): expected a size from 1B to 16TiB, such as",
        "max_avatar = \"65MiB\" (kms.toml line 1): expected a size from 1B to 64MiB, such as",
        "session_idle = \"30\" (KMS_SESSION_IDLE): expected a length of time from 1s to 3650d",
        "log = \"table\" (kms.toml line 5): expected log directives",
    ];
    assert_eq!(text.lines().count(), expected.len(), "{text}");
    for (line, start) in text.lines().zip(expected) {
        assert!(
            line.trim_start_matches("  - ").starts_with(start),
            "{line}\n{start}"
        );
    }
    assert!(text.contains("write 30s for seconds"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_told_by_line() {
    let told = mistake(from_file("workers = 1\nworkers = 2\n"));
    assert!(told.starts_with("kms.toml line 2: duplicate"), "{told}");
    let told = mistake(from_file("workers = 1\nmax_file = 'open\n"));
    assert!(told.starts_with("kms.toml line 2: "), "{told}");
    assert!(!told.contains("open"), "the line may hold a secret: {told}");
}

#[test]
fn a_session_may_not_outlive_its_own_end() {
    let told = mistake(from_env(&[("KMS_SESSION_IDLE", "181d")]));
    assert_eq!(
        told,
        "session_max = \"180d\" (default): expected at least session_idle, which is 181d \
         (KMS_SESSION_IDLE)"
    );
    assert!(from_env(&[("KMS_SESSION_IDLE", "1h"), ("KMS_SESSION_MAX", "1h")]).is_ok());
    // One message for one mistake: the default that stands in for it is not compared.
    let told = mistake(from_env(&[
        ("KMS_SESSION_IDLE", "never"),
        ("KMS_SESSION_MAX", "1h"),
    ]));
    assert!(told.starts_with("session_idle"), "{told}");
}

#[test]
fn sessions_that_would_end_while_in_use_are_a_warning() {
    let warnings = from_env(&[("KMS_SESSION_IDLE", "10min")]).unwrap().warnings;
    let expected = Warning::TouchedTooSeldom {
        touch: "10min".into(),
        idle: "10min".into(),
    };
    assert_eq!(warnings, [expected]);
    assert!(
        from_env(&[("KMS_SESSION_IDLE", "11min")])
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn unknown_names_warn_and_suggest_the_nearest() {
    let loaded = Config::load(Sources {
        args: &[],
        env: &env(&[
            ("KMS_MAXFILE", "canary"),
            ("KMS_max_file", "canary"),
            ("KMS_COLOUR", "canary"),
            ("KMS_CONFIG", "kms.toml"),
            ("PATH", "/bin"),
        ]),
        file: file("max-file = 'canary'\n\ncolour = 'canary'\n"),
    })
    .unwrap();
    assert_eq!(loaded.config, Config::default());
    let told: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "the environment variable KMS_MAXFILE is unknown and changes nothing; did you mean \
         KMS_MAX_FILE?",
        "the environment variable KMS_max_file is unknown and changes nothing; did you mean \
         KMS_MAX_FILE?",
        "the environment variable KMS_COLOUR is unknown and changes nothing",
        "kms.toml line 3: the setting colour is unknown and changes nothing",
        "kms.toml line 1: the setting max-file is unknown and changes nothing; did you mean \
         max_file?",
    ];
    assert_eq!(told, expected);
}

/// A value that must not be shown, as a password for another service would be.
#[derive(Clone, PartialEq, PartialOrd)]
struct Secret(String);

impl Value for Secret {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Option<String>> {
        if text.len() > 20 {
            Ok(Self(text.to_owned()))
        } else {
            Err(None)
        }
    }
    fn text(&self) -> String {
        self.0.clone()
    }
    fn kind() -> String {
        "more than 20 characters".to_owned()
    }
    fn placeholder() -> String {
        "SECRET".to_owned()
    }
}

#[test]
fn a_secret_is_never_shown() {
    let rule = Rule::new(Secret(String::new()));
    let row = Setting::new("pepper", "Accounts", &["Spice."], &rule);
    let line = render::assignment(&row, "canary", "KMS_PEPPER");
    assert!(
        line.starts_with("# pepper") && !line.contains("canary"),
        "{line}"
    );

    let origin = Origin::Env("KMS_PEPPER".to_owned());
    let given = [Given {
        key: "pepper",
        origin,
        form: Form::Quoted("canary".to_owned()),
    }];
    let mut errors = Vec::new();
    rule.take("pepper", &given, &mut Origins::default(), &mut errors);
    assert_eq!(
        ConfigErrors(errors).to_string(),
        "the configuration has a mistake:\n  - pepper is set to a value that is not shown \
         (KMS_PEPPER): expected more than 20 characters"
    );
}

#[test]
fn booleans_are_read_and_shown_plainly() {
    for (text, value) in [("true", true), (" False ", false)] {
        assert_eq!(bool::parse(text), Ok(value));
    }
    for text in ["", "yes", "1", "on"] {
        assert!(bool::parse(text).is_err(), "{text}");
    }
    let row = Setting::new("cool", "Any", &["It."], &Rule::new(true));
    assert_eq!(
        render::assignment(&row, "true", "default"),
        "cool = true  # default"
    );
}

#[test]
fn messages_stay_on_one_line_and_short() {
    let value = format!("a\nb\u{1b}[31m{}", "x".repeat(10_000));
    let told = mistake(from_env(&[("KMS_LISTEN", &value)]));
    assert!(
        !told.contains(char::is_control) && told.len() < 400,
        "{told}"
    );
}
