//! An open loop: requests go out at their time, whatever has become of those before.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::load::{self, Case};

/// Requests that may be on their way at once; more would be a benchmark of the generator.
const MOST_AT_ONCE: usize = 3000;
/// How long answers are waited for after the last request.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Outcome {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How long the sending took; longer than asked for where this process could not keep up.
    pub(crate) sending: Duration,
    pub(crate) sent: usize,
    /// Not sent, because too many were on their way.
    pub(crate) unsent: usize,
    /// From the time a request was due to its answer.
    pub(crate) succeeded: Vec<Duration>,
    pub(crate) refused: Vec<Duration>,
    /// Refusals that do not say when to come back.
    pub(crate) without_retry_after: usize,
    /// Connections that ended without an answer.
    pub(crate) cut: usize,
    /// Any other answer.
    pub(crate) other: usize,
}

struct Shared {
    case: Case,
    outcome: RefCell<Outcome>,
    idle: RefCell<Vec<TcpStream>>,
}

/// Sends requests of `case`, `rate` times a second for `time`.
pub(crate) fn run(case: Case, rate: f64, time: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let shared = Rc::new(Shared {
        case,
        outcome: RefCell::default(),
        idle: RefCell::default(),
    });
    let local = tokio::task::LocalSet::new();
    let begun = Instant::now();
    local.block_on(&runtime, async {
        let mut tasks = Vec::new();
        for index in 0.. {
            let due = begun + Duration::from_secs_f64(index as f64 / rate);
            if due >= begun + time {
                break;
            }
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            } else {
                // Answers must be read as well when the generator is late.
                tokio::task::yield_now().await;
            }
            if Rc::strong_count(&shared) > MOST_AT_ONCE {
                shared.outcome.borrow_mut().unsent += 1;
                continue;
            }
            shared.outcome.borrow_mut().sent += 1;
            let shared = Rc::clone(&shared);
            tasks.push(tokio::task::spawn_local(async move {
                one(&shared, due).await;
            }));
        }
        shared.outcome.borrow_mut().sending = begun.elapsed();
        let all = async {
            for task in tasks {
                task.await.unwrap();
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, all).await.is_ok(),
            "some requests were never answered"
        );
    });
    shared.outcome.borrow_mut().elapsed = begun.elapsed();
    std::mem::take(&mut *shared.outcome.borrow_mut())
}

async fn one(shared: &Shared, due: Instant) {
    // One that the server has just closed for being idle is no answer; a fresh one cannot be that.
    let kept = shared.idle.borrow_mut().pop();
    let mut answer = None;
    if let Some(stream) = kept {
        answer = exchange(stream, &shared.case).await;
    }
    if answer.is_none()
        && let Ok(stream) = TcpStream::connect(shared.case.address()).await
    {
        let _ = stream.set_nodelay(true);
        answer = exchange(stream, &shared.case).await;
    }
    let took = due.elapsed();
    let mut outcome = shared.outcome.borrow_mut();
    let Some((stream, head)) = answer else {
        outcome.cut += 1;
        return;
    };
    if !head.contains("\r\nconnection: close\r\n") {
        shared.idle.borrow_mut().push(stream);
    }
    match head.as_bytes().get(9) {
        Some(b'2') => outcome.succeeded.push(took),
        _ if head.starts_with("HTTP/1.1 503") || head.starts_with("HTTP/1.1 429") => {
            outcome.refused.push(took);
            if !head.contains("\r\nretry-after: ") {
                outcome.without_retry_after += 1;
            }
        }
        _ => outcome.other += 1,
    }
}

/// The head of the answer in lower case but for its first line, and the connection.
async fn exchange(mut stream: TcpStream, case: &Case) -> Option<(TcpStream, String)> {
    let mut buffer = Vec::with_capacity(1024);
    if let Some(first) = case.first() {
        let _ = stream.write_all(first).await;
        load::read_answer(&mut stream, &mut buffer).await?;
        if buffer == load::CONTINUE {
            buffer.clear();
        }
    }
    if buffer.is_empty() {
        // An early refusal may come before all of it is taken.
        let _ = stream.write_all(&case.rest()).await;
        load::read_answer(&mut stream, &mut buffer).await?;
    }
    let head = String::from_utf8_lossy(&buffer);
    let (first, rest) = head.split_once("\r\n")?;
    Some((stream, format!("{first}\r\n{}", rest.to_ascii_lowercase())))
}

/// The duration below which `share` of all are, in milliseconds.
pub(crate) fn percentile(all: &mut [Duration], share: f64) -> f64 {
    all.sort_unstable();
    let index = (all.len().saturating_sub(1) as f64 * share) as usize;
    all.get(index).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}
