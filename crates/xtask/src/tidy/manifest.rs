//! Rules about the members' `Cargo.toml`, and the small part of TOML that they need.

use super::Finding;
use super::tree::{File, Tree};

const FUZZ: &str = "fuzz/Cargo.toml";
const FORBIDDEN: &str = "unsafe_code = \"forbid\"";

/// For whom a dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One dependency as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) from_workspace: bool,
}

/// All dependencies of a manifest, those for some targets only included.
pub(super) fn dependencies(manifest: &File) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut section = Section::Other;
    for (line, text) in manifest.lines() {
        let text = without_comment(text).trim();
        if let Some(header) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = Section::of(header);
            if let Section::One(kind, name) = &section {
                found.push(Dependency {
                    line,
                    name: name.clone(),
                    kind: *kind,
                    from_workspace: false,
                });
            }
            continue;
        }
        let Some((key, value)) = text.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match &section {
            Section::Other => {}
            Section::One(..) => {
                if let Some(last) = found
                    .last_mut()
                    .filter(|_| key == "workspace" && value == "true")
                {
                    last.from_workspace = true;
                }
            }
            Section::Table(kind) => {
                let (name, attribute) = key.split_once('.').unwrap_or((key, ""));
                let name = name.trim_matches('"');
                let from_workspace =
                    (attribute == "workspace" && value == "true") || says_workspace(value);
                match found.iter_mut().find(|known| {
                    known.name == name && known.kind == *kind && !attribute.is_empty()
                }) {
                    Some(known) => known.from_workspace |= from_workspace,
                    None => found.push(Dependency {
                        line,
                        name: name.to_owned(),
                        kind: *kind,
                        from_workspace,
                    }),
                }
            }
        }
    }
    found
}

/// The name of a member is its package name.
pub(super) fn package_name(manifest: &File) -> Option<&str> {
    manifest.text.lines().find_map(|line| {
        let (key, value) = without_comment(line).split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"'))
    })
}

/// Versions and features are decided in one place, with the reason beside them.
pub(super) fn dependencies_come_from_the_workspace(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        for dependency in dependencies(manifest)
            .iter()
            .filter(|dependency| !dependency.from_workspace)
        {
            let message = format!(
                "{} must say `workspace = true`; its version belongs in the root manifest",
                dependency.name
            );
            findings.push(manifest.finding(dependency.line, message));
        }
    }
    findings
}

/// That is where `unsafe` is forbidden and panics are denied.
pub(super) fn crates_inherit_the_lints(tree: &Tree) -> Vec<Finding> {
    let inherits = |manifest: &File| {
        let after = manifest
            .lines()
            .skip_while(|(_, line)| line.trim() != "[lints]")
            .skip(1);
        after
            .take_while(|(_, line)| !line.starts_with('['))
            .any(|(_, line)| says_workspace(line))
    };
    let without = tree.manifests().filter(|manifest| !inherits(manifest));
    let mut findings: Vec<_> = without
        .map(|manifest| manifest.finding(1, "has no `[lints]` with `workspace = true`"))
        .collect();
    // A workspace of its own, so there is nothing to inherit.
    let fuzz = tree.files.iter().find(|file| file.path == FUZZ);
    findings.extend(
        fuzz.filter(|manifest| !manifest.lines().any(|(_, line)| line == FORBIDDEN))
            .map(|manifest| manifest.finding(1, format!("must say `{FORBIDDEN}`"))),
    );
    findings
}

fn says_workspace(text: &str) -> bool {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    dense
        .split(['{', ',', '}'])
        .any(|part| part == "workspace=true")
}

fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '#' if !in_string => return line.get(..at).unwrap_or(line),
            _ => {}
        }
    }
    line
}

enum Section {
    /// `[dependencies]`: a dependency a line.
    Table(Kind),
    /// `[dependencies.name]`: one dependency, an attribute a line.
    One(Kind, String),
    Other,
}

impl Section {
    fn of(header: &str) -> Self {
        const TABLES: [(&str, Kind); 3] = [
            ("dev-dependencies", Kind::Dev),
            ("build-dependencies", Kind::Build),
            ("dependencies", Kind::Normal),
        ];
        for (table, kind) in TABLES {
            if header == table
                || header
                    .strip_suffix(table)
                    .is_some_and(|before| before.starts_with("target.") && before.ends_with('.'))
            {
                return Self::Table(kind);
            }
            let name = match header.split_once(&format!("{table}.")) {
                Some(("", name)) => Some(name),
                Some((before, name)) if before.starts_with("target.") && before.ends_with('.') => {
                    Some(name)
                }
                _ => None,
            };
            if let Some(name) = name {
                return Self::One(kind, name.trim_matches('"').to_owned());
            }
        }
        Self::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"[package]
name = "kms-some" # not "another"

[dependencies]
md5.workspace = true
sha2 = { workspace = true, features = ["x"] }
uuid = "1" # workspace = true
thiserror.features = ["std"]
thiserror.workspace = true

[target.'cfg(unix)'.dependencies]
rustix = { version = "1" }

[dev-dependencies]
mockall = { workspace=true }

[dependencies.bytes]
workspace = true

[build-dependencies.cc]
version = "1"

[lints]
workspace = true
"#;

    fn found() -> Vec<(usize, String, Kind, bool)> {
        let tree = Tree::of(&[("crates/some/Cargo.toml", MANIFEST)]);
        let manifest = tree.manifests().next().expect("a manifest");
        assert_eq!(package_name(manifest), Some("kms-some"));
        dependencies(manifest)
            .into_iter()
            .map(|d| (d.line, d.name, d.kind, d.from_workspace))
            .collect()
    }

    #[test]
    fn every_way_to_name_a_dependency_is_understood() {
        let expected = [
            (5, "md5", Kind::Normal, true),
            (6, "sha2", Kind::Normal, true),
            (7, "uuid", Kind::Normal, false),
            (8, "thiserror", Kind::Normal, true),
            (12, "rustix", Kind::Normal, false),
            (15, "mockall", Kind::Dev, true),
            (17, "bytes", Kind::Normal, true),
            (20, "cc", Kind::Build, false),
        ];
        assert_eq!(
            found(),
            expected.map(|(line, name, kind, workspace)| (line, name.to_owned(), kind, workspace))
        );
    }

    #[test]
    fn a_version_of_its_own_is_found() {
        let lines: Vec<_> = dependencies_come_from_the_workspace(&Tree::of(&[(
            "crates/some/Cargo.toml",
            MANIFEST,
        )]))
        .into_iter()
        .map(|finding| finding.line)
        .collect();
        assert_eq!(lines, [7, 12, 20]);
    }

    #[test]
    fn lints_must_be_inherited() {
        let with = Tree::of(&[("crates/some/Cargo.toml", MANIFEST)]);
        let without = Tree::of(&[(
            "crates/some/Cargo.toml",
            "[lints]\n[dependencies]\nx = { workspace = true }\n",
        )]);
        assert_eq!(crates_inherit_the_lints(&with), []);
        assert_eq!(crates_inherit_the_lints(&without).len(), 1);
    }
    #[test]
    fn the_fuzz_targets_forbid_unsafe_themselves() {
        let fuzz = |text| crates_inherit_the_lints(&Tree::of(&[(FUZZ, text)]));
        assert_eq!(fuzz("[lints.rust]\nunsafe_code = \"forbid\"\n"), []);
        assert_eq!(fuzz("[lints.rust]\nunsafe_code = \"warn\"\n").len(), 1);
    }
}
