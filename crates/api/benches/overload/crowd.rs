//! Thousands of connections that are of no use to anybody.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kms::{INFO, Kms};
use crate::load::{self, Case};
use crate::server::post;
use crate::summary::Row;
use crate::{Settings, peak_memory, table};

/// Connections of each kind.
const EACH: usize = 2000;
/// Connections of those who have something to ask, each with one request in flight.
const CLIENTS: usize = 8;
/// When all of the crowd must be gone.
const MOST_SECONDS: f64 = 30.0;
/// How long the crowd is watched.
const WATCHED: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Kind {
    Head,
    Body,
    Idle,
}

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let kms = Kms::start(&[]);
    let ask = post(
        kms.address(),
        INFO,
        &format!(r#"{{"token":"{}"}}"#, kms.token()),
    );
    let case = Case::new("info", kms.address(), ask);
    load::run(&case, CLIENTS, Duration::from_secs(1));
    let before = load::run(&case, CLIENTS, settings.time);
    let idle = peak_memory(kms.pid());

    let address = kms.address();
    let crowd = thread::spawn(move || crowd(address));
    // The crowd needs a moment to come together; it is part of what others notice.
    let during = load::run(&case, CLIENTS, settings.time);
    let (last, left) = crowd.join().unwrap();
    let memory = peak_memory(kms.pid()) - idle;

    table::head("crowd", &["what", "info p99 ms", "info a second"]);
    for (what, measured) in [("alone", &before), ("beside the crowd", &during)] {
        println!(
            "| {what} | {:.2} | {:.0} |",
            measured.p99_millis, measured.per_second
        );
    }
    println!(
        "\nThe last of {} connections was closed after {:.1} s; {left} were left after {} s.",
        3 * EACH,
        last.as_secs_f64(),
        WATCHED.as_secs()
    );
    let last = if left > 0 {
        f64::INFINITY
    } else {
        last.as_secs_f64()
    };
    vec![
        Row::new(
            "crowd: info p99, of the same without it",
            during.p99_millis / before.p99_millis,
            "",
        )
        .at_most(2.0),
        Row::new("crowd: the last is closed", last, "s").at_most(MOST_SECONDS),
        Row::new("crowd: memory above idle", memory, "MiB"),
    ]
}

/// How long the longest of them was kept, and how many were never closed.
fn crowd(address: SocketAddr) -> (Duration, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let tasks: Vec<_> = (0..3 * EACH)
            .map(|index| {
                let kind = [Kind::Head, Kind::Body, Kind::Idle][index % 3];
                tokio::task::spawn_local(one(address, kind))
            })
            .collect();
        let mut last = Duration::ZERO;
        let mut left = 0;
        for task in tasks {
            match task.await.unwrap() {
                Some(kept) => last = last.max(kept),
                None => left += 1,
            }
        }
        (last, left)
    })
}

/// How long the server kept it; `None` if it still does.
async fn one(address: SocketAddr, kind: Kind) -> Option<Duration> {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return Some(Duration::ZERO);
    };
    let begun = Instant::now();
    let head: &[u8] = match kind {
        Kind::Head => b"POST /app/user/info HTTP/1.1\r\nX: ",
        Kind::Body => b"POST /app/user/info HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n{",
        Kind::Idle => b"",
    };
    let _ = stream.write_all(head).await;
    let mut answer = [0; 1024];
    while begun.elapsed() < WATCHED {
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
        match read {
            // An answer; that it closes comes next.
            Ok(Ok(1..)) => {}
            Ok(_) => return Some(begun.elapsed()),
            Err(_) if matches!(kind, Kind::Idle) => {}
            Err(_) => {
                if stream.write_all(b" ").await.is_err() {
                    return Some(begun.elapsed());
                }
            }
        }
    }
    None
}
