//! The parts of a benchmark, all of them or those that the arguments name.

use crate::summary::{self, Row};

/// A part of a run: what it measured.
pub(crate) type Part<S> = fn(&S) -> Vec<Row>;

/// Runs the parts that were asked for, after `describe`, and ends with their summary.
pub(crate) fn run<S>(settings: &S, describe: fn(&S), parts: &[(&str, Part<S>)]) {
    // Cargo adds this one by itself.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = wanted.iter().find(|part| !names.contains(&part.as_str())) {
        panic!(
            "there is no part `{unknown}`; there are {}",
            names.join(", ")
        );
    }
    describe(settings);
    let mut rows = Vec::new();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            rows.extend(part(settings));
        }
    }
    summary::finish(&rows);
}
