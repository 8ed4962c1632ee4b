//! A handler that panics, over a real socket. No request is known that makes one of ours panic, so it has
//! routes of its own; everything else is what the binary runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::inprocess::model::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// What the worker logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Serves with one worker while `story` runs, and tells which threads were workers.
fn served(log: &Log, story: impl FnOnce(SocketAddr)) -> usize {
    let server = Server::bind(ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: 1,
        connections: 10,
        head_timeout: 10 * SECOND,
        keep_alive: 10 * SECOND,
        answer_timeout: 10 * SECOND,
        shutdown_timeout: SECOND,
        run_id: "run".to_owned(),
    })
    .unwrap();
    let address = server.address().unwrap();
    let (leave, left) = tokio::sync::oneshot::channel();
    let (started, starts) = mpsc::channel();
    let log = log.clone();
    let serving = thread::spawn(move || {
        let on_worker = move || {
            let subscriber = tracing_subscriber::fmt()
                .with_writer(log.clone())
                .with_ansi(false)
                .finish();
            // For as long as the worker's thread lives.
            std::mem::forget(tracing::subscriber::set_default(subscriber));
            started.send(()).unwrap();
        };
        let leave = async move {
            let _ = left.await;
        };
        let routes = routes::configure_with_broken_ones;
        let (_, app) = World::new();
        actix_web::rt::System::new().block_on(server.run_routes(routes, app, on_worker, leave))
    });
    story(address);
    leave.send(()).unwrap();
    serving.join().unwrap().unwrap();
    starts.iter().count()
}

/// Sends a request and reads its answer; both have a length.
fn ask(stream: &mut TcpStream, method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
        if answer.ends_with(b"}") {
            return String::from_utf8(answer).unwrap();
        }
    }
}

fn request_id(answer: &str) -> String {
    let mut lines = answer.lines();
    let line = lines.find_map(|line| line.strip_prefix("x-request-id: "));
    line.unwrap().to_owned()
}

/// A20.
#[test]
fn a20_a_handler_that_panics_is_code_5_with_an_id_that_the_log_has_and_the_worker_lives() {
    let log = Log::default();
    let workers = served(&log, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(30 * SECOND)).unwrap();
        for _ in 0..3 {
            for (method, path, media_type, end) in [
                (
                    "POST",
                    "/app/broken",
                    "application/json; charset=utf-8",
                    r#"{"done":false,"code":5,"msg":"服务器内部错误"}"#,
                ),
                (
                    "GET",
                    "/api/v1/broken",
                    "application/problem+json",
                    r#"{"type":"about:blank","title":"Internal Server Error","status":500,"code":5}"#,
                ),
            ] {
                let answer = ask(&mut stream, method, path, "");
                assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
                assert!(answer.ends_with(end), "{answer}");
                let headers = answer.to_ascii_lowercase();
                for header in [
                    &format!("content-type: {media_type}"),
                    "x-content-type-options: nosniff",
                    "cache-control: no-store",
                    "content-security-policy: default-src 'none'; frame-ancestors 'none'",
                ] {
                    assert!(headers.contains(header), "{header}: {answer}");
                }
                assert!(!answer.contains("panic") && !answer.contains("a broken handler"));
                let id = request_id(&headers);
                let log = log.text();
                let mut lines = log.lines();
                let told = lines.any(|line| {
                    line.contains(&id) && line.contains("a handler panicked: a broken handler")
                });
                assert!(told, "{id}: {log}");
            }
            // On the same connection.
            let phone = r#"{"phone":"13800138000"}"#;
            let answer = ask(&mut stream, "POST", "/app/register/testphone", phone);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    });
    assert_eq!(workers, 1, "none was started anew");
}
