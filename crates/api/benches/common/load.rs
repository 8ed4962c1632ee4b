//! A closed loop of keep-alive connections, each with one request in flight, on one thread.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What stands in a request where each one is to be different: it becomes a number in hexadecimal
/// digits, which are base64 and part of a path as well.
pub(crate) const NUMBER: &str = "0000000000000000";

/// A header that lets the client wait before its body.
const EXPECT: &[u8] = b"\r\nExpect: 100-continue\r\n";
/// What it waits for.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Never the same again while this program runs.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    address: SocketAddr,
    request: Vec<u8>,
    /// Where its number stands, if it has one.
    number: Option<usize>,
    /// Bytes of the head, if the client sends no more before it is asked.
    waits_after: Option<usize>,
}

impl Case {
    /// The same request over and over.
    pub(crate) fn new(name: &'static str, address: SocketAddr, request: Vec<u8>) -> Self {
        let head = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let mut lines = request[..head].windows(EXPECT.len());
        Self {
            name,
            address,
            waits_after: lines.any(|line| line == EXPECT).then_some(head),
            request,
            number: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is sent before its client waits to be asked for more, if it waits.
    pub(crate) fn first(&self) -> Option<&[u8]> {
        Some(&self.request[..self.waits_after?])
    }

    /// What is sent next, without waiting or after it: all of a request, or its body.
    pub(crate) fn rest(&self) -> Vec<u8> {
        let from = self.waits_after.unwrap_or(0);
        let mut rest = self.request[from..].to_vec();
        if let Some(at) = self.number {
            number(&mut rest[at - from..]);
        }
        rest
    }

    /// A request that has [`NUMBER`] in it, to be made different each time.
    pub(crate) fn numbered(name: &'static str, address: SocketAddr, request: Vec<u8>) -> Self {
        let mut places = request.windows(NUMBER.len());
        let number = places.position(|place| place == NUMBER.as_bytes());
        assert!(number.is_some(), "a request without a place for its number");
        Self {
            number,
            ..Self::new(name, address, request)
        }
    }
}

/// One round.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_millis: f64,
    pub(crate) p99_millis: f64,
}

/// Sends `case` over `connections` connections for `time`. Any answer but a success stops the run:
/// refusals are quick and would look like speed.
pub(crate) fn run(case: &Case, connections: usize, time: Duration) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    let begun = Instant::now();
    let mut latencies = local.block_on(&runtime, async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| {
                let (address, request) = (case.address, case.request.clone());
                let (at, waits_after) = (case.number, case.waits_after);
                tokio::task::spawn_local(async move {
                    connection(address, request, at, waits_after, begun + time).await
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let elapsed = begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = ((latencies.len() - 1) as f64 * share) as usize;
        latencies[index].as_secs_f64() * 1000.0
    };
    Measured {
        per_second: latencies.len() as f64 / elapsed,
        p50_millis: at(0.50),
        p99_millis: at(0.99),
    }
}

async fn connection(
    address: SocketAddr,
    mut request: Vec<u8>,
    at: Option<usize>,
    waits_after: Option<usize>,
    end: Instant,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut latencies = Vec::new();
    while Instant::now() < end {
        if let Some(at) = at {
            number(&mut request[at..]);
        }
        let begun = Instant::now();
        let mut rest = &request[..];
        if let Some(head) = waits_after {
            stream.write_all(&request[..head]).await.unwrap();
            buffer.clear();
            read_answer(&mut stream, &mut buffer).await.unwrap();
            assert_eq!(buffer, CONTINUE);
            rest = &request[head..];
        }
        stream.write_all(rest).await.unwrap();
        read_success(&mut stream, &mut buffer).await;
        latencies.push(begun.elapsed());
    }
    latencies
}

/// Reads one answer and checks its status.
async fn read_success(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    read_answer(stream, buffer).await.unwrap();
    assert!(
        buffer.starts_with(b"HTTP/1.1 2"),
        "not a success: {}",
        String::from_utf8_lossy(buffer)
    );
}

/// Reads one answer to its end; `None` if the server closes before.
pub(crate) async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    while answer_length(buffer).is_none_or(|length| buffer.len() < length) {
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    Some(())
}

/// Writes a number that nothing had before.
fn number(place: &mut [u8]) {
    let digits = format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed));
    place[..NUMBER.len()].copy_from_slice(digits.as_bytes());
}

/// Bytes of the whole answer, as soon as its head is there.
pub(crate) fn answer_length(buffer: &[u8]) -> Option<usize> {
    let head_end = buffer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..head_end]).unwrap();
    if head
        .to_ascii_lowercase()
        .contains("\r\ntransfer-encoding: chunked")
    {
        // There is one request in flight, and no answer has such an end within it.
        return buffer.ends_with(b"\r\n0\r\n\r\n").then_some(buffer.len());
    }
    let body = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().unwrap())
        })
        .unwrap_or(0);
    Some(head_end + body)
}
