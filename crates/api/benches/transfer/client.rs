//! One transfer on a connection of its own, in constant memory.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What is read from a connection at once.
const BUFFER: usize = 256 * 1024;

/// An answer whose head has been read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Bytes of the body, all of which have been read.
    pub(crate) length: u64,
    /// The first bytes of the body.
    pub(crate) beginning: Vec<u8>,
    /// From before connecting until the last byte was there.
    pub(crate) time: Duration,
}

impl Answer {
    /// The body as JSON; it must be short.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.beginning).unwrap_or_default()
    }

    /// Stops the run unless this is `status`: a refusal is quick and would look like speed.
    pub(crate) fn expect(self, what: &str, status: u16) -> Self {
        assert!(
            self.status == status,
            "{what}: answered {} instead of {status}: {}",
            self.status,
            String::from_utf8_lossy(&self.beginning)
        );
        self
    }
}

/// The head of a request: `line` is its method and path, `headers` end with a line break each.
pub(crate) fn head(address: SocketAddr, line: &str, headers: &str, length: u64) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n")
        .into_bytes()
}

/// Sends `head` and what `write` writes, and reads the answer to its end, handing its body to
/// `sink`. Stops the run when the connection breaks before there is an answer.
pub(crate) fn exchange(
    address: SocketAddr,
    head: &[u8],
    write: impl FnOnce(&mut TcpStream) -> io::Result<()>,
    sink: impl FnMut(&[u8]),
) -> Answer {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    // A server that refuses may close before it has read everything: its answer says why.
    let sent = stream.write_all(head).and_then(|()| write(&mut stream));
    let answer = read(&mut stream, begun, sink);
    match (sent, answer) {
        (_, Ok(answer)) => answer,
        (Err(error), Err(_)) => panic!("{address} broke off while it was sent to: {error}"),
        (Ok(()), Err(error)) => panic!("{address} broke off its answer: {error}"),
    }
}

fn read(stream: &mut TcpStream, begun: Instant, mut sink: impl FnMut(&[u8])) -> io::Result<Answer> {
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    let head_end = loop {
        filled += some(stream, &mut buffer[filled..])?;
        let mut ends = buffer[..filled].windows(4);
        if let Some(at) = ends.position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
    let length = head.lines().find_map(|line| {
        let value = line.strip_prefix("content-length:")?;
        value.trim().parse::<u64>().ok()
    });
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::Error::other(format!("no status or length in {head:?}")));
    };
    let beginning = buffer[head_end..filled].to_vec();
    let mut answer = Answer {
        status,
        length,
        beginning,
        time: Duration::ZERO,
    };
    sink(&buffer[head_end..filled]);
    let mut missing = length.saturating_sub((filled - head_end) as u64);
    while missing > 0 {
        let most = missing.min(BUFFER as u64) as usize;
        let read = some(stream, &mut buffer[..most])?;
        sink(&buffer[..read]);
        if answer.beginning.len() < 1024 {
            answer.beginning.extend_from_slice(&buffer[..read]);
        }
        missing -= read as u64;
    }
    answer.time = begun.elapsed();
    Ok(answer)
}

/// One or more bytes.
fn some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(read),
    }
}
