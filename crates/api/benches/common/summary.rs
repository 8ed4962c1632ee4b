//! One table at the end: everything that was measured, what it is compared with, and whether that
//! is good enough.

use std::fs::OpenOptions;
use std::io::Write;

use crate::server;
use crate::table::{self, Spread};

/// Names a file that collects the rows of several benchmarks, for who prints them together.
const COLLECTED: &str = "KMS_BENCH_SUMMARY";

/// What must be so.
#[derive(Clone, Copy)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// One figure.
pub(crate) struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is compared with, and how it stands to that, if that was measured.
    against: Option<(String, Option<f64>)>,
    target: Option<Target>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            against: None,
            target: None,
        }
    }

    /// Compares it with `denominator`, which is `None` where that could not be measured.
    pub(crate) fn of(mut self, name: &str, denominator: Option<Spread>) -> Self {
        let ratio = denominator.map(|denominator| self.value / denominator.median);
        self.against = Some((name.to_owned(), ratio));
        self
    }

    /// The least that will do: of the ratio where there is one, and else of the value.
    pub(crate) fn at_least(mut self, least: f64) -> Self {
        self.target = Some(Target::AtLeast(least));
        self
    }

    /// The most that will do, likewise.
    pub(crate) fn at_most(mut self, most: f64) -> Self {
        self.target = Some(Target::AtMost(most));
        self
    }

    fn line(&self) -> String {
        let dash = || "–".to_owned();
        let (against, ratio) = match &self.against {
            Some((name, ratio)) => (name.clone(), ratio.map(|ratio| format!("{ratio:.2}"))),
            None => (dash(), None),
        };
        let (unit, judged) = match &self.against {
            Some((_, ratio)) => ("", *ratio),
            None => (self.unit, Some(self.value)),
        };
        let (target, met) = match self.target {
            None => (dash(), dash()),
            Some(target) => (target.shown(unit), target.judge(judged)),
        };
        format!(
            "| {} | {} {} | {against} | {} | {target} | {met} |",
            self.what,
            number(self.value),
            self.unit,
            ratio.unwrap_or_else(dash),
        )
    }
}

impl Target {
    fn shown(self, unit: &str) -> String {
        let (sign, limit) = match self {
            Self::AtLeast(least) => ('≥', least),
            Self::AtMost(most) => ('≤', most),
        };
        format!("{sign} {} {unit}", number(limit)).trim().to_owned()
    }

    fn judge(self, value: Option<f64>) -> String {
        let met = match (self, value) {
            (_, None) => "not measured",
            (Self::AtLeast(least), Some(value)) if value >= least => "met",
            (Self::AtMost(most), Some(value)) if value <= most => "met",
            (_, Some(_)) => "NOT MET",
        };
        met.to_owned()
    }
}

/// About three digits.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// Prints the rows as a table, or hands them on to who prints it.
pub(crate) fn finish(rows: &[Row]) {
    let Some(path) = server::variable(COLLECTED) else {
        table::head(
            "Summary",
            &["what", "value", "compared with", "ratio", "target", ""],
        );
        rows.iter().for_each(|row| println!("{}", row.line()));
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.unwrap();
    for row in rows {
        writeln!(file, "{}", row.line()).unwrap();
    }
}
