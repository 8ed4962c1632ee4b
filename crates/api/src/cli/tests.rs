use super::*;
use clap::error::ErrorKind;

fn cli(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("kms-server").chain(line.split_whitespace()))
}

fn command(line: &str) -> Command {
    cli(line).unwrap().command
}

fn shown(line: &str) -> String {
    cli(line).unwrap_err().to_string()
}

#[test]
fn the_program_is_well_formed() {
    clap().debug_assert();
}

#[test]
fn every_command_is_understood() {
    assert_eq!(command(""), Command::Serve);
    assert_eq!(command("serve"), Command::Serve);
    assert_eq!(command("config"), Command::Config);
    assert_eq!(command("user list"), Command::User(UserCommand::List));
    let phone = "13800000000".to_owned();
    assert_eq!(
        command("user passwd --phone 13800000000"),
        Command::User(UserCommand::Passwd {
            phone: phone.clone()
        })
    );
    let gc = |apply, json| Command::Gc(GcCommand { apply, json });
    assert_eq!(command("gc"), gc(false, false));
    assert_eq!(command("gc --json"), gc(false, true));
    assert_eq!(command("gc --apply"), gc(true, false));
    for (line, quick, repair, json) in [
        ("fsck", false, false, false),
        ("fsck --quick --json", true, false, true),
        ("fsck --repair", false, true, false),
    ] {
        let expected = FsckCommand {
            quick,
            repair,
            json,
        };
        assert_eq!(command(line), Command::Fsck(expected));
    }
    let everything = AuditCommand {
        user: None,
        kind: None,
        network: None,
        since: None,
        until: None,
        limit: 100,
        json: false,
    };
    assert_eq!(command("audit"), Command::Audit(everything));
    let line = "audit --user 13800000000 --kind login --network 10.0.0.7 --since 2h \
                --until 1970-01-02 --limit 7 --json";
    let picked = AuditCommand {
        user: Some(phone.clone()),
        kind: Some(kms_domain::audit::AuditKind::Login),
        network: kms_domain::audit::Network::parse("10.0.0.0/24").ok(),
        since: Some(Moment::Ago(std::time::Duration::from_secs(7200))),
        until: Some(Moment::At(86_400_000)),
        limit: 7,
        json: true,
    };
    assert_eq!(command(line), Command::Audit(picked));
    let name = "Li".to_owned();
    assert_eq!(
        command("user add --phone 13800000000 --name Li"),
        Command::User(UserCommand::Add {
            phone: phone.clone(),
            name: name.clone(),
            email: None,
            birth: None
        })
    );
    assert_eq!(
        command("user add --phone 13800000000 --name Li --email a@b.c --birth -5"),
        Command::User(UserCommand::Add {
            phone,
            name,
            email: Some("a@b.c".to_owned()),
            birth: Some(-5)
        })
    );
}

