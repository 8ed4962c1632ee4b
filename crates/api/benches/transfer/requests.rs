//! The requests of KMS Server and its peers, each timed until its answer is complete.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use crate::client::{self, Answer};
use crate::kms::Kms;
use crate::payload::Body;

/// How a body is written to its connection.
pub(crate) type Pace = fn(&Body, &mut TcpStream) -> io::Result<()>;

/// As fast as it goes.
pub(crate) fn at_once(body: &Body, stream: &mut TcpStream) -> io::Result<()> {
    body.write(stream)
}

/// `size` new bytes in base64 to a route with the contract's body; gives back the answer.
pub(crate) fn upload_json(address: SocketAddr, token: &str, size: u64, pace: Pace) -> Answer {
    send_json(address, &Body::json(token, size), pace)
}

/// A body of the contract's upload.
pub(crate) fn send_json(address: SocketAddr, body: &Body, pace: Pace) -> Answer {
    let json = "Content-Type: application/json\r\n";
    let head = client::head(address, "POST /app/user/upload", json, body.length());
    let answer = client::exchange(address, &head, |stream| pace(body, stream), |_| ());
    answer.expect("upload over JSON", 201)
}

/// `size` new bytes as they are; `None` if the server has no such route.
pub(crate) fn upload_raw(kms: &Kms, size: u64, pace: Pace) -> Option<Answer> {
    let body = Body::raw(size);
    let line = "POST /api/v1/files?name=bench.bin";
    let head = client::head(kms.address(), line, &bearer(kms), body.length());
    let write = |stream: &mut _| pace(&body, stream);
    let answer = client::exchange(kms.address(), &head, write, |_| ());
    (answer.status != 404).then(|| answer.expect("raw upload", 201))
}

/// `size` new bytes as a new file below the root of a WebDAV server.
pub(crate) fn put(address: SocketAddr, path: &str, size: u64) -> Answer {
    let body = Body::raw(size);
    let head = client::head(address, &format!("PUT {path}"), "", body.length());
    let write = |stream: &mut _| body.write(stream);
    client::exchange(address, &head, write, |_| ()).expect("PUT to nginx", 201)
}

/// The content of `fid` in base64 in JSON.
pub(crate) fn download_json(kms: &Kms, fid: &str, size: u64) -> Answer {
    let body = format!(r#"{{"token":"{}","fid":"{fid}"}}"#, kms.token());
    let line = "POST /app/user/getfile";
    let head = client::head(kms.address(), line, "", body.len() as u64);
    let write = |stream: &mut TcpStream| stream.write_all(body.as_bytes());
    let answer = client::exchange(kms.address(), &head, write, |_| ());
    let answer = answer.expect("download over JSON", 200);
    assert!(answer.length > size.div_ceil(3) * 4, "a short answer");
    answer
}

/// The content of `fid` as it is, handed to `sink`; `None` if the server has no such route.
pub(crate) fn download_raw(
    kms: &Kms,
    fid: &str,
    size: u64,
    sink: impl FnMut(&[u8]),
) -> Option<Answer> {
    let line = format!("GET /api/v1/files/{fid}/content");
    let head = client::head(kms.address(), &line, &bearer(kms), 0);
    let answer = client::exchange(kms.address(), &head, |_| Ok(()), sink);
    if answer.status == 404 {
        return None;
    }
    let answer = answer.expect("raw download", 200);
    assert_eq!(answer.length, size, "a short answer");
    Some(answer)
}

/// The file at `path`.
pub(crate) fn get(address: SocketAddr, path: &str, size: u64) -> Answer {
    let head = client::head(address, &format!("GET {path}"), "", 0);
    let answer = client::exchange(address, &head, |_| Ok(()), |_| ());
    let answer = answer.expect("GET from nginx", 200);
    assert_eq!(answer.length, size, "a short answer");
    answer
}

/// The `fid` that an upload was answered with.
pub(crate) fn fid(answer: &Answer) -> String {
    let json = answer.json();
    let fid = json["fid"].as_str();
    fid.expect("an upload is answered with a fid").to_owned()
}

/// The header that says whose request it is.
pub(crate) fn bearer(kms: &Kms) -> String {
    format!("Authorization: Bearer {}\r\n", kms.token())
}

/// MB/s of content.
pub(crate) fn rate(size: u64, answer: &Answer) -> f64 {
    size as f64 / answer.time.as_secs_f64() / 1e6
}
