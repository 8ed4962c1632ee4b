//! `Cargo.lock`: where each package comes from, and the SHA-256 of what is downloaded.

use super::tree::Package;
use std::collections::BTreeMap;

/// What the lock file says of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locked {
    /// Packages of this repository have no source.
    pub(super) is_foreign: bool,
    pub(super) sha256: Option<String>,
}

#[derive(Debug)]
pub(super) struct Lock(BTreeMap<Package, Locked>);

impl Lock {
    /// Cargo writes the file itself, one `key = "value"` a line, so this is all that is needed to read it.
    pub(super) fn parse(text: &str) -> Self {
        let mut packages = BTreeMap::new();
        for block in text.split("[[package]]").skip(1) {
            let value = |key: &str| {
                block.lines().find_map(|line| {
                    let (found, value) = line.split_once(" = ")?;
                    (found == key).then(|| value.trim_matches('"').to_owned())
                })
            };
            if let (Some(name), Some(version)) = (value("name"), value("version")) {
                let locked = Locked {
                    is_foreign: value("source").is_some(),
                    sha256: value("checksum"),
                };
                packages.insert(Package { name, version }, locked);
            }
        }
        Self(packages)
    }

    pub(super) fn get(&self, package: &Package) -> Option<&Locked> {
        self.0.get(package)
    }
}
