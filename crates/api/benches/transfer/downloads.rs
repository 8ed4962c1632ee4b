//! Downloads of a large file that is in the page cache, beside one core's SHA-256 and nginx's
//! sendfile.

use std::fs::File;
use std::io::BufWriter;

use crate::client::Answer;
use crate::kms::Kms;
use crate::nginx::Nginx;
use crate::payload::Body;
use crate::requests::{self, at_once, rate};
use crate::settings::{MAX_FILE, Settings};
use crate::summary::Row;
use crate::table::{self, Contestant, Results};
use crate::{digests, machine};

const NGINX: &str = "nginx, sendfile";
const SHA256: &str = "SHA-256 of one core";
const JSON: &str = "KMS, base64-JSON";
const RAW: &str = "KMS, raw";

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let size = settings.size;
    machine::need_space("downloads", 4 * size);
    let kms = Kms::start(&["--max-file", MAX_FILE]);
    let nginx = Nginx::start();
    let stored = requests::upload_json(kms.address(), kms.token(), size, at_once);
    let fid = requests::fid(&stored);
    let has_raw = same_bytes_come_back(&kms);

    let mut contestants = vec![
        Contestant::new(SHA256, |_| digests::sha256()),
        Contestant::new(JSON, |_| {
            second(size, || requests::download_json(&kms, &fid, size))
        }),
    ];
    if has_raw {
        contestants.push(Contestant::new(RAW, |_| {
            second(size, || {
                let answer = requests::download_raw(&kms, &fid, size, |_| ());
                answer.expect("there was a route before")
            })
        }));
    }
    if let Some(nginx) = &nginx {
        let file = File::create(nginx.root().join("bench.bin")).unwrap();
        Body::raw(size).write(&mut BufWriter::new(&file)).unwrap();
        file.sync_all().unwrap();
        contestants.push(Contestant::new(NGINX, |_| {
            second(size, || requests::get(nginx.address(), "/bench.bin", size))
        }));
    }
    let results = table::alternate("downloads", settings.rounds, &mut contestants);

    let title = format!("Download of {} from the page cache", settings.shown_size());
    table::head(
        &title,
        &["", "MB/s", "lowest to highest", "of SHA-256", "of nginx"],
    );
    let against = [SHA256, NGINX].map(|name| table::spread_of(&results, name));
    for result in &results {
        let spread = result.spread(|rate| *rate);
        let ratios = against.map(|denominator| spread.of(denominator));
        let (cells, ratios) = (spread.cells(0), ratios.join(" | "));
        println!("| {} | {cells} | {ratios} |", result.name);
    }
    if !has_raw {
        table::skipped(RAW, "the server has no route for it");
    }
    if nginx.is_none() {
        table::skipped(NGINX, "there is no nginx on the PATH");
    }
    rows(&format!("download {}", settings.shown_size()), &results)
}

fn rows(what: &str, results: &[Results<f64>]) -> Vec<Row> {
    let nginx = table::spread_of(results, NGINX);
    let row = |result: &Results<f64>| {
        let spread = result.spread(|rate| *rate);
        let row = Row::new(format!("{what}: {}", result.name), spread.median, "MB/s");
        match result.name {
            RAW => row.of(NGINX, nginx).at_least(1.0),
            JSON => row.of(NGINX, nginx).at_least(0.75),
            _ => row,
        }
    };
    results.iter().map(row).collect()
}

/// The rate of the second of two downloads, so that no server begins out of idleness.
fn second(size: u64, download: impl Fn() -> Answer) -> f64 {
    download();
    rate(size, &download())
}

/// Checks once that what is measured is the real thing: content that went up over JSON comes down
/// raw, byte for byte. `false` if the server has no raw route.
fn same_bytes_come_back(kms: &Kms) -> bool {
    const SIZE: u64 = 5_000_000;
    let content = Body::raw(SIZE);
    let (mut sent, mut received) = (md5::Context::new(), md5::Context::new());
    content.pieces().for_each(|piece| sent.consume(piece));
    let answer = requests::send_json(kms.address(), &content.in_json(kms.token()), at_once);
    let fid = requests::fid(&answer);
    let answer = requests::download_raw(kms, &fid, SIZE, |piece| received.consume(piece));
    if answer.is_none() {
        return false;
    }
    assert_eq!(
        sent.finalize(),
        received.finalize(),
        "other bytes came back"
    );
    true
}
