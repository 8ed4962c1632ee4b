//! What looking after a folder with a million files costs: a collection and a quick check, each by its
//! command. Unlike those of `loaded`, these contents have bytes: small ones, in packs.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use crate::Settings;
use crate::kms::Kms;
use crate::seed::FAST;
use crate::server;
use crate::summary::Row;
use crate::table;

/// Files, if nobody asks for another number.
const FILES: usize = 1_000_000;
/// The number.
const COUNT: &str = "KMS_BENCH_UPKEEP_FILES";
/// Bytes of each: what takes one block.
const SIZE: usize = 1000;
/// Uploads at once.
const CLIENTS: usize = 64;
/// One in so many entries is deleted before the second collection.
const DELETED: usize = 10;

/// What a command took.
struct Cost {
    seconds: f64,
    /// The most memory that it had.
    mib: f64,
}

pub(crate) fn run(_: &Settings) -> Vec<Row> {
    let files = server::setting(COUNT, FILES);
    let kms = Kms::start(&[]);
    let begun = Instant::now();
    fill(&kms, kms.token(), files);
    let seconds = begun.elapsed().as_secs_f64();
    let folder = kms.stop();
    age(folder.path());
    eprintln!("upkeep: {files} files of {SIZE} bytes in {seconds:.0} s");

    let ages = ["--gc-grace", "0s", "--stray-age", "1d"];
    let gc = [&["gc", "--apply"], &ages[..]].concat();
    let nothing = command(folder.path(), &gc);
    let check = command(folder.path(), &["fsck", "--quick"]);
    delete(folder.path());
    let tenth = command(folder.path(), &gc);
    let costs = [
        ("collection that finds nothing", nothing),
        ("fsck --quick", check),
        ("collection of a tenth", tenth),
    ];
    table::head(
        &format!("Upkeep of {files} files"),
        &["what", "seconds", "peak of its memory, MiB"],
    );
    for (what, cost) in &costs {
        println!("| {what} | {:.2} | {:.1} |", cost.seconds, cost.mib);
    }
    costs
        .iter()
        .flat_map(|(what, cost)| {
            [
                Row::new(format!("{what}, {files} files"), cost.seconds, "s"),
                Row::new(format!("{what}, peak memory"), cost.mib, "MiB"),
            ]
        })
        .collect()
}

/// Stores the contents through the server, each over an entry of its own.
fn fill(kms: &Kms, token: &str, files: usize) {
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(kms.address()).unwrap();
                let mut answer = [0; 4096];
                for number in (client..files).step_by(CLIENTS) {
                    let mut request = format!(
                        "POST /api/v1/files?name=report HTTP/1.1\r\nHost: kms\r\n\
                         Authorization: Bearer {token}\r\nContent-Length: {SIZE}\r\n\r\n"
                    )
                    .into_bytes();
                    let mut content = [7_u8; SIZE];
                    content[..8].copy_from_slice(&number.to_le_bytes());
                    request.extend_from_slice(&content);
                    stream.write_all(&request).unwrap();
                    // Less than what the buffer holds, written at once.
                    let read = stream.read(&mut answer).unwrap();
                    assert!(answer[..read].starts_with(b"HTTP/1.1 201"), "{number}");
                }
            });
        }
    });
}

/// Makes all of them look older than a day, so that each is looked up.
fn age(folder: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for pack in fs::read_dir(folder.join("packs")).unwrap() {
        let pack = File::options().write(true).open(pack.unwrap().path());
        pack.unwrap().set_modified(long_ago).unwrap();
    }
}

fn delete(folder: &Path) {
    let path = folder.join("kms.db");
    let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    database.batch_execute(FAST).unwrap();
    let gone = format!("DELETE FROM files WHERE blob_id % {DELETED} = 0");
    database.batch_execute(&gone).unwrap();
    // As the server has it.
    database.batch_execute("PRAGMA journal_mode = WAL").unwrap();
}

/// Runs `kms-server` to its end, which must be a success.
fn command(folder: &Path, arguments: &[&str]) -> Cost {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kms-server"))
        .args(arguments)
        .arg("--data-dir")
        .arg(folder)
        .env_clear()
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut kib = 0_u64;
    let status = loop {
        // Read while it lives: a process that has ended tells nothing any more.
        if let Some(more) = fs::read_to_string(&status_file)
            .ok()
            .and_then(|text| highest(&text))
        {
            kib = kib.max(more);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{arguments:?}: {status}");
    Cost {
        seconds: begun.elapsed().as_secs_f64(),
        mib: kib as f64 / 1024.0,
    }
}

fn highest(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
