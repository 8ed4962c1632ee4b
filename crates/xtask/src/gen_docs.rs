//! `cargo xtask gen-docs`: documents that are made from code.
//!
//! There is one, `docs/RESPONSE-CODES.md`. The table it is made from lives in kms-domain, and so does the test that
//! compares the two; with `KMS_BLESS=1` that test rewrites the document instead. This command only starts it, so that
//! it needs no dependency on the domain.

use crate::{Failure, Outcome, process};

const TEST: &str = "response_codes_document_is_current";
const SHOWN: &str = "cargo test -p kms-domain --locked response_codes_document";

/// Rewrites the document, or with `--check` fails when it differs from the table.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let check = match args {
        [] => false,
        [only] if only == "--check" => true,
        _ => return Err(Failure::Usage("knows only `--check`".to_owned())),
    };
    let root = process::root()?;
    let mut command = process::cargo(&root);
    command.args([
        "test",
        "-p",
        "kms-domain",
        "--locked",
        "response_codes_document",
    ]);
    if !check {
        command.env("KMS_BLESS", "1");
    }
    let output = command
        .output()
        .map_err(|error| Failure::Failed(format!("`{SHOWN}` could not be started: {error}")))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{stdout}");
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        let advice = if check {
            "; if the table is right, `cargo xtask gen-docs` rewrites the document"
        } else {
            ""
        };
        return Err(Failure::Failed(format!("`{SHOWN}` failed{advice}")));
    }
    if !passed(&stdout) {
        return Err(Failure::Failed(format!(
            "`{SHOWN}` ran no test named {TEST}, so nothing was compared"
        )));
    }
    println!(
        "docs/RESPONSE-CODES.md {}",
        if check {
            "is current"
        } else {
            "is written from the table"
        }
    );
    Ok(Outcome::Done)
}

/// A filter that matches no test is no error to cargo, so the test's own line is looked for.
fn passed(stdout: &str) -> bool {
    stdout.lines().any(|line| {
        line.starts_with("test ") && line.contains(TEST) && line.trim_end().ends_with("ok")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_the_test_does_not_count_as_passed() {
        assert!(!passed(
            "running 0 tests\n\ntest result: ok. 0 passed; 0 failed\n"
        ));
    }

    #[test]
    fn a_passed_test_in_any_module_counts() {
        assert!(passed(
            "running 1 test\ntest codes::tests::response_codes_document_is_current ... ok\n"
        ));
    }

    #[test]
    fn an_unknown_argument_is_a_usage_error() {
        assert!(matches!(
            run(&["--chekc".to_owned()]),
            Err(Failure::Usage(_))
        ));
    }
}
