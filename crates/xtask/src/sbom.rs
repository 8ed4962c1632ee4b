//! `cargo xtask sbom`: what is in the release binary, as a CycloneDX 1.5 document in `target/sbom.cdx.json`.
//!
//! The components are what Cargo resolves for this machine's platform and the default features, as a release build has
//! them: no dependency of tests or benchmarks. What only the build needs (procedural macros and build scripts) is listed
//! with the scope `excluded`. The document holds no time and no path, so two runs over one `Cargo.lock` are equal.

mod document;
mod lock;
#[cfg(test)]
mod tests;
mod tree;

use crate::{Failure, Outcome, no_arguments, process};
use document::Document;
use lock::Lock;
use std::path::Path;
use tree::Graph;

/// The package of the binary.
const PACKAGE: &str = "kms-api";
const BINARY: &str = "kms-server";
const WRITTEN: &str = "target/sbom.cdx.json";
/// Compiles SQLite in, which Cargo knows nothing of.
const SQLITE_CRATE: &str = "libsqlite3-sys";
/// Everything that takes part in the build, and what of it ends up in the binary.
const EVERYTHING: &str = "normal,build";
const SHIPPED: &str = "normal,no-proc-macro";

/// Writes the document and says where it is.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    no_arguments(args)?;
    let root = process::root()?;
    let lock_text = std::fs::read_to_string(root.join("Cargo.lock"))
        .map_err(|error| Failure::Failed(format!("cannot read Cargo.lock: {error}")))?;
    let all = tree(&root, EVERYTHING)?;
    let document = Document {
        binary: BINARY,
        host: host(&root)?,
        shipped: tree(&root, SHIPPED)?.packages(),
        sqlite: sqlite(&root, &all)?,
        all,
        lock: Lock::parse(&lock_text),
    };
    let text = document.render().map_err(Failure::Failed)?;
    let path = root.join(WRITTEN);
    // A target folder elsewhere leaves none here.
    std::fs::create_dir_all(root.join("target"))
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|error| Failure::Failed(format!("cannot write {WRITTEN}: {error}")))?;
    println!("sbom: {} components in {WRITTEN}", document.len());
    Ok(Outcome::Done)
}

fn tree(root: &Path, edges: &str) -> Result<Graph, Failure> {
    let text = output(
        root,
        &[
            "tree", "--locked", "-p", PACKAGE, "-e", edges, "--prefix", "depth", "-f", "{p}|{l}",
        ],
    )?;
    Graph::parse(&text).map_err(Failure::Failed)
}

/// The platform that the document holds for.
fn host(root: &Path) -> Result<String, Failure> {
    let text = output(root, &["-vV"])?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::Failed("cargo does not tell its host".to_owned()))
}

/// The version of the SQLite that is compiled in, from the header in the crate that brings it.
fn sqlite(root: &Path, all: &Graph) -> Result<Option<String>, Failure> {
    let Some(package) = all.package(SQLITE_CRATE) else {
        return Ok(None);
    };
    let metadata = output(root, &["metadata", "--locked", "--format-version", "1"])?;
    let manifest = format!("{SQLITE_CRATE}-{}/Cargo.toml", package.version);
    let version = tree::text_ending_in(&metadata, &manifest)
        .and_then(|path| Path::new(path).parent())
        .and_then(|folder| std::fs::read_to_string(folder.join("sqlite3/sqlite3.h")).ok())
        .and_then(|header| tree::sqlite_version(&header));
    match version {
        Some(version) => Ok(Some(version)),
        None => Err(Failure::Failed(format!(
            "{SQLITE_CRATE} does not tell which SQLite it brings"
        ))),
    }
}

fn output(root: &Path, args: &[&str]) -> Result<String, Failure> {
    let shown = format!("cargo {}", args.join(" "));
    let output = process::cargo(root)
        .args(args)
        .output()
        .map_err(|error| Failure::Failed(format!("`{shown}` could not be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::Failed(format!(
            "`{shown}` failed: {}",
            said.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
