//! More than the server can do, at a fixed rate.

use std::time::Duration;

use crate::cores;
use crate::kms::{self, Kms};
use crate::load::{self, Case, NUMBER};
use crate::open::{self, Outcome, percentile};
use crate::server::{post, variable};
use crate::summary::Row;
use crate::{Settings, peak_memory, table};

/// Content that passes through the lane of storage, and is not a record of a pack.
const CONTENT: usize = 100 * 1024;
/// Memory that the load may add, as the limits of a default configuration bound it: the connections,
/// half a thousand uploads in work, and bcrypt.
const MOST_MEMORY_MIB: f64 = 512.0;

/// Throttles would answer before anything is overloaded: all of it comes from one network.
const UNTHROTTLED: &[&str] = &["--throttle", "off", "--connections", "4000"];

struct Work {
    name: &'static str,
    /// Of the closed loops that find out what the server can do.
    connections: [usize; 3],
    request: fn(&Kms) -> Vec<u8>,
}

const WORK: [Work; 3] = [
    Work {
        name: "login",
        connections: [2, 8, 16],
        request: login,
    },
    Work {
        name: "upload of 100 KiB",
        connections: [8, 16, 64],
        request: upload,
    },
    Work {
        name: "upload of 100 KiB that waits to be asked",
        connections: [8, 16, 64],
        request: waiting_upload,
    },
];

fn login(kms: &Kms) -> Vec<u8> {
    post(kms.address(), "/app/login", &kms::account(kms::PHONE))
}

fn upload(kms: &Kms) -> Vec<u8> {
    upload_with(kms, "")
}

/// Its client sends the body when it has read `100 Continue`, and not if it reads anything else.
fn waiting_upload(kms: &Kms) -> Vec<u8> {
    upload_with(kms, "Expect: 100-continue\r\n")
}

fn upload_with(kms: &Kms, header: &str) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/files?name=a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{header}Content-Length: {CONTENT}\r\n\r\n{NUMBER}",
        kms.token()
    );
    let mut request = head.into_bytes();
    request.resize(request.len() + CONTENT - NUMBER.len(), b'x');
    request
}

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    table::head(
        "goodput",
        &[
            "what",
            "asked for",
            "goodput a second",
            "of the peak",
            "refused",
            "refusal p99 ms",
            "success p99 ms",
            "memory MiB",
        ],
    );
    let only = variable("KMS_BENCH_WORK").unwrap_or_default();
    WORK.iter()
        .filter(|work| work.name.contains(&only))
        .flat_map(|work| measure(settings, work))
        .collect()
}

fn measure(settings: &Settings, work: &Work) -> Vec<Row> {
    let kms = cores::apart(|| Kms::start(UNTHROTTLED));
    let case = case_of(&kms, work);
    load::run(&case, work.connections[0], Duration::from_secs(1));
    // What it can do at best, over however many connections.
    let runs = work
        .connections
        .map(|many| (many, load::run(&case, many, settings.time)));
    let (connections, peak) = runs
        .into_iter()
        .max_by(|(_, one), (_, other)| one.per_second.total_cmp(&other.per_second))
        .unwrap();
    println!(
        "| {} | closed loop of {connections} | {:.0} | 1.00 | – | – | {:.1} | {:.0} |",
        work.name,
        peak.per_second,
        peak.p99_millis,
        peak_memory(kms.pid())
    );
    let mut rows = Vec::new();
    for times in [2.0, 10.0] {
        let kms = cores::apart(|| Kms::start(UNTHROTTLED));
        let case = case_of(&kms, work);
        let idle = peak_memory(kms.pid());
        let rate = peak.per_second * times;
        let mut outcome = open::run(case, rate, settings.time);
        let memory = peak_memory(kms.pid());
        rows.extend(report(
            settings,
            work,
            times,
            peak.per_second,
            &mut outcome,
            memory - idle,
        ));
    }
    rows
}

fn case_of(kms: &Kms, work: &Work) -> Case {
    let request = (work.request)(kms);
    match request
        .windows(NUMBER.len())
        .any(|w| w == NUMBER.as_bytes())
    {
        true => Case::numbered(work.name, kms.address(), request),
        false => Case::new(work.name, kms.address(), request),
    }
}

fn report(
    settings: &Settings,
    work: &Work,
    times: f64,
    peak: f64,
    outcome: &mut Outcome,
    memory: f64,
) -> Vec<Row> {
    let goodput = outcome.succeeded.len() as f64 / outcome.elapsed.as_secs_f64();
    let refusal = percentile(&mut outcome.refused, 0.99);
    let success = percentile(&mut outcome.succeeded, 0.99);
    println!(
        "| {} | {times:.0} times | {goodput:.0} | {:.2} | {} of {} | {refusal:.1} | {success:.1} | +{memory:.0} |",
        work.name,
        goodput / peak,
        outcome.refused.len(),
        outcome.sent,
    );
    if outcome.sending > settings.time + settings.time / 10 {
        println!(
            "\nThe sender could not keep up: it took {:.1} s for what was to take {} s, so latencies are its own.\n",
            outcome.sending.as_secs_f64(),
            settings.time.as_secs()
        );
    }
    if outcome.unsent + outcome.cut + outcome.other + outcome.without_retry_after > 0 {
        println!(
            "\n{} were not sent because too many were on their way, {} were cut off, {} had another answer, {} refusals had no Retry-After.\n",
            outcome.unsent, outcome.cut, outcome.other, outcome.without_retry_after
        );
    }
    let name = format!("{} at {times:.0} times", work.name);
    vec![
        Row::new(format!("{name}: goodput of the peak"), goodput / peak, "").at_least(0.80),
        Row::new(format!("{name}: refusal p99"), refusal, "ms").at_most(50.0),
        Row::new(format!("{name}: memory above idle"), memory, "MiB").at_most(MOST_MEMORY_MIB),
    ]
}
