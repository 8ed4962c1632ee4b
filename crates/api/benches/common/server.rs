//! A server as a process of its own, ended on drop, and what a benchmark asks of it by the way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

const BASELINE: &str = "KMS_BENCH_BASELINE";

/// A text from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no configuration but its environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: usize) -> usize {
    variable(name).map_or(default, |text| text.parse().expect(name))
}

/// Whether this process is the baseline server of another one's run.
pub(crate) fn is_baseline_child() -> bool {
    setting(BASELINE, 0) == 1
}

/// This program once more, as its own baseline server.
pub(crate) fn baseline() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(BASELINE, "1");
    command
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Runs `command`, whose first line on standard output ends with its address.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("http://").next().unwrap();
        let address = address
            .parse()
            .unwrap_or_else(|_| panic!("a server began with {line:?} and not with its address"));
        Self { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // By its own process id; a process that has ended by itself is as good as ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A whole request with a JSON body.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One request on a connection of its own, which must succeed.
pub(crate) fn ask(address: SocketAddr, path: &str, body: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}",
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
