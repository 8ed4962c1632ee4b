//! The fuzz targets, in `fuzz/fuzz_targets` each a call of one of these. `cargo test` runs them too, over the
//! inputs that are stored in `fuzz/corpus`, without a fuzzer. Only in builds for tests.
//!
//! **Adding a target.** A function here with its row in [`TARGETS`], a file of that name in `fuzz/fuzz_targets`
//! with its `[[bin]]`, a few inputs in a folder of that name in `fuzz/corpus`, and the name in `cargo xtask fuzz`.
//! One that needs what only tests of this crate have is `#[cfg(test)]` in the table.
#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a panic is how a target tells of a difference"
)]

use crate::inprocess::plain::{self, readers};
use crate::intake::reference::{check_base64, check_form, check_json, check_multipart};

/// What a target does with an input. It panics if something is wrong.
pub type Target = fn(&[u8]);

/// Every target under the name of its file and of its folder of inputs.
pub const TARGETS: &[(&str, Target)] = &[
    ("base64", base64),
    ("form", form),
    ("headers", headers),
    ("json", json),
    ("multipart", multipart),
    ("range", range),
    // Its model needs the adapters of kms-testkit, on which the library cannot depend.
    #[cfg(test)]
    ("request", crate::inprocess::model::run),
];

/// See [`check_base64`].
pub fn base64(input: &[u8]) {
    cut(input, check_base64);
}

/// See [`check_form`].
pub fn form(input: &[u8]) {
    cut(input, check_form);
}

/// See [`check_json`].
pub fn json(input: &[u8]) {
    cut(input, check_json);
}

/// See [`check_multipart`].
pub fn multipart(input: &[u8]) {
    cut(input, check_multipart);
}

/// `If-Match` and its like, `Authorization` and `Content-Disposition`, beside plainer readers.
pub fn headers(input: &[u8]) {
    assert_eq!(readers::tags(input), plain::tags(input), "{input:?}");
    for text in [input, &[b"bearer ", input].concat()] {
        assert_eq!(readers::bearer_of(text), plain::bearer(text), "{text:?}");
    }
    let title = String::from_utf8_lossy(input);
    let value = readers::attachment(&title);
    assert!(
        value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{value}"
    );
    assert_eq!(value.matches('"').count(), 2, "{value}");
    assert!(!value.contains(['\\', '/']), "{value}");
}

/// `Range` as the server reads it and as a plainer reader does. The first eight bytes are the size of a content,
/// of which the second says how many count.
pub fn range(input: &[u8]) {
    let Some((head, value)) = input.split_first_chunk::<8>() else {
        return;
    };
    let size = u64::from_le_bytes(*head) >> (head[1] % 64);
    for text in [value, &[b"bytes=", value].concat()] {
        let found = readers::range(text, size);
        assert_eq!(found, plain::range(text, size), "{text:?} of {size}");
        if let Some(Some((start, length))) = found {
            let end = start.checked_add(length);
            assert!(length > 0 && end.is_some_and(|end| end <= size));
        }
    }
}

/// The first two bytes say how the rest, which is the body, is cut.
fn cut(input: &[u8], check: fn(&[u8], &[usize])) {
    if let [one, other, body @ ..] = input {
        check(body, &[usize::from(*one % 64) + 1, usize::from(*other) + 1]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::{Path, PathBuf};

    use super::*;

    fn fuzz() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
    }

    /// The paths in a folder; none if it is not there.
    fn paths(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn names(folder: &str) -> BTreeSet<String> {
        let paths = paths(&fuzz().join(folder));
        let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        paths.iter().map(name).collect()
    }

    #[test]
    fn every_fuzz_target_is_in_the_table_and_has_inputs() {
        let table: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names("fuzz_targets"), table);
        assert_eq!(names("corpus"), table);
        for (name, _) in TARGETS {
            let source = fuzz().join("fuzz_targets").join(name).with_extension("rs");
            let source = fs::read_to_string(source).unwrap();
            let calls_it = source.contains(&format!("kms_api::fuzzing::{name}(input)"));
            // The library has nothing of what only its tests have, so such a target compiles the file again.
            let compiles_it = source.contains("#[path = \"../../crates/api/src/");
            assert!(calls_it || compiles_it, "{name} runs something else");
        }
    }

    #[test]
    fn every_stored_input_passes_its_fuzz_target() {
        let mut failed = Vec::new();
        for (name, target) in TARGETS {
            let inputs = paths(&fuzz().join("corpus").join(name));
            assert!(!inputs.is_empty(), "fuzz/corpus/{name} has no inputs");
            for path in inputs {
                let input = fs::read(&path).unwrap();
                assert!(input.len() > 2, "{} holds nothing", path.display());
                if catch_unwind(|| target(&input)).is_err() {
                    failed.push(path);
                }
            }
        }
        assert!(failed.is_empty(), "{failed:?}");
    }
}
