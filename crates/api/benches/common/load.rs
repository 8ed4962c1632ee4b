//! A closed loop of keep-alive connections, each with one request in flight, on one thread.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What stands in a request where each one is to be different: it becomes a number in hexadecimal
/// digits, which are base64 and part of a path as well.
pub(crate) const NUMBER: &str = "0000000000000000";

/// Never the same again while this program runs.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    address: SocketAddr,
    request: Vec<u8>,
    /// Where its number stands, if it has one.
    number: Option<usize>,
}

impl Case {
    /// The same request over and over.
    pub(crate) fn new(name: &'static str, address: SocketAddr, request: Vec<u8>) -> Self {
        Self {
            name,
            address,
            request,
            number: None,
        }
    }

    /// The request as it is sent next.
    pub(crate) fn next(&self) -> Vec<u8> {
        let mut request = self.request.clone();
        if let Some(at) = self.number {
            let digits = format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed));
            request[at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
        request
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
                let (address, request, number) = (case.address, case.request.clone(), case.number);
                tokio::task::spawn_local(async move {
                    connection(address, request, number, begun + time).await
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
    number: Option<usize>,
    end: Instant,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut latencies = Vec::new();
    while Instant::now() < end {
        if let Some(at) = number {
            let digits = format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed));
            request[at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
        let begun = Instant::now();
        stream.write_all(&request).await.unwrap();
        read_success(&mut stream, &mut buffer).await;
        latencies.push(begun.elapsed());
    }
    latencies
}

/// Reads one answer and checks its status.
async fn read_success(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        if let Some(length) = answer_length(buffer)
            && buffer.len() >= length
        {
            assert!(
                buffer.starts_with(b"HTTP/1.1 2"),
                "not a success: {}",
                String::from_utf8_lossy(buffer)
            );
            return;
        }
    }
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
