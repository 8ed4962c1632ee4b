//! The two servers of a run, each a process of its own, ended on drop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const BASELINE: &str = "KMS_BENCH_BASELINE";
const PHONE: &str = "13800138000";
/// Whose logins end one another, so that they do not end the session of the other requests.
const LOGIN_PHONE: &str = "13800138001";
const PASSWORD: &str = "bench-password";

/// A number from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no configuration but its environment"
)]
pub(crate) fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// Whether this process is the constant answer of another one's run.
pub(crate) fn is_baseline_child() -> bool {
    setting(BASELINE, 0) == 1
}

/// The constant answer.
pub(crate) struct Baseline {
    child: Child,
    address: SocketAddr,
}

impl Baseline {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(BASELINE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
        let address = line.trim().parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        post(self.address, "/", "{}")
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The real server with one account and one file.
pub(crate) struct Kms {
    child: Child,
    address: SocketAddr,
    token: String,
    md5: String,
    _data: TempDir,
}

impl Kms {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kms-server"))
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"])
            .arg(data.path())
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
        let address: SocketAddr = line
            .trim()
            .rsplit("http://")
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let account =
            |phone| format!(r#"{{"phone":"{phone}","password":"{PASSWORD}","name":"bench"}}"#);
        ask(address, "/app/register", &account(LOGIN_PHONE));
        let account = account(PHONE);
        ask(address, "/app/register", &account);
        let login = ask(address, "/app/login", &account);
        let token = login["token"].as_str().unwrap().to_owned();
        let upload = format!(r#"{{"token":"{token}","name":"a.txt","data":"YmVuY2g="}}"#);
        ask(address, "/app/user/upload", &upload);
        Self {
            child,
            address,
            token,
            md5: format!("{:x}", md5::compute("bench")),
            _data: data,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn info_request(&self) -> Vec<u8> {
        let body = format!(r#"{{"token":"{}"}}"#, self.token);
        post(self.address, "/app/user/info", &body)
    }

    pub(crate) fn instant_request(&self) -> Vec<u8> {
        let body = format!(
            r#"{{"token":"{}","name":"a.txt","md5":"{}"}}"#,
            self.token, self.md5
        );
        post(self.address, "/app/user/upload", &body)
    }

    pub(crate) fn login_request(&self) -> Vec<u8> {
        let body = format!(r#"{{"phone":"{LOGIN_PHONE}","password":"{PASSWORD}"}}"#);
        post(self.address, "/app/login", &body)
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line
}

fn end(child: &mut Child) {
    // By its own process id; a process that has ended by itself is as good as ended.
    let _ = child.kill();
    let _ = child.wait();
}

fn post(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One request on a connection of its own.
fn ask(address: SocketAddr, path: &str, body: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["done"], true, "{json}");
    json
}
