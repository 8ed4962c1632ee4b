//! What each kind of value takes and refuses.

use super::*;

/// The values just inside and just outside the range of every setting that has one.
const EDGES: &[(&str, [&str; 2], [&str; 2])] = &[
    ("workers", ["0", "512"], ["-1", "513"]),
    ("shutdown_timeout", ["0s", "1h"], ["-1s", "3600001ms"]),
    ("max_file", ["1", "16TiB"], ["0", "17592186044417"]),
    ("max_avatar", ["1", "64MiB"], ["0", "67108865"]),
    ("max_body", ["1KiB", "1MiB"], ["1023", "1048577"]),
    ("quota_bytes", ["0", "1024TiB"], ["-1", "1125899906842625"]),
    ("quota_files", ["0", "1000000000"], ["-1", "1000000001"]),
    ("recommended_limit", ["1", "10000"], ["0", "10001"]),
    (
        "upload_key_age",
        ["1s", "3650d"],
        ["999ms", "315360000001ms"],
    ),
    ("upload_keys", ["1", "10000"], ["0", "10001"]),
    ("zip_files", ["1", "10000"], ["0", "10001"]),
    ("bcrypt_cost", ["10", "16"], ["9", "17"]),
    ("password_min", ["1", "16"], ["0", "17"]),
    ("session_idle", ["1s", "180d"], ["999ms", "3651d"]),
    ("session_max", ["30d", "3650d"], ["999ms", "315360000001ms"]),
    ("session_touch", ["0s", "3650d"], ["-1s", "315360000001ms"]),
    ("sessions_per_account", ["1", "1000"], ["0", "1001"]),
    ("connections", ["1", "1000000"], ["0", "1000001"]),
    ("head_timeout", ["1s", "1h"], ["999ms", "3600001ms"]),
    ("body_timeout", ["1ms", "1h"], ["0s", "3600001ms"]),
    ("answer_timeout", ["1ms", "1h"], ["0s", "3600001ms"]),
    ("keep_alive", ["1ms", "1h"], ["0s", "3600001ms"]),
    ("throttle_login_free", ["0", "1000"], ["-1", "1001"]),
    ("throttle_login_wait", ["1ms", "1h"], ["0s", "3600001ms"]),
    (
        "throttle_login_longest",
        ["1ms", "1d"],
        ["0s", "86400001ms"],
    ),
    (
        "throttle_login_forget",
        ["1s", "1d"],
        ["999ms", "86400001ms"],
    ),
    (
        "throttle_account_daily",
        ["0", "1000000"],
        ["-1", "1000001"],
    ),
    ("throttle_network_burst", ["1", "1000000"], ["0", "1000001"]),
    ("throttle_network_rate", ["1", "1000000"], ["0", "1000001"]),
    ("throttle_requests", ["0", "1000000"], ["-1", "1000001"]),
    ("storage_permits", ["0", "512"], ["-1", "513"]),
    ("storage_queue", ["0", "1000000"], ["-1", "1000001"]),
    ("hashing_permits", ["0", "512"], ["-1", "513"]),
    ("hashing_queue", ["0", "1000000"], ["-1", "1000001"]),
    ("queue_wait", ["1ms", "1h"], ["0s", "3600001ms"]),
    ("uploads", ["1", "1000000"], ["0", "1000001"]),
    ("anonymous_uploads", ["1", "100000"], ["0", "100001"]),
    ("anonymous_bytes", ["1", "16TiB"], ["0", "17592186044417"]),
    ("sqlite_readers", ["1", "64"], ["0", "65"]),
    ("sqlite_busy_timeout", ["0s", "1h"], ["-1s", "3600001ms"]),
    ("sqlite_group", ["1", "1024"], ["0", "1025"]),
    ("gc_interval", ["0s", "3650d"], ["-1s", "3651d"]),
    ("gc_grace", ["0s", "3650d"], ["-1s", "3651d"]),
    ("trash_retention", ["0s", "3650d"], ["-1s", "3651d"]),
    ("stray_age", ["0s", "3650d"], ["-1s", "3651d"]),
    ("trash_age", ["0s", "3650d"], ["-1s", "3651d"]),
    ("scrub_rate", ["0", "16GiB"], ["-1", "17179869185"]),
    ("scrub_interval", ["0s", "3650d"], ["-1s", "3651d"]),
    ("reserve", ["0", "16GiB"], ["-1", "17179869185"]),
    ("audit_retention", ["0s", "3650d"], ["-1s", "3651d"]),
];

