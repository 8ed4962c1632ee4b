//! The real server on a temporary folder, with one account.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::{self, Server};

pub(crate) const PHONE: &str = "13800138000";
pub(crate) const INFO: &str = "/app/user/info";
const PASSWORD: &str = "bench-password";

/// A running `kms-server`; its folder goes with it.
pub(crate) struct Kms {
    // Dropped first: the process is gone before its folder is.
    server: Server,
    token: String,
    options: Vec<String>,
    data: TempDir,
}

impl Kms {
    /// Starts it with `options` beside the ones every run needs, and signs an account in.
    pub(crate) fn start(options: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let server = launch(data.path(), &options);
        let token = sign_in(server.address(), PHONE);
        Self {
            server,
            token,
            options,
            data,
        }
    }

    /// A new process on the same folder. The session goes on.
    pub(crate) fn restart(self) -> Self {
        self.restart_after(|_| ()).0
    }

    /// The same, with `work` on the folder while no server runs. Also tells the time from the start
    /// of the new process until it has answered a request that asks the database.
    pub(crate) fn restart_after(self, work: impl FnOnce(&Path)) -> (Self, Duration) {
        let Self {
            server,
            token,
            options,
            data,
        } = self;
        drop(server);
        work(data.path());
        let begun = Instant::now();
        let server = launch(data.path(), &options);
        let body = format!(r#"{{"token":"{token}"}}"#);
        server::ask(server.address(), INFO, &body);
        let time = begun.elapsed();
        let kms = Self {
            server,
            token,
            options,
            data,
        };
        (kms, time)
    }

    /// Ends it, and answers its folder.
    pub(crate) fn stop(self) -> TempDir {
        self.data
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn folder(&self) -> &Path {
        self.data.path()
    }
}

/// Registers an account and returns the token of its first session.
pub(crate) fn sign_in(address: SocketAddr, phone: &str) -> String {
    let account = account(phone);
    server::ask(address, "/app/register", &account);
    let login = server::ask(address, "/app/login", &account);
    login["token"].as_str().unwrap().to_owned()
}

/// The body that registers `phone`, and the one that signs it in.
pub(crate) fn account(phone: &str) -> String {
    format!(r#"{{"phone":"{phone}","password":"{PASSWORD}","name":"bench"}}"#)
}

fn launch(data: &Path, options: &[String]) -> Server {
    Server::start(
        Command::new(env!("CARGO_BIN_EXE_kms-server"))
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"])
            .arg(data)
            .args(options)
            .env_clear(),
    )
}
