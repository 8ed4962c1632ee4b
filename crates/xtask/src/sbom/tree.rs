//! What Cargo tells: `cargo tree` with `--prefix depth`, and two texts that are looked for in longer ones.

use std::collections::{BTreeMap, BTreeSet};

/// A package in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
}

impl Package {
    /// Unique in a document, and the same in every run.
    pub(super) fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// What is known of a package beside its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// As an SPDX expression; empty if its manifest names none.
    pub(super) licence: String,
    pub(super) needs: BTreeSet<Package>,
}

/// Who needs whom. The root is the package that was asked for.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) root: Package,
    pub(super) nodes: BTreeMap<Package, Node>,
}

impl Graph {
    /// Reads lines such as `2serde v1.0.229|MIT OR Apache-2.0 (*)`: depth, package, licence, and a mark where what is
    /// below stands elsewhere.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut nodes: BTreeMap<Package, Node> = BTreeMap::new();
        let mut above: Vec<Package> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (depth, package, licence) =
                read_line(line).ok_or_else(|| format!("`cargo tree` said `{line}`"))?;
            above.truncate(depth);
            if above.len() != depth {
                return Err(format!("`cargo tree` skipped a level at `{line}`"));
            }
            if let Some(parent) = above.last().and_then(|parent| nodes.get_mut(parent)) {
                parent.needs.insert(package.clone());
            }
            nodes.entry(package.clone()).or_default().licence = licence;
            above.push(package);
        }
        let root = above
            .into_iter()
            .next()
            .ok_or_else(|| "`cargo tree` said nothing".to_owned())?;
        Ok(Self { root, nodes })
    }

    pub(super) fn packages(&self) -> BTreeSet<Package> {
        self.nodes.keys().cloned().collect()
    }

    pub(super) fn package(&self, name: &str) -> Option<&Package> {
        self.nodes.keys().find(|package| package.name == name)
    }
}

fn read_line(line: &str) -> Option<(usize, Package, String)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (depth, rest) = line.split_at_checked(digits)?;
    let (package, licence) = rest.rsplit_once('|')?;
    let mut words = package.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    let licence = licence.strip_suffix(" (*)").unwrap_or(licence);
    Some((
        depth.parse().ok()?,
        Package { name, version },
        spdx(licence),
    ))
}

/// Cargo took a slash for "or" before it took SPDX expressions, and old crates still have it.
fn spdx(licence: &str) -> String {
    let choices: Vec<_> = licence.split('/').map(str::trim).collect();
    choices.join(" OR ")
}

/// The first string of a JSON text that ends so. Escapes do not occur in what is looked for here.
pub(super) fn text_ending_in<'a>(json: &'a str, end: &str) -> Option<&'a str> {
    json.split('"').find(|text| text.ends_with(end))
}

/// `#define SQLITE_VERSION "3.53.0"` of `sqlite3.h`.
pub(super) fn sqlite_version(header: &str) -> Option<String> {
    let value = header
        .lines()
        .find_map(|line| line.strip_prefix("#define SQLITE_VERSION "))?;
    Some(value.trim().trim_matches('"').to_owned())
}
