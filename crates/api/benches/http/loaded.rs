//! A server with a million files, beside one that has next to none.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::Settings;
use crate::bodies;
use crate::kms::{self, Kms};
use crate::load::{Case, Measured};
use crate::seed::{self, OF_ALL, OF_ONE};
use crate::summary::Row;
use crate::table::{self, Contestant, Results, Spread};

/// Who has [`OF_ONE`] entries. Others do the uploads, so that the list stays as long as it is.
const PHONE: &str = "13800138003";
/// Nobody looks whether the contents are there: of a million there are no bytes.
const UNREAD: &[&str] = &["--scrub-rate", "0B"];
/// What a start with all of them may take.
const START_MILLIS: f64 = 5_000.0;

/// The same requests to both servers; the loaded one's stand first.
const RATES: [[&str; 2]; 2] = [
    ["info, loaded", "info, empty"],
    ["instant upload, loaded", "instant upload, empty"],
];
const START: [&str; 2] = ["start, loaded", "start, empty"];

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let [empty, loaded] = [Kms::start(UNREAD), Kms::start(UNREAD)];
    let token = kms::sign_in(loaded.address(), PHONE);
    // The contents that are uploaded again: these have bytes.
    for kms in [&empty, &loaded] {
        bodies::instant_upload(kms);
    }
    let begun = Instant::now();
    let (loaded, _) = loaded.restart_after(|folder| seed::fill(folder, PHONE));
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("loaded: {OF_ALL} files in {seconds:.0} s, {OF_ONE} of them in one account");

    let (starts, [loaded, empty]) = starts(settings, [loaded, empty]);
    let list = bodies::token_alone(&token);
    let lists = table::alternate(
        "loaded, own list",
        settings.rounds,
        &mut [
            Contestant::new("own list", |round| own_list(&loaded, &list, round == 0)),
            Contestant::new("page by date", |_| page(&loaded, &token, "oldest")),
            Contestant::new("page by name", |_| page(&loaded, &token, "name")),
            Contestant::new("page by size", |_| page(&loaded, &token, "largest")),
        ],
    );
    let rates = rates(settings, &loaded, &empty);
    print(&starts, &lists, &rates)
}

/// Starts both again, time after time. Milliseconds until each answers.
fn starts(settings: &Settings, servers: [Kms; 2]) -> (Vec<Results<f64>>, [Kms; 2]) {
    let mut servers = servers.map(Some);
    let mut contestants: Vec<_> = START
        .into_iter()
        .zip(&mut servers)
        .map(|(name, kms)| {
            Contestant::new(name, move |_| {
                let (again, time) = kms.take().unwrap().restart_after(|_| ());
                *kms = Some(again);
                millis(time)
            })
        })
        .collect();
    let results = table::alternate("loaded, start", settings.rounds, &mut contestants);
    drop(contestants);
    (results, servers.map(Option::unwrap))
}

fn rates(settings: &Settings, loaded: &Kms, empty: &Kms) -> Vec<Results<Measured>> {
    let servers = [loaded, empty];
    let cases: Vec<Case> = RATES
        .iter()
        .zip([
            servers.map(bodies::info),
            servers.map(bodies::instant_upload),
        ])
        .flat_map(|(names, requests)| {
            let [first, second] = requests;
            [
                Case::new(names[0], loaded.address(), first),
                Case::new(names[1], empty.address(), second),
            ]
        })
        .collect();
    settings.alternate("loaded, requests", &cases)
}

/// Milliseconds for the whole list on a connection of its own, whatever the form of its answer.
/// `checked`: it is looked at as well.
fn own_list(kms: &Kms, body: &str, checked: bool) -> f64 {
    if checked {
        let list = crate::server::ask(kms.address(), bodies::OWN_LIST, body);
        assert_eq!(list["total"], OF_ONE, "the list is not whole");
    }
    let request = format!(
        "POST {} HTTP/1.0\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{body}",
        bodies::OWN_LIST,
        body.len()
    );
    whole_answer(kms, &request)
}

/// Milliseconds for a page of 100 of the same entries in some order, likewise.
fn page(kms: &Kms, token: &str, sort: &str) -> f64 {
    let request = format!(
        "GET /api/v1/files?sort={sort} HTTP/1.0\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    whole_answer(kms, &request)
}

fn whole_answer(kms: &Kms, request: &str) -> f64 {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(kms.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let time = begun.elapsed();
    assert!(answer[8..].starts_with(b" 200 "), "not a success");
    millis(time)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn print(starts: &[Results<f64>], lists: &[Results<f64>], rates: &[Results<Measured>]) -> Vec<Row> {
    let title = format!("{OF_ALL} files, {OF_ONE} of them in one account");
    table::head(&title, &["", "ms", "lowest to highest"]);
    for result in starts.iter().chain(lists) {
        let spread = result.spread(|millis| *millis);
        println!("| {} | {} |", result.name, spread.cells(1));
    }
    table::head(&title, &["", "req/s", "lowest to highest", "p99 ms"]);
    for result in rates {
        let p99 = result.spread(|round| round.p99_millis).median;
        println!("| {} | {} | {p99:.2} |", result.name, rate(result).cells(0));
    }

    let named = |name| rates.iter().find(|result| result.name == name).map(rate);
    let [start, start_empty] = START.map(|name| table::spread_of(starts, name).unwrap());
    let mut rows = vec![
        Row::new(START[0], start.median, "ms").at_most(START_MILLIS),
        Row::new(START[1], start_empty.median, "ms"),
    ];
    for list in lists {
        let name = format!("{} ({OF_ONE} rows)", list.name);
        rows.push(Row::new(name, list.spread(|millis| *millis).median, "ms"));
    }
    for [loaded, empty] in RATES {
        let (on_loaded, on_empty) = (named(loaded).unwrap(), named(empty).unwrap());
        rows.push(Row::new(empty, on_empty.median, "req/s"));
        rows.push(Row::new(loaded, on_loaded.median, "req/s").of(empty, Some(on_empty)));
    }
    rows
}

fn rate(result: &Results<Measured>) -> Spread {
    result.spread(|round| round.per_second)
}