#[test]
fn what_is_missing_unknown_or_given_twice_is_refused() {
    for (line, kind) in [
        ("user", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("user add --name Li", ErrorKind::MissingRequiredArgument),
        ("user passwd", ErrorKind::MissingRequiredArgument),
        (
            "user add --phone 1 --name L --password x",
            ErrorKind::UnknownArgument,
        ),
        (
            "user add --phone 1 --name L --birth soon",
            ErrorKind::ValueValidation,
        ),
        ("--max-fil 5", ErrorKind::UnknownArgument),
        ("--workers 1 --workers 2", ErrorKind::ArgumentConflict),
        ("dance", ErrorKind::InvalidSubcommand),
    ] {
        assert_eq!(cli(line).unwrap_err().kind(), kind, "{line}");
    }
    assert!(shown("--max-fil 5").contains("'--max-file'"));
}

#[test]
fn settings_and_the_file_are_taken_before_and_after_any_command() {
    for line in [
        "--max-file 5MB --config a.toml",
        "--max-file 5MB serve --config a.toml",
        "--config a.toml config --max-file 5MB",
        "user list --max-file 5MB --config a.toml",
        "user --config a.toml passwd --phone 1 --max-file 5MB",
    ] {
        let cli = cli(line).unwrap();
        let settings: Vec<_> = cli
            .settings
            .iter()
            .map(|(row, text)| (row.key, &**text))
            .collect();
        assert_eq!(settings, [("max_file", "5MB")], "{line}");
        assert_eq!(cli.config_file, Some(PathBuf::from("a.toml")), "{line}");
    }
    assert_eq!(cli("--workers -1").unwrap().settings[0].1, "-1");
}

#[test]
fn every_setting_has_a_flag() {
    for row in Setting::all() {
        let cli = cli(&format!("--{} anything", row.flag)).unwrap();
        assert_eq!(cli.settings[0].0.key, row.key);
    }
}

#[test]
fn the_help_shows_each_flag_with_its_default_and_variable() {
    for line in ["-h", "--help", "serve --help", "config -h"] {
        let help = shown(line);
        for row in Setting::all() {
            assert!(
                help.contains(&format!("--{} <", row.flag)),
                "{line}: {help}"
            );
            let known = format!("[default: {}] [env: {}]", row.default, row.env);
            assert!(help.contains(&known), "{line}: {known}\n{help}");
            assert!(help.contains(&format!("{}:\n", row.group)), "{line}");
        }
    }
    assert_eq!(
        shown("--version"),
        concat!("kms-server ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_help_of_accounts_is_short_and_tells_where_the_password_goes() {
    for line in ["user add --help", "user passwd -h"] {
        let help = shown(line);
        assert!(help.contains("standard input"), "{help}");
        assert!(
            help.lines().count() < 30 && !help.contains("--max-file"),
            "{help}"
        );
    }
}

#[test]
fn a_password_is_one_line_to_the_letter() {
    let read = |bytes: &[u8]| read_password(bytes).ok();
    assert_eq!(read(b"secret\nmore\n").as_deref(), Some("secret"));
    assert_eq!(read(b"secret\r\n").as_deref(), Some("secret"));
    assert_eq!(read(b" secret ").as_deref(), Some(" secret "));
    assert_eq!(read(b"\n").as_deref(), Some(""));
    assert_eq!(read(b""), None);
    assert_eq!(read(b"\xff\n"), None);
    assert_eq!(read(&[b'x'; 1023]).map(|line| line.len()), Some(1023));
    assert_eq!(read(&[b'x'; 1024]), None);
}

#[test]
fn the_commands_about_backups_are_understood() {
    let dir = PathBuf::from("/b");
    let make = |keep, reread| BackupCommand::Make {
        into: dir.clone(),
        keep: std::num::NonZeroU32::new(keep),
        reread,
    };
    let verify = |generation: Option<&str>| BackupCommand::Verify {
        backup: dir.clone(),
        generation: generation.map(str::to_owned),
    };
    let restore = |generation: Option<&str>| BackupCommand::Restore {
        backup: dir.clone(),
        generation: generation.map(str::to_owned),
    };
    for (line, wanted) in [
        ("backup /b", make(0, false)),
        ("backup --keep 7 --reread /b", make(7, true)),
        ("backup --verify /b", verify(None)),
        ("backup /b --verify --generation x", verify(Some("x"))),
        ("restore /b --data-dir /d", restore(None)),
        ("restore --generation x /b", restore(Some("x"))),
    ] {
        assert_eq!(command(line), Command::Backup(wanted), "{line}");
    }
    for line in [
        "backup",
        "restore",
        "backup /b --keep 0",
        "backup /b --verify --keep 3",
        "backup /b --verify --reread",
        "backup /b --generation x",
        "restore /b --keep 3",
    ] {
        assert!(cli(line).is_err(), "{line}");
    }
}

#[test]
fn a_quota_is_told_decided_or_given_back() {
    use super::QuotaCommand;
    use kms_domain::files::Limit;

    let quota = |options: &[&str]| {
        let arguments = ["kms-server", "user", "quota", "13800138000"];
        let all = [&arguments[..], options].concat();
        match Cli::try_parse_from(all)?.command {
            Command::User(UserCommand::Quota(command)) => Ok::<_, clap::Error>(command),
            other => panic!("{other:?}"),
        }
    };
    let decided = |bytes, files| QuotaCommand {
        phone: "13800138000".to_owned(),
        bytes,
        files,
    };
    let told = quota(&[]).unwrap();
    assert!(told == decided(None, None) && !told.decides());
    for (options, expected) in [
        (
            &["--bytes", "10GiB", "--files", "1000"][..],
            decided(Some(Limit::AtMost(10 << 30)), Some(Limit::AtMost(1000))),
        ),
        (&["--bytes", "none"], decided(Some(Limit::Unlimited), None)),
        (&["--files", "0"], decided(None, Some(Limit::AtMost(0)))),
        (
            &["--default"],
            decided(Some(Limit::Default), Some(Limit::Default)),
        ),
    ] {
        let command = quota(options).unwrap();
        assert!(command.decides());
        assert_eq!(command, expected);
    }
    for wrong in [
        &["--bytes", "lots"][..],
        &["--files", "1KiB"],
        &["--default", "--files", "1"],
    ] {
        assert!(quota(wrong).is_err(), "{wrong:?}");
    }
}
