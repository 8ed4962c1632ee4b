//! Uploads of a large file that is new to the server, until the answer, beside one core's MD5 and
//! the disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::baseline::WebJson;
use crate::client::Answer;
use crate::kms::Kms;
use crate::nginx::Nginx;
use crate::payload::{BLOCK, Body, SMALL_WRITES};
use crate::requests::{self, at_once, rate};
use crate::settings::{MAX_FILE, Settings};
use crate::summary::Row;
use crate::table::{self, Contestant, Results};
use crate::{digests, machine};

const MD5: &str = "MD5 of one core, `md5`";
const FAST_MD5: &str = "MD5 of one core, `fast-md5`";
const DISK: &str = "write of a file and its sync, without a network";
const NGINX: &str = "nginx PUT, raw; no hash, not durable";
const NGINX_SYNCED: &str = "nginx PUT, raw; no hash, and then the file synced";
const WEB_JSON: &str = "`web::Json`, base64-JSON";
const JSON: &str = "KMS, base64-JSON";
const RAW: &str = "KMS, raw";

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let size = settings.size;
    // Three of them stay until the end, with what each is warmed up by.
    let kept = (settings.rounds as u64 + 1) * 3 * (size + warm_up(size));
    machine::need_space("uploads", kept + 2 * size);
    let kms = Kms::start(&["--max-file", MAX_FILE]);
    let web_json = WebJson::start();
    let nginx = Nginx::start();
    let scratch = tempfile::tempdir().unwrap();
    let has_raw = requests::upload_raw(&kms, BLOCK as u64, at_once).is_some();
    let json = |size, pace| requests::upload_json(kms.address(), kms.token(), size, pace);

    let mut contestants = vec![
        Contestant::new(MD5, |_| digests::md5()),
        Contestant::new(FAST_MD5, |_| digests::fast_md5()),
        Contestant::new(DISK, |_| write_and_sync(scratch.path(), size)),
        Contestant::new(JSON, |_| warmed_up(size, |size| json(size, at_once))),
        Contestant::new("KMS, base64-JSON in writes of 4 to 64 KiB", |_| {
            warmed_up(size, |size| {
                json(size, |body, stream| {
                    body.write_in(SMALL_WRITES, |piece| stream.write_all(piece))
                })
            })
        }),
        Contestant::new(WEB_JSON, |_| {
            let address = web_json.server().address();
            let rate = warmed_up(size, |size| {
                requests::upload_json(address, "none", size, at_once)
            });
            web_json.clear();
            rate
        }),
    ];
    if has_raw {
        contestants.push(Contestant::new(RAW, |_| {
            warmed_up(size, |size| {
                requests::upload_raw(&kms, size, at_once).expect("there was a route before")
            })
        }));
    }
    if let Some(nginx) = &nginx {
        for (name, synced) in [(NGINX, false), (NGINX_SYNCED, true)] {
            contestants.push(Contestant::new(name, move |_| {
                warmed_up(size, |size| put(nginx, size, synced))
            }));
        }
    }
    let results = table::alternate("uploads", settings.rounds, &mut contestants);

    let title = format!("Upload of {}, new content", settings.shown_size());
    table::head(
        &title,
        &[
            "",
            "MB/s",
            "lowest to highest",
            "of `md5`",
            "of `fast-md5`",
            "of disk",
            "of `web::Json`",
            "of nginx, synced",
        ],
    );
    let against =
        [MD5, FAST_MD5, DISK, WEB_JSON, NGINX_SYNCED].map(|name| table::spread_of(&results, name));
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
    rows(&format!("upload {}", settings.shown_size()), &results)
}

fn rows(what: &str, results: &[Results<f64>]) -> Vec<Row> {
    let [fast_md5, web_json] = [FAST_MD5, WEB_JSON].map(|name| table::spread_of(results, name));
    let rows = |result: &Results<f64>| {
        let median = result.spread(|rate| *rate).median;
        let row = || Row::new(format!("{what}: {}", result.name), median, "MB/s");
        match result.name {
            JSON => vec![
                row().of(FAST_MD5, fast_md5).at_least(0.80),
                row().of(WEB_JSON, web_json).at_least(4.0),
            ],
            RAW => vec![row().of(FAST_MD5, fast_md5).at_least(0.85)],
            _ => vec![row()],
        }
    };
    results.iter().flat_map(rows).collect()
}

/// What the disk lets a durable upload have: the same bytes, written and synced in one go.
fn write_and_sync(folder: &Path, size: u64) -> f64 {
    let (path, content) = (folder.join("bench.bin"), Body::raw(size));
    let begun = Instant::now();
    let mut file = File::create(&path).unwrap();
    content.write(&mut file).unwrap();
    file.sync_all().unwrap();
    let elapsed = begun.elapsed();
    fs::remove_file(path).unwrap();
    machine::settle(folder);
    size as f64 / elapsed.as_secs_f64() / 1e6
}

/// A PUT of a file that is then removed. `synced`: the time includes making it durable, which nginx
/// leaves to others.
fn put(nginx: &Nginx, size: u64, synced: bool) -> Answer {
    let path = nginx.root().join("bench.bin");
    let mut answer = requests::put(nginx.address(), "/bench.bin", size);
    if synced {
        let begun = Instant::now();
        File::open(&path).unwrap().sync_all().unwrap();
        answer.time += begun.elapsed();
    }
    fs::remove_file(path).unwrap();
    // What is left to be written would be paid for by somebody else's sync.
    machine::settle(&nginx.root());
    answer
}

/// What is sent before the transfer that counts, so that no server begins out of idleness.
fn warm_up(size: u64) -> u64 {
    (size / 16).max(BLOCK as u64)
}

/// The rate of `upload` for `size` bytes, straight after a smaller one.
fn warmed_up(size: u64, upload: impl Fn(u64) -> Answer) -> f64 {
    upload(warm_up(size));
    rate(size, &upload(size))
}
