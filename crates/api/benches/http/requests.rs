//! Small requests to a nearly empty server.

use crate::Settings;
use crate::bodies;
use crate::kms::Kms;
use crate::load::{Case, Measured};
use crate::server::{self, Server};
use crate::summary::Row;
use crate::table::{self, Results, Spread};

const CONSTANT: &str = "constant answer";
const INFO: &str = "info";
const INSTANT: &str = "instant upload";
const INSTANT_EACH: &str = "instant upload, a transaction each";

pub(crate) fn run(settings: &Settings) -> Vec<Row> {
    let baseline = Server::start(&mut server::baseline());
    let constant = baseline.address();
    // 64 logins at once wait longer than a client is made to: refused, they would stop the run.
    let kms = Kms::start(&["--queue-wait", "1min"]);
    let each = Kms::start(&["--sqlite-group", "1"]);
    let address = kms.address();
    let cases = [
        Case::new(CONSTANT, constant, server::post(constant, "/", "{}")),
        Case::new(INFO, address, bodies::info(&kms)),
        Case::new("own list (20 rows)", address, bodies::own_list(&kms, 20)),
        Case::new(INSTANT, address, bodies::instant_upload(&kms)),
        Case::new(INSTANT_EACH, each.address(), bodies::instant_upload(&each)),
        Case::new("getfile (10 KiB)", address, bodies::get_file(&kms)),
        Case::new("login", address, bodies::login(&kms)),
    ];
    let results = settings.alternate("requests", &cases);
    print(&results);
    let named = |name| results.iter().find(|r| r.name == name).map(rate);
    let against = Against {
        constant: named(CONSTANT),
        each: named(INSTANT_EACH),
    };
    results
        .iter()
        .flat_map(|result| rows(result, against))
        .collect()
}

/// What others are compared with.
#[derive(Clone, Copy)]
struct Against {
    constant: Option<Spread>,
    each: Option<Spread>,
}

fn rate(result: &Results<Measured>) -> Spread {
    result.spread(|round| round.per_second)
}

fn print(results: &[Results<Measured>]) {
    table::head(
        "Requests",
        &[
            "request",
            "req/s",
            "lowest to highest",
            "p50 ms",
            "p99 ms",
            "of constant",
        ],
    );
    let constant = rate(&results[0]).median;
    for result in results {
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.4} |",
            result.name,
            rate(result).cells(0),
            result.spread(|round| round.p50_millis).median,
            result.spread(|round| round.p99_millis).median,
            rate(result).median / constant,
        );
    }
}

fn rows(result: &Results<Measured>, against: Against) -> Vec<Row> {
    let row = || Row::new(result.name, rate(result).median, "req/s");
    match result.name {
        CONSTANT | INSTANT_EACH => vec![row()],
        INFO => vec![row().of(CONSTANT, against.constant).at_least(0.60)],
        INSTANT => {
            let p99 = result.spread(|round| round.p99_millis).median;
            vec![
                row().at_least(25_000.0),
                row().of("a transaction each", against.each).at_least(5.0),
                Row::new("instant upload, p99", p99, "ms").at_most(10.0),
            ]
        }
        _ => vec![row().of(CONSTANT, against.constant)],
    }
}
