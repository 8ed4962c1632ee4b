//! The domain stays pure: what it depends on and what it names.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All that kms-domain may depend on itself.
const DIRECT: [&str; 5] = ["fast-md5", "md5", "sha2", "thiserror", "uuid"];
/// What must not come in through any of them. A `*` stands for any ending.
const NEVER: [&str; 9] = [
    "serde*",
    "tokio*",
    "actix*",
    "diesel*",
    "libsqlite3-sys",
    "getrandom",
    "rand*",
    "mio",
    "rustix",
];
/// Words that reach outside the process, wherever they come from.
const WORDS: [&str; 6] = [
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
];
/// Modules of std that do so.
const MODULES: [&str; 5] = ["env", "fs", "os", "process", "thread"];
/// All that is taken from `std::net`: parsing addresses opens no socket.
const FROM_NET: [&str; 2] = ["Ipv4Addr", "Ipv6Addr"];

type Outcome = Result<(), Box<dyn Error>>;

fn is_never(package: &str) -> bool {
    NEVER.iter().any(|never| match never.strip_suffix('*') {
        Some(start) => package.starts_with(start),
        None => package == *never,
    })
}

/// Code without comments and without the tests at the end of the file.
fn code_of(source: &str) -> String {
    source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every name that follows `path` directly or in the first braces after it.
fn members<'a>(code: &'a str, path: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(path) {
        let rest = code.get(at + path.len()..).unwrap_or_default();
        match rest.strip_prefix('{') {
            // Names of inner braces are taken as well: too strict rather than too lax.
            Some(group) => found.extend(words(group.split(';').next().unwrap_or_default())),
            None => found.extend(words(rest).next()),
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// What `source` names and must not.
fn impurities(source: &str) -> Vec<String> {
    let code = code_of(source);
    let mut found: Vec<String> = words(&code)
        .filter(|word| WORDS.contains(word))
        .map(str::to_owned)
        .collect();
    for module in members(&code, "std::") {
        if MODULES.contains(&module) {
            found.push(format!("std::{module}"));
        }
    }
    for name in members(&code, "net::") {
        if !FROM_NET.contains(&name) {
            found.push(format!("std::net::{name}"));
        }
    }
    found
}

fn scan(folder: &Path, scanned: &mut usize, found: &mut Vec<String>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if matches!(name, Some("tests" | "tests.rs" | "test_doubles.rs")) {
            continue;
        }
        if path.is_dir() {
            scan(&path, scanned, found)?;
        } else {
            *scanned += 1;
            for impurity in impurities(&fs::read_to_string(&path)?) {
                found.push(format!("{}: {impurity}", path.display()));
            }
        }
    }
    Ok(())
}

#[test]
fn the_domain_depends_on_pure_crates_only() -> Outcome {
    // `--prefix depth` and not `none`, because the depth tells direct dependencies from the rest.
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "kms-domain", "-e", "normal,build"])
        .args(["--prefix", "depth", "--format", " {p}"])
        .args(["--offline", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");

    let tree = String::from_utf8(output.stdout)?;
    let mut direct = Vec::new();
    for line in tree.lines() {
        let mut fields = line.split(' ');
        let (depth, package) = (fields.next(), fields.next().unwrap_or_default());
        assert!(!is_never(package), "{package} came in:\n{tree}");
        if depth == Some("1") {
            direct.push(package);
        }
    }
    direct.sort_unstable();
    assert_eq!(direct, DIRECT);
    Ok(())
}

#[test]
fn the_domain_names_nothing_outside_itself() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut scanned, mut found) = (0, Vec::new());
    scan(&folder, &mut scanned, &mut found)?;
    assert!(scanned > 20, "only {scanned} files were found");
    assert_eq!(found, [""; 0]);
    Ok(())
}

#[test]
fn the_scan_sees_what_it_looks_for() {
    for (source, expected) in [
        ("use std::fs;", "std::fs"),
        ("let x = std::env::var(y);", "std::env"),
        ("use std::{fmt, env};", "std::env"),
        ("use std::time::{Duration, Instant};", "Instant"),
        ("SystemTime::now()", "SystemTime"),
        ("use std::net::TcpStream;", "TcpStream"),
        ("use std::net::IpAddr;", "std::net::IpAddr"),
        (
            "use std::net::{Ipv4Addr, UnixStream};",
            "std::net::UnixStream",
        ),
        ("#[cfg(test)]\nuse a::B;\nuse std::process;", "std::process"),
    ] {
        assert!(
            impurities(source).contains(&expected.to_owned()),
            "{source}"
        );
    }
    for source in [
        "// std::fs is not for us",
        "/// Not an Instant.",
        "enum InstantUpload { A }",
        "use std::net::{Ipv4Addr, Ipv6Addr};",
        "#[cfg(test)]\nmod tests { use std::fs; }",
    ] {
        assert_eq!(impurities(source), [""; 0], "{source}");
    }
}

#[test]
fn packages_are_refused_by_name_or_by_beginning() {
    for refused in [
        "serde",
        "serde_json",
        "tokio-util",
        "rand_core",
        "getrandom",
    ] {
        assert!(is_never(refused), "{refused}");
    }
    for welcome in ["sha2", "typenum", "cpufeatures", "getrandom-not", "uuid"] {
        assert!(!is_never(welcome), "{welcome}");
    }
}
