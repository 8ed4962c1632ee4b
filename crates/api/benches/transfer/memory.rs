//! How much a server's resident memory grows above idle at its highest. Each case of each round has
//! a process of its own, because memory that an earlier case left behind would hide growth.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Barrier;
use std::time::Duration;
use std::{io, io::Write, thread};

use crate::baseline::WebJson;
use crate::kms::Kms;
use crate::machine;
use crate::payload::{BLOCK, Body};
use crate::requests::{self, Pace, at_once};
use crate::settings::{MAX_FILE, Settings};
use crate::summary::Row;
use crate::table::{self, Contestant, Results};

/// Uploads at once.
const UPLOADS: usize = 64;
/// Bytes of each of them.
const UPLOAD_SIZE: u64 = 8 << 20;
/// What a slow client sends, and how long it then waits: 1.3 MB/s each.
const SLOW_PIECE: &[usize] = &[64 << 10];
const SLOW_PAUSE: Duration = Duration::from_millis(50);
/// `web::Json` holds the body more than once, in buffers that grow by doubling.
const WEB_JSON_NEEDS: u64 = 7;

const WEB_JSON: &str = "`web::Json`: upload, base64-JSON";
const RAW: [&str; 2] = ["KMS: upload, raw", "KMS: download, raw"];
const AT_ONCE: &str = "KMS: 64 uploads of 8 MiB at once";
const SLOW: &str = "KMS: 64 slow uploads of 8 MiB at once";

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    if !fs::exists("/proc/self/clear_refs").unwrap_or(false) {
        table::skipped("memory", "it is read from Linux's /proc/<pid>/status");
        return Vec::new();
    }
    let size = settings.size;
    machine::need_space("memory", 3 * size);
    let has_raw = requests::upload_raw(&fresh(), BLOCK as u64, at_once).is_some();
    let has_room = available() > WEB_JSON_NEEDS * size;

    let mut contestants = vec![
        Contestant::new("KMS: upload, base64-JSON", |_| {
            let kms = fresh();
            growth(kms.pid(), || upload_json(&kms, size, at_once))
        }),
        Contestant::new("KMS: download, base64-JSON", |_| {
            let (kms, fid) = holding(size);
            growth(kms.pid(), || {
                requests::download_json(&kms, &fid, size);
            })
        }),
        Contestant::new(AT_ONCE, |_| many(at_once)),
        Contestant::new(SLOW, |_| many(slowly)),
    ];
    if has_raw {
        contestants.push(Contestant::new(RAW[0], |_| {
            let kms = fresh();
            growth(kms.pid(), || {
                requests::upload_raw(&kms, size, at_once).expect("there was a route before");
            })
        }));
        contestants.push(Contestant::new(RAW[1], |_| {
            let (kms, fid) = holding(size);
            growth(kms.pid(), || {
                let answer = requests::download_raw(&kms, &fid, size, |_| ());
                answer.expect("there was a route before");
            })
        }));
    }
    if has_room {
        contestants.push(Contestant::new(WEB_JSON, |_| {
            let web_json = WebJson::start();
            let address = web_json.server().address();
            let upload = |size| {
                requests::upload_json(address, "none", size, at_once);
            };
            upload(BLOCK as u64);
            growth(web_json.server().pid(), || upload(size))
        }));
    }
    let results = table::alternate("memory", settings.rounds, &mut contestants);

    let title = format!("Memory above idle; files of {}", settings.shown_size());
    table::head(&title, &["", "MiB", "lowest to highest", "KiB an upload"]);
    for result in &results {
        let spread = result.spread(|growth| *growth);
        let each = if [AT_ONCE, SLOW].contains(&result.name) {
            format!("{:.0}", spread.median * 1024.0 / UPLOADS as f64)
        } else {
            "–".to_owned()
        };
        println!("| {} | {} | {each} |", result.name, spread.cells(1));
    }
    if !has_raw {
        table::skipped(&RAW.join(", "), "the server has no route for it");
    }
    if !has_room {
        let why = format!("there is no room for {WEB_JSON_NEEDS} times the file");
        table::skipped(WEB_JSON, &why);
    }
    let what = format!("memory, {}", settings.shown_size());
    results.iter().map(|result| row(&what, result)).collect()
}

fn row(what: &str, result: &Results<f64>) -> Row {
    let growth = result.spread(|growth| *growth).median;
    match result.name {
        AT_ONCE | SLOW => {
            let what = format!("memory, each: {}", result.name);
            Row::new(what, growth / UPLOADS as f64, "MiB").at_most(2.0)
        }
        WEB_JSON => Row::new(format!("{what}: {WEB_JSON}"), growth, "MiB"),
        name => Row::new(format!("{what}: {name}"), growth, "MiB").at_most(16.0),
    }
}

/// A server that has just done a little of everything, so that what is set up once is set up.
fn fresh() -> Kms {
    let kms = Kms::start(&["--max-file", MAX_FILE]);
    use_a_little(&kms);
    kms
}

/// A fresh server that holds a file, uploaded through an earlier process.
fn holding(size: u64) -> (Kms, String) {
    let kms = Kms::start(&["--max-file", MAX_FILE]);
    let answer = requests::upload_json(kms.address(), kms.token(), size, at_once);
    let kms = kms.restart();
    use_a_little(&kms);
    (kms, requests::fid(&answer))
}

fn use_a_little(kms: &Kms) {
    let size = BLOCK as u64;
    let answer = requests::upload_json(kms.address(), kms.token(), size, at_once);
    requests::download_json(kms, &requests::fid(&answer), size);
}

fn upload_json(kms: &Kms, size: u64, pace: Pace) {
    requests::upload_json(kms.address(), kms.token(), size, pace);
}

/// The growth of a fresh server during [`UPLOADS`] that begin together.
fn many(pace: Pace) -> f64 {
    let kms = fresh();
    let start = Barrier::new(UPLOADS);
    growth(kms.pid(), || {
        thread::scope(|scope| {
            for _ in 0..UPLOADS {
                scope.spawn(|| {
                    start.wait();
                    upload_json(&kms, UPLOAD_SIZE, pace);
                });
            }
        });
    })
}

/// Slower than any server, so that all uploads are under way together from beginning to end.
fn slowly(body: &Body, stream: &mut TcpStream) -> io::Result<()> {
    body.write_in(SLOW_PIECE, |piece| {
        thread::sleep(SLOW_PAUSE);
        stream.write_all(piece)
    })
}

/// MiB by which the highest resident memory during `work` is above what it was before.
fn growth(pid: u32, work: impl FnOnce()) -> f64 {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    // 5 sets the highest figure back to the present one.
    fs::write(folder.join("clear_refs"), "5").unwrap();
    let status = folder.join("status");
    let idle = kib(&fs::read_to_string(&status).unwrap(), "VmRSS:");
    work();
    let highest = kib(&fs::read_to_string(&status).unwrap(), "VmHWM:");
    highest.saturating_sub(idle) as f64 / 1024.0
}

/// Bytes that programs may still take.
fn available() -> u64 {
    kib(
        &fs::read_to_string("/proc/meminfo").unwrap(),
        "MemAvailable:",
    ) << 10
}

/// The number behind `name` in a table of the kernel.
fn kib(table: &str, name: &str) -> u64 {
    let line = table.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in {table}"))
}
