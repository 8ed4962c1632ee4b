//! Many small files, each new to the server, beside nginx, which neither hashes nor syncs.
//!
//! Nothing is deleted before the end, and each round of nginx has a folder of its own: ext4 creates
//! files many times slower where thousands were just deleted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client;
use crate::kms::Kms;
use crate::load::{self, Case, Measured, NUMBER};
use crate::machine;
use crate::nginx::Nginx;
use crate::payload::BLOCK;
use crate::requests::{self, at_once};
use crate::settings::Settings;
use crate::summary::Row;
use crate::table::{self, Contestant, Results, Spread};

/// Bytes of a small file.
const SIZE: usize = 10 * 1024;
const CONNECTIONS: [usize; 2] = [1, 64];
/// More than any server here creates, times what each takes on disk.
const MOST_PER_SECOND: u64 = 30_000;
const ON_DISK: u64 = 16 * 1024;

const NGINX: &str = "nginx PUT, raw; no hash, not durable";
const JSON: &str = "KMS, base64-JSON";
const RAW: &str = "KMS, raw";

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let rounds = (settings.rounds as u64 + 1) * (CONNECTIONS.len() as u64) * 3;
    let seconds = rounds * settings.time.as_secs();
    machine::need_space("small files", seconds * MOST_PER_SECOND * ON_DISK);
    // Both folders live until all measuring is over.
    let kms = Kms::start(&[]);
    let nginx = Nginx::start();
    let has_raw = requests::upload_raw(&kms, BLOCK as u64, at_once).is_some();

    table::head(
        "Uploads of 10 KiB, new content",
        &[
            "",
            "connections",
            "req/s",
            "lowest to highest",
            "p99 ms",
            "of nginx",
        ],
    );
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let results = measure(settings, connections, &kms, nginx.as_ref(), has_raw);
        print(connections, &results);
        rows.extend(
            results
                .iter()
                .map(|result| row(connections, result, &results)),
        );
    }
    if !has_raw {
        table::skipped(RAW, "the server has no route for it");
    }
    if nginx.is_none() {
        table::skipped(NGINX, "there is no nginx on the PATH");
    }
    rows
}

fn row(connections: usize, result: &Results<Measured>, all: &[Results<Measured>]) -> Row {
    let what = format!("10 KiB over {connections}: {}", result.name);
    let row = Row::new(what, per_second(result).median, "req/s");
    let nginx = || all.iter().find(|r| r.name == NGINX).map(per_second);
    match (result.name, connections) {
        (JSON, 1) => row.at_least(2_400.0),
        (JSON, 64) => row.of(NGINX, nginx()).at_least(1.0),
        (RAW, _) => row.of(NGINX, nginx()),
        _ => row,
    }
}

fn per_second(result: &Results<Measured>) -> Spread {
    result.spread(|round| round.per_second)
}

fn measure(
    settings: &Settings,
    connections: usize,
    kms: &Kms,
    nginx: Option<&Nginx>,
    has_raw: bool,
) -> Vec<Results<Measured>> {
    let run = |case: &Case| load::run(case, connections, settings.time);
    let json = Case::numbered(JSON, kms.address(), json_request(kms));
    let mut contestants = vec![Contestant::new(JSON, |_| run(&json))];
    if has_raw {
        let raw = Case::numbered(RAW, kms.address(), raw_request(kms));
        contestants.push(Contestant::new(RAW, move |_| run(&raw)));
    }
    if let Some(nginx) = nginx {
        contestants.push(Contestant::new(NGINX, move |round| {
            let folder = format!("{connections}-{round}");
            nginx.create_folder(&folder);
            let case = Case::numbered(NGINX, nginx.address(), put_request(nginx, &folder));
            let measured = run(&case);
            machine::settle(&nginx.root());
            measured
        }));
    }
    let part = format!("small files over {connections} connections");
    table::alternate(&part, settings.rounds, &mut contestants)
}

fn print(connections: usize, results: &[Results<Measured>]) {
    let nginx: Option<Spread> = results.iter().find(|r| r.name == NGINX).map(per_second);
    for result in results {
        let spread = per_second(result);
        println!(
            "| {} | {connections} | {} | {:.2} | {} |",
            result.name,
            spread.cells(0),
            result.spread(|round| round.p99_millis).median,
            spread.of(nginx),
        );
    }
}

/// 10 KiB that begin with a number.
fn content() -> Vec<u8> {
    let mut content: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    content[..NUMBER.len()].copy_from_slice(NUMBER.as_bytes());
    content
}

fn json_request(kms: &Kms) -> Vec<u8> {
    // The digits are base64 already: they are put in behind the encoding, not before it.
    let data = STANDARD.encode(content());
    let data = format!("{NUMBER}{}", &data[NUMBER.len()..]);
    let body = format!(
        r#"{{"token":"{}","name":"small.bin","data":"{data}"}}"#,
        kms.token()
    );
    let json = "Content-Type: application/json\r\n";
    let line = "POST /app/user/upload";
    let head = client::head(kms.address(), line, json, body.len() as u64);
    [head, body.into_bytes()].concat()
}

fn raw_request(kms: &Kms) -> Vec<u8> {
    let line = "POST /api/v1/files?name=small.bin";
    let head = client::head(kms.address(), line, &requests::bearer(kms), SIZE as u64);
    [head, content()].concat()
}

/// Its number is part of the path; the first one found counts.
fn put_request(nginx: &Nginx, folder: &str) -> Vec<u8> {
    let line = format!("PUT /{folder}/{NUMBER}");
    let head = client::head(nginx.address(), &line, "", SIZE as u64);
    [head, content()].concat()
}