#[test]
fn every_range_holds_on_both_sides() {
    for (key, inside, outside) in EDGES {
        let env = Setting::named(key).unwrap().env.as_str();
        for value in inside {
            if let Err(errors) = from_env(&[(env, value)]) {
                panic!("{key} should take {value}: {errors}");
            }
        }
        for value in outside {
            let told = mistake(from_env(&[(env, value)]));
            assert!(
                told.starts_with(&format!("{key} = \"{value}\" ({env}): expected")),
                "{told}"
            );
        }
    }
}

#[test]
fn the_table_of_edges_leaves_no_range_out() {
    let with_range = Setting::all()
        .iter()
        .filter(|row| row.expected.contains(" from "));
    let tested: Vec<&str> = EDGES.iter().map(|(key, ..)| *key).collect();
    assert_eq!(with_range.map(|row| row.key).collect::<Vec<_>>(), tested);
}

#[test]
fn choices_are_read_in_any_case_and_nothing_else_is() {
    let good: [(&str, &[&str]); 4] = [
        ("default_visibility", &["public", "private", "Private"]),
        ("instant_upload", &["public", "strong", "own", "off", "OFF"]),
        ("throttle", &["on", "off", "Off"]),
        ("log_format", &["text", "json"]),
    ];
    for (key, words) in good {
        let env = Setting::named(key).unwrap().env.as_str();
        for word in words {
            let loaded = from_env(&[(env, word)]).unwrap();
            let line = format!("{key} = \"{}\"", word.to_lowercase());
            assert!(loaded.to_toml().contains(&line), "{line}");
        }
        assert!(mistake(from_env(&[(env, "sometimes")])).contains("expected one of "));
        assert!(mistake(from_file(&format!("{key} = false"))).contains("quotes"));
    }
}

#[test]
fn addresses_paths_and_filters_are_judged_at_once() {
    for listen in ["0.0.0.0:0", "[::1]:8080", " 127.0.0.1:1 "] {
        assert!(from_env(&[("KMS_LISTEN", listen)]).is_ok(), "{listen}");
    }
    for listen in [
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:65536",
        "example.org:80",
    ] {
        assert!(
            mistake(from_env(&[("KMS_LISTEN", listen)])).starts_with("listen"),
            "{listen}"
        );
    }
    for proxies in ["localhost", "10.0.0.1/8", "10.0.0.0/33", "::1 ::2"] {
        let told = mistake(from_env(&[("KMS_TRUSTED_PROXIES", proxies)]));
        assert!(told.starts_with("trusted_proxies"), "{told}");
    }
    let loaded = from_env(&[("KMS_TRUSTED_PROXIES", " ::1/128, 10.0.0.0/8 ")]).unwrap();
    assert_eq!(loaded.config.trusted_proxies.text(), "::1,10.0.0.0/8");
    // A19.
    for origins in [
        "*",
        "null",
        "https://a.example/",
        "a.example",
        "https://A.example",
    ] {
        let told = mistake(from_env(&[("KMS_CORS_ORIGINS", origins)]));
        assert!(told.starts_with("cors_origins"), "{told}");
    }
    let loaded = from_env(&[("KMS_CORS_ORIGINS", " https://a.example, http://b:1 ")]).unwrap();
    assert_eq!(
        loaded.config.cors_origins.text(),
        "https://a.example,http://b:1"
    );
    assert!(mistake(from_file("data_dir = ''")).contains("expected a path"));
    assert!(mistake(from_file("log = 'kms_api=loud'")).contains("expected log directives"));
    assert!(mistake(from_file("log = ' '")).contains("expected log directives"));
    let loaded = from_env(&[("KMS_LOG", "warn,kms_api=debug")]).unwrap();
    assert_eq!(loaded.config.log.as_str(), "warn,kms_api=debug");
}

#[test]
fn the_file_may_say_numbers_without_quotes() {
    let text = "max_file = 5_000_000\nmax_body = 0x400\nworkers = +3\nbcrypt_cost = '12'";
    let config = from_file(text).unwrap().config;
    assert_eq!(config.max_file, ByteSize::bytes(5_000_000));
    assert_eq!(config.max_body, ByteSize::kib(1));
    assert_eq!(config.workers, 3);
    assert_eq!(config.bcrypt_cost, 12);
    for text in [
        "session_idle = 30",
        "workers = 1.5",
        "workers = true",
        "workers = [1]",
        "workers = 2020-01-01",
        "max_file = 99999999999999999999999999999999999999999",
        "[workers]",
    ] {
        assert!(
            mistake(from_file(text)).contains("kms.toml line 1"),
            "{text}"
        );
    }
}
