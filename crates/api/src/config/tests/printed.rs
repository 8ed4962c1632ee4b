//! What is printed and written down from the table.

use super::*;

/// A value for each setting that is not its default, and awkward where it can be.
const OTHERS: &str = r#"
    listen = "[::1]:0"
    data_dir = "C:\\a \"b\"\u007f\n数据"
    workers = 3
    shutdown_timeout = "1500ms"
    cors_origins = "https://a.example,http://[::1]:3000"
    docs = "off"
    max_file = "5MB"
    max_avatar = 1
    max_body = "2KiB"
    default_visibility = "private"
    instant_upload = "strong"
    recommended_limit = 7
    upload_key_age = "2d"
    upload_keys = 7
    zip_files = 7
    bcrypt_cost = 11
    password_min = 8
    session_idle = "1d"
    session_max = "36h"
    session_touch = "0s"
    sessions_per_account = 2
    require_old_password = true
    connections = 9
    head_timeout = "1s"
    body_timeout = "90s"
    answer_timeout = "2min"
    keep_alive = "1h"
    throttle = "off"
    trusted_proxies = "127.0.0.1,2001:db8::/32"
    throttle_login_free = 3
    throttle_login_wait = "2s"
    throttle_login_longest = "1h"
    throttle_login_forget = "1h"
    throttle_account_daily = 10
    throttle_network_burst = 10
    throttle_network_rate = 10
    throttle_requests = 10
    storage_permits = 2
    storage_queue = 0
    hashing_permits = 1
    hashing_queue = 0
    queue_wait = "1min"
    uploads = 7
    anonymous_uploads = 1
    anonymous_bytes = "1TiB"
    sqlite_readers = 1
    sqlite_busy_timeout = "0s"
    sqlite_group = 1
    gc_interval = "2h"
    gc_grace = "2h"
    trash_retention = "2d"
    stray_age = "2d"
    trash_age = "2d"
    scrub_rate = "1MiB"
    scrub_interval = "2d"
    reserve = "1MiB"
    audit_retention = "2d"
    quota_bytes = "1MiB"
    quota_files = 7
    log = "kms_api[{id=\"x\"}]=debug"
    log_format = "json"
"#;

#[test]
fn what_is_printed_reads_back_as_the_same_configuration() {
    let loaded = from_file(OTHERS).unwrap();
    for row in Setting::all() {
        assert_ne!(
            *loaded.origins.of(row.key),
            Origin::Default,
            "{} is left out",
            row.key
        );
    }
    let printed = loaded.to_toml();
    let again = from_file(&printed).unwrap();
    assert_eq!(again.config, loaded.config, "{printed}");
    assert!(again.warnings.is_empty());

    let defaults = Config::load(Sources::default()).unwrap();
    assert_eq!(
        from_file(&defaults.to_toml()).unwrap().config,
        Config::default()
    );
}

#[test]
fn every_setting_is_printed_on_one_line_with_its_origin_and_document() {
    let loaded = from_env(&[("KMS_MAX_FILE", "2GiB")]).unwrap();
    let printed = loaded.to_toml();
    assert!(
        printed.starts_with("## Server\n\n# The IP address and port"),
        "{printed}"
    );
    assert!(
        printed.contains("\nmax_file = \"2GiB\"  # KMS_MAX_FILE\n"),
        "{printed}"
    );
    assert!(printed.contains("\nworkers = 0  # default\n"), "{printed}");
    for row in Setting::all() {
        let start = format!("{} = ", row.key);
        assert_eq!(
            printed
                .lines()
                .filter(|line| line.starts_with(&start))
                .count(),
            1
        );
        assert!(
            row.doc
                .iter()
                .all(|doc| printed.contains(&format!("# {doc}\n")))
        );
    }
}

#[test]
fn names_follow_from_the_key_and_defaults_are_acceptable() {
    let row = Setting::named("max_file").unwrap();
    assert_eq!(
        (row.flag.as_str(), row.env.as_str()),
        ("max-file", "KMS_MAX_FILE")
    );
    assert!(Setting::named("max-file").is_none());
    for row in Setting::all() {
        let loaded = from_env(&[(&row.env, &row.default)]).unwrap();
        assert_eq!(loaded.config, Config::default(), "{}", row.key);
        assert!(
            row.doc.iter().all(|line| line.ends_with('.')),
            "{}",
            row.key
        );
    }
}

/// Compares a file with what is made from it and the table of settings; with `KMS_BLESS=1`, writes it first.
fn is_current(path: &str, generate: impl Fn(&str) -> String) {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    #[allow(
        clippy::disallowed_methods,
        reason = "the switch of the test, no setting"
    )]
    let bless = std::env::var_os("KMS_BLESS").is_some_and(|value| value == "1");
    let kept = || std::fs::read_to_string(&path).unwrap_or_default();
    if bless {
        std::fs::write(&path, generate(&kept())).unwrap();
    }
    assert!(
        kept() == generate(&kept()),
        "{path} is out of date: run this test with KMS_BLESS=1"
    );
}

#[test]
fn the_example_environment_is_what_the_table_generates() {
    is_current(".env.example", |_| env_example());
}

#[test]
fn the_manual_has_every_setting_of_the_table() {
    const HEAD: &str = "| setting | default | expected | meaning |\n|---|---|---|---|\n";
    is_current("docs/OPERATIONS.md", |kept| {
        let (before, rest) = kept.split_once(HEAD).expect("the table of settings");
        let (_, after) = rest.split_once("\n\n").expect("something behind it");
        let mut group = "";
        let rows = Setting::all().iter().map(|row| {
            let heading = if row.group == group {
                String::new()
            } else {
                group = row.group;
                format!("| **{group}** | | | |\n")
            };
            let default = match row.default.as_str() {
                "" => "(none)".to_owned(),
                text => format!("`{text}`"),
            };
            // Beside its default it needs no example.
            let expected = row.expected.split(", such as").next().unwrap();
            let (key, about) = (row.key, row.doc.join(" "));
            format!("{heading}| `{key}` | {default} | {expected} | {about} |\n")
        });
        let rows: String = rows.collect();
        format!("{before}{HEAD}{}\n\n{after}", rows.trim_end())
    });
}

#[test]
fn the_example_environment_sets_every_variable_to_its_default() {
    let text = env_example();
    let pairs: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#KMS_")?.split_once('='))
        .map(|(name, value)| (format!("KMS_{name}"), value.to_owned()))
        .collect();
    assert_eq!(pairs.len(), Setting::all().len() + 1);
    let loaded = Config::load(Sources {
        env: &pairs,
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
}
