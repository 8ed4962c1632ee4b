//! A bare connection, for what an HTTP library would refuse to send or to read.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::wait::{BOUND, until};
use super::{Answer, Client, Reply, Server, User};

pub(crate) struct Wire {
    stream: TcpStream,
    /// Read already, but not part of the answer before.
    rest: Vec<u8>,
}

/// An answer whose body did not arrive whole.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) announced: usize,
    pub(crate) received: usize,
}

impl Wire {
    pub(crate) fn to(client: &Client) -> Self {
        let stream = TcpStream::connect(client.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream.set_write_timeout(Some(BOUND)).unwrap();
        Self {
            stream,
            rest: Vec::new(),
        }
    }

    /// Sends bytes; that the other end has closed is told, and is no failure.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub(crate) fn end_sending(&mut self) {
        // The other end may have closed first, which is as good.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends `piece` over and over until the server answers or closes, and gives back how many
    /// bytes were sent.
    pub(crate) fn send_until_answered(&mut self, piece: &[u8], most: usize) -> usize {
        let mut sent = 0;
        while sent < most && self.rest.is_empty() {
            if self.try_send(piece).is_err() {
                break;
            }
            sent += piece.len();
            self.poll();
        }
        sent
    }

    /// Whether anything has come back by now.
    pub(crate) fn is_answered(&mut self) -> bool {
        self.poll();
        !self.rest.is_empty()
    }

    /// Takes what has arrived, without waiting.
    fn poll(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        if let Ok(read) = self.stream.read(&mut buffer) {
            self.rest.extend_from_slice(&buffer[..read]);
        }
        self.stream.set_nonblocking(false).unwrap();
    }

    /// The next answer, with the checks that hold for all.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let (status, headers) = self.head();
        let length = length(&headers).expect("no Content-Length");
        self.fill(length).expect("the body is cut off");
        let after = self.rest.split_off(length);
        let body = std::mem::replace(&mut self.rest, after);
        Answer::new(status, headers, body)
    }

    /// The next answer, if one comes before the server closes.
    #[track_caller]
    pub(crate) fn answer_if_any(&mut self) -> Option<Answer> {
        self.read_until_blank_line().ok()?;
        Some(self.answer())
    }

    /// The next answer, of a route that is not the contract's.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        let (status, headers) = self.head();
        let length = match status {
            304 => 0,
            _ => length(&headers).expect("no Content-Length"),
        };
        self.fill(length).expect("the body is cut off");
        let after = self.rest.split_off(length);
        let body = std::mem::replace(&mut self.rest, after);
        Reply::new(status, headers, body)
    }

    /// The status of the next answer, of whichever kind, whose body is read and passed over.
    #[track_caller]
    pub(crate) fn reply_status(&mut self) -> u16 {
        self.reply_passed_over().0
    }

    /// The same, and whether the connection ends with it.
    #[track_caller]
    pub(crate) fn reply_passed_over(&mut self) -> (u16, bool) {
        let (status, headers) = self.head();
        let length = length(&headers).unwrap_or(0);
        self.fill(length).expect("the body is cut off");
        self.rest.drain(..length);
        let close = ("connection".to_owned(), "close".to_owned());
        (status, headers.contains(&close))
    }

    /// The next answer to HEAD, after whose head nothing may follow.
    #[track_caller]
    pub(crate) fn head_reply(&mut self) -> Reply {
        let (status, headers) = self.head();
        assert!(self.rest.is_empty(), "HEAD is answered with a body");
        Reply::new(status, headers, Vec::new())
    }

    /// Reads an answer that must break off within its body.
    #[track_caller]
    pub(crate) fn torn_answer(&mut self) -> Torn {
        let (status, headers) = self.head();
        let announced = length(&headers).expect("no Content-Length");
        let request_id = header(&headers, "x-request-id").unwrap().to_owned();
        match self.fill(announced) {
            Ok(()) => panic!("the answer is whole: {status} {headers:?}"),
            Err(_) => Torn {
                status,
                request_id,
                announced,
                received: self.rest.len(),
            },
        }
    }

    /// The status of an answer that may come from below the application, and be no JSON.
    #[track_caller]
    pub(crate) fn status_or_close(&mut self) -> Option<u16> {
        match self.read_until_blank_line() {
            Ok(()) => Some(self.head().0),
            Err(_) => None,
        }
    }

    /// Whether the server closes within `bound`, after whatever it still sends.
    pub(crate) fn is_closed_within(&mut self, bound: Duration) -> bool {
        self.stream.set_read_timeout(Some(bound)).unwrap();
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                }
            }
        }
    }

    #[track_caller]
    fn head(&mut self) -> (u16, Vec<(String, String)>) {
        self.read_until_blank_line().expect("no head of an answer");
        let end = blank_line(&self.rest).unwrap();
        let after = self.rest.split_off(end + 4);
        let head = std::mem::replace(&mut self.rest, after);
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let mut first = lines.next().unwrap().split(' ');
        assert_eq!(first.next(), Some("HTTP/1.1"), "{head}");
        let status = first.next().unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        (status, headers)
    }

    fn read_until_blank_line(&mut self) -> io::Result<()> {
        while blank_line(&self.rest).is_none() {
            self.fill(self.rest.len() + 1)?;
        }
        Ok(())
    }

    /// Reads until `length` bytes are there.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.rest.len() < length {
            match self.stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => self.rest.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(())
    }
}

fn blank_line(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n")
}

fn length(headers: &[(String, String)]) -> Option<usize> {
    header(headers, "content-length")?.parse().ok()
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(key, _)| key == name)?;
    Some(value)
}

/// The head of a POST with a body of `length` bytes, of which none may follow.
pub(crate) fn post_head(route: &str, length: usize) -> String {
    head("POST", route, &[("Content-Length", &length.to_string())])
}

/// A whole POST of a JSON text.
pub(crate) fn post(route: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = post_head(route, body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Begins an upload that holds its place among those that the server receives for as long as the wire lives. What
/// shows is that it is staged: an upload sent to find out could take the place first.
pub(crate) fn slow_upload(server: &Server, user: &User) -> Wire {
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", 4_000_000));
    let begin = format!(r#"{{"token":"{}","name":"a","data":""#, user.token);
    wire.send(begin + &"A".repeat(1_200_000));
    until("the upload is staged", || !server.staged().is_empty());
    wire
}

/// The head of any request.
pub(crate) fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: kms.example\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}
