//! The dependency rule: `api → domain`, `infra → domain`, `testkit → domain`, and nothing the other way.

use super::Finding;
use super::code;
use super::manifest::{self, Kind};
use super::tree::Tree;

/// What a crate may depend on.
struct Ring {
    name: &'static str,
    /// Crates of ours, apart from kms-testkit, which every crate but itself may use in tests.
    own: &'static [&'static str],
    /// Crates of others; `None` leaves the choice to the review.
    foreign: Option<&'static [&'static str]>,
}

const RINGS: &[Ring] = &[
    Ring {
        name: "kms-domain",
        own: &[],
        foreign: Some(&["fast-md5", "md5", "sha2", "thiserror", "uuid"]),
    },
    Ring {
        name: "kms-infra",
        own: &["kms-domain"],
        foreign: None,
    },
    Ring {
        name: "kms-testkit",
        own: &["kms-domain"],
        foreign: None,
    },
    Ring {
        name: "kms-api",
        own: &["kms-domain", "kms-infra"],
        foreign: None,
    },
    Ring {
        name: "xtask",
        own: &[],
        foreign: Some(&[]),
    },
];

const TESTKIT: &str = "kms-testkit";

/// Words that start with one of these name a framework, and the domain has none.
const FRAMEWORKS: [&str; 4] = ["actix", "diesel", "serde", "tokio"];
/// Modules of std that reach outside the process.
const OUTSIDE: [&str; 3] = ["env", "fs", "net"];

/// Checks what each manifest depends on.
pub(super) fn crates_depend_inwards(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.manifests() {
        let name = manifest::package_name(file).unwrap_or_default();
        let Some(ring) = RINGS.iter().find(|ring| ring.name == name) else {
            findings.push(file.finding(
                1,
                format!(
                    "`{name}` has no ring yet: say in xtask's tidy/rings.rs what it may depend on"
                ),
            ));
            continue;
        };
        for dependency in manifest::dependencies(file) {
            let wanted = dependency.name.as_str();
            let allowed = if RINGS.iter().any(|other| other.name == wanted) {
                ring.own.contains(&wanted)
                    || (wanted == TESTKIT && dependency.kind == Kind::Dev && name != TESTKIT)
            } else {
                dependency.kind == Kind::Dev
                    || ring.foreign.is_none_or(|allowed| allowed.contains(&wanted))
            };
            if !allowed {
                findings.push(file.finding(
                    dependency.line,
                    format!("`{name}` must not depend on `{wanted}`"),
                ));
            }
        }
    }
    findings
}

/// Everything else reaches an adapter through its port.
pub(super) fn only_wiring_names_infra(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust_files().filter(|file| !may_name_infra(&file.path)) {
        let code = code::without_prose(&file.text);
        let named = code::identifiers(&code).filter(|(_, word)| *word == "kms_infra");
        findings.extend(named.map(|(line, _)| {
            file.finding(
                line,
                "only main.rs and wiring of kms-api may name `kms_infra`",
            )
        }));
    }
    findings
}

fn may_name_infra(path: &str) -> bool {
    path.starts_with("crates/infra/")
        || matches!(path, "crates/api/src/main.rs" | "crates/api/src/wiring.rs")
        || path.starts_with("crates/api/src/wiring/")
}

