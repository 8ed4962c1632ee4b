//! The document itself, written as JSON by hand: it has one shape, and no crate is needed for that.

use super::lock::Lock;
use super::tree::{Graph, Node, Package};
use std::collections::BTreeSet;

/// Everything that the document tells.
pub(super) struct Document {
    pub(super) binary: &'static str,
    pub(super) host: String,
    pub(super) all: Graph,
    pub(super) shipped: BTreeSet<Package>,
    pub(super) lock: Lock,
    /// The version of the SQLite that is compiled in.
    pub(super) sqlite: Option<String>,
}

impl Document {
    /// How many components there are beside the binary.
    pub(super) fn len(&self) -> usize {
        self.others().count() + usize::from(self.sqlite.is_some())
    }

    fn others(&self) -> impl Iterator<Item = (&Package, &Node)> {
        let root = &self.all.root;
        self.all
            .nodes
            .iter()
            .filter(move |(package, _)| *package != root)
    }

    /// Fails where the lock file does not vouch for a package: half an inventory is worse than none.
    pub(super) fn render(&self) -> Result<String, String> {
        let mut components = Vec::new();
        for (package, node) in self.others() {
            components.push(self.component(package, node)?);
        }
        components.extend(self.sqlite.as_deref().map(sqlite));
        let mut dependencies: Vec<String> = self
            .all
            .nodes
            .iter()
            .map(|(package, node)| self.dependency(package, node))
            .collect();
        dependencies.extend(
            self.sqlite
                .as_deref()
                .map(|version| object(&[("ref", text(&sqlite_reference(version)))])),
        );
        let root = &self.all.root;
        let licence = self
            .all
            .nodes
            .get(root)
            .map_or("", |node| node.licence.as_str());
        let binary = object(&[
            ("type", text("application")),
            ("bom-ref", text(&root.reference())),
            ("name", text(self.binary)),
            ("version", text(&root.version)),
            ("licenses", licences(licence)),
        ]);
        let host = object(&[("name", text("kms:target")), ("value", text(&self.host))]);
        let document = object(&[
            ("bomFormat", text("CycloneDX")),
            ("specVersion", text("1.5")),
            ("version", "1".to_owned()),
            (
                "metadata",
                object(&[("component", binary), ("properties", list(&[host]))]),
            ),
            ("components", list(&components)),
            ("dependencies", list(&dependencies)),
        ]);
        Ok(document + "\n")
    }

    fn component(&self, package: &Package, node: &Node) -> Result<String, String> {
        let reference = package.reference();
        let locked = self
            .lock
            .get(package)
            .ok_or_else(|| format!("{reference} is not in Cargo.lock"))?;
        let scope = if self.shipped.contains(package) {
            "required"
        } else {
            "excluded"
        };
        let mut members = vec![
            ("type", text("library")),
            ("bom-ref", text(&reference)),
            ("name", text(&package.name)),
            ("version", text(&package.version)),
            ("scope", text(scope)),
        ];
        // Ours are on no registry, where the same name may be somebody else's.
        if locked.is_foreign {
            let sha256 = locked
                .sha256
                .as_deref()
                .ok_or_else(|| format!("{reference} has no checksum in Cargo.lock"))?;
            let hash = object(&[("alg", text("SHA-256")), ("content", text(sha256))]);
            members.push(("hashes", list(&[hash])));
        }
        members.push(("licenses", licences(&node.licence)));
        if locked.is_foreign {
            members.push(("purl", text(&purl(package))));
        }
        Ok(object(&members))
    }

    fn dependency(&self, package: &Package, node: &Node) -> String {
        let mut needs: Vec<String> = node
            .needs
            .iter()
            .map(|need| text(&need.reference()))
            .collect();
        if let Some(version) = self
            .sqlite
            .as_deref()
            .filter(|_| package.name == super::SQLITE_CRATE)
        {
            needs.push(text(&sqlite_reference(version)));
        }
        object(&[
            ("ref", text(&package.reference())),
            ("dependsOn", list(&needs)),
        ])
    }
}

/// What scanners know SQLite by is its CPE.
fn sqlite(version: &str) -> String {
    object(&[
        ("type", text("library")),
        ("bom-ref", text(&sqlite_reference(version))),
        ("name", text("sqlite")),
        ("version", text(version)),
        ("scope", text("required")),
        ("licenses", licences("blessing")),
        (
            "cpe",
            text(&format!("cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*")),
        ),
        ("purl", text(&format!("pkg:generic/sqlite@{version}"))),
    ])
}

fn sqlite_reference(version: &str) -> String {
    format!("sqlite@{version}")
}

/// A package URL has the plus of a version escaped.
fn purl(package: &Package) -> String {
    let version = package.version.replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", package.name)
}

fn licences(expression: &str) -> String {
    if expression.is_empty() {
        return list(&[]);
    }
    list(&[object(&[("expression", text(expression))])])
}

fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", text(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// An element a line, so that two documents can be compared.
fn list(elements: &[String]) -> String {
    match elements {
        [] => "[]".to_owned(),
        [only] => format!("[{only}]"),
        several => format!("[\n{}\n]", several.join(",\n")),
    }
}

fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
