//! `cargo xtask conformance`: somebody else's reading of the OpenAPI document, against a running server.
//!
//! schemathesis makes requests of what the document says and of what it forbids, and finds every answer that the document
//! does not know. It is a Python program: it is installed into a folder below `target/`, in the one version that is named
//! here. What it is told beside the document stands in `tests/conformance`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::{Failure, Outcome, process};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Examples for each operation; more take longer and look deeper.
const EXAMPLES: &str = "50";

/// Runs schemathesis; `--seed N` repeats a run, `--examples N` makes it shorter or longer.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let mut options = vec!["--max-examples", EXAMPLES];
    let mut rest = args.iter().map(String::as_str);
    while let Some(flag) = rest.next() {
        let known = match flag {
            "--seed" => "--seed",
            "--examples" => "--max-examples",
            _ => return Err(Failure::Usage(format!("does not know `{flag}`"))),
        };
        let number = rest.next().filter(|text| text.parse::<u64>().is_ok());
        let number = number.ok_or_else(|| Failure::Usage(format!("`{flag}` takes a number")))?;
        options.extend([known, number]);
    }
    let root = process::root()?;
    let program = install(&root)?;
    let mut build = process::cargo(&root);
    build.args(["build", "--locked", "-p", "kms-api"]);
    process::run(&mut build, "cargo build -p kms-api")?;
    let folder = root.join("target/conformance");
    let data = folder.join("data");
    if data.exists() {
        std::fs::remove_dir_all(&data).map_err(|error| failed("the data folder stays", &error))?;
    }
    let server = Server::start(&root, &data)?;
    let settings = root.join("tests/conformance");
    let mut schemathesis = process::program(&program, &folder);
    schemathesis
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .args(["run", "--no-color"])
        .args(options)
        .arg(format!("{}/api/openapi.json", server.url))
        .env("KMS_URL", &server.url)
        .env("PYTHONPATH", &settings)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "sessions");
    process::run(&mut schemathesis, "schemathesis run")?;
    Ok(Outcome::Done)
}

/// The program, in an environment of its own below `target/`.
fn install(root: &Path) -> Result<PathBuf, Failure> {
    let folder = root.join("target/conformance/python");
    let python = folder.join("bin/python");
    if !python.exists() {
        let mut make = process::program("python3", root);
        make.args(["-m", "venv"]).arg(&folder);
        process::run(&mut make, "python3 -m venv").map_err(|failure| {
            advised(
                &failure,
                "it needs python3 with venv (Debian: python3-venv)",
            )
        })?;
    }
    let mut install = process::program(&python, root);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    install.arg(SCHEMATHESIS);
    process::run(&mut install, "pip install schemathesis").map_err(|failure| {
        advised(
            &failure,
            "it needs pip and a registry of Python packages that can be reached",
        )
    })?;
    Ok(folder.join("bin/schemathesis"))
}

fn advised(failure: &Failure, advice: &str) -> Failure {
    let (Failure::Usage(message) | Failure::Failed(message)) = failure;
    Failure::Failed(format!("{message}; {advice}"))
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{what}: {error}"))
}

/// The server under test. It goes with this value.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// As it comes, but that nobody has to wait and passwords are hashed as cheaply as may be.
    fn start(root: &Path, data: &Path) -> Result<Self, Failure> {
        let mut command = process::program(root.join("target/debug/kms-server"), root);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"KMS_") {
                command.env_remove(name);
            }
        }
        command
            .env("KMS_DATA_DIR", data)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--throttle",
                "off",
                "--log",
                "warn",
            ])
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| failed("the server could not be started", &error))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|error| failed("the server says nothing", &error))?;
        }
        match address(&line) {
            Some(url) => Ok(Self {
                child,
                url: url.to_owned(),
            }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::Failed(format!("no address in `{}`", line.trim())))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the server says that it listens.
fn address(line: &str) -> Option<&str> {
    let at = line.find("http://")?;
    line.get(at..)?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_the_server_says() {
        let line = "KMS Server 0.1.0 listens on http://127.0.0.1:41235\n";
        assert_eq!(address(line), Some("http://127.0.0.1:41235"));
        assert_eq!(address("cannot listen"), None);
    }

    #[test]
    fn what_is_no_number_is_a_usage_error() {
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--fast"]] {
            let args: Vec<_> = wrong.iter().map(|arg| (*arg).to_owned()).collect();
            assert!(matches!(run(&args), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }
}