/// Every rule must hold from a command line as well as over HTTP, and with a time and a disk that a test has chosen.
pub(super) fn domain_is_pure(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree
        .rust_files()
        .filter(|file| file.path.starts_with("crates/domain/") && !code::is_test_path(&file.path));
    for file in sources {
        let code = code::without_tests(&code::without_prose(&file.text));
        for (line, word) in code::identifiers(&code) {
            if word == "SystemTime"
                || FRAMEWORKS
                    .iter()
                    .any(|framework| word.starts_with(framework))
            {
                findings.push(file.finding(line, format!("the domain must not mention `{word}`")));
            }
        }
        for (line, module) in code::std_modules(&code)
            .into_iter()
            .filter(|(_, module)| OUTSIDE.contains(&module.as_str()))
        {
            findings
                .push(file.finding(line, format!("the domain must not mention `std::{module}`")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest_findings(name: &str, dependencies: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{name}\"\n{dependencies}");
        let tree = Tree::of(&[("crates/some/Cargo.toml", &text)]);
        crates_depend_inwards(&tree)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn the_rings_as_designed_are_clean() {
        for (name, dependencies) in [
            (
                "kms-api",
                "[dependencies]\nactix-web.workspace = true\nkms-domain.workspace = true\nkms-infra.workspace = true\n",
            ),
            (
                "kms-infra",
                "[dependencies]\nkms-domain.workspace = true\n[dev-dependencies]\nkms-testkit.workspace = true\n",
            ),
            (
                "kms-testkit",
                "[dependencies]\nkms-domain.workspace = true\n",
            ),
            (
                "kms-domain",
                "[dependencies]\nfast-md5 = { workspace = true, optional = true }\n[dev-dependencies]\nmockall.workspace = true\n",
            ),
            ("xtask", "[lints]\nworkspace = true\n"),
        ] {
            assert_eq!(
                manifest_findings(name, dependencies),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_dependency_outwards_is_found() {
        for (name, wanted) in [
            ("kms-domain", "kms-infra"),
            ("kms-domain", "serde"),
            ("kms-infra", "kms-api"),
            ("kms-infra", "kms-testkit"),
            ("kms-testkit", "kms-infra"),
            ("kms-api", "kms-testkit"),
            ("xtask", "serde"),
        ] {
            let found = manifest_findings(
                name,
                &format!("[dependencies]\n{wanted}.workspace = true\n"),
            );
            assert_eq!(found, [format!("`{name}` must not depend on `{wanted}`")]);
        }
    }

    #[test]
    fn a_test_may_not_reach_outwards_either() {
        assert_eq!(
            manifest_findings(
                "kms-infra",
                "[dev-dependencies]\nkms-api.workspace = true\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_crate_without_a_ring_is_found() {
        assert_eq!(manifest_findings("kms-new", "").len(), 1);
    }

    #[test]
    fn infra_is_named_by_the_wiring_only() {
        let source = "//! Unlike kms_infra.\nuse kms_infra::Pool;\nlet name = \"kms_infra\";\n";
        let tree = Tree::of(&[
            ("crates/api/src/main.rs", source),
            ("crates/api/src/wiring.rs", source),
            ("crates/api/src/wiring/stores.rs", source),
            ("crates/infra/tests/contract.rs", source),
            ("crates/api/src/routes/upload.rs", source),
            ("crates/api/src/wiring_too.rs", source),
        ]);
        let found: Vec<_> = only_wiring_names_infra(&tree)
            .into_iter()
            .map(|finding| (finding.path, finding.line))
            .collect();
        assert_eq!(
            found,
            [
                ("crates/api/src/routes/upload.rs".to_owned(), 2),
                ("crates/api/src/wiring_too.rs".to_owned(), 2)
            ]
        );
    }

    #[test]
    fn the_domain_may_not_name_the_outside() {
        let tree = Tree::of(&[
            (
                "crates/domain/src/a.rs",
                "use serde_json::Value;\nuse std::{fs, io};\nuse std::time::SystemTime;\nuse std::net;\n",
            ),
            (
                "crates/domain/src/b.rs",
                "//! No tokio.\nuse std::io::Read;\n#[cfg(test)]\nmod tests { use std::env; }\n",
            ),
            ("crates/domain/src/a/tests.rs", "use std::fs;\n"),
            ("crates/api/src/a.rs", "use serde::Serialize;\n"),
        ]);
        let found: Vec<_> = domain_is_pure(&tree)
            .into_iter()
            .map(|finding| (finding.path, finding.line))
            .collect();
        let expected = [1, 3, 2, 4].map(|line| ("crates/domain/src/a.rs".to_owned(), line));
        assert_eq!(found, expected);
    }
}
