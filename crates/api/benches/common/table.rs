//! Rounds that alternate, and the tables that they end in.

/// One contestant: a name, and what measures it once, given the number of the round.
pub(crate) struct Contestant<'a, T> {
    pub(crate) name: &'static str,
    pub(crate) measure: Box<dyn FnMut(usize) -> T + 'a>,
}

impl<'a, T> Contestant<'a, T> {
    pub(crate) fn new(name: &'static str, measure: impl FnMut(usize) -> T + 'a) -> Self {
        Self {
            name,
            measure: Box::new(measure),
        }
    }
}

/// What one contestant did in each round.
pub(crate) struct Results<T> {
    pub(crate) name: &'static str,
    rounds: Vec<T>,
}

/// Measures all contestants in turn, `rounds` times after a round that only warms up: the first
/// touch of memory and of files is several times slower.
pub(crate) fn alternate<T>(
    part: &str,
    rounds: usize,
    contestants: &mut [Contestant<'_, T>],
) -> Vec<Results<T>> {
    let mut results: Vec<Results<T>> = contestants
        .iter()
        .map(|contestant| Results {
            name: contestant.name,
            rounds: Vec::new(),
        })
        .collect();
    for round in 0..=rounds {
        eprintln!("{part}: round {round} of {rounds}");
        for (contestant, results) in contestants.iter_mut().zip(&mut results) {
            let measured = (contestant.measure)(round);
            if round > 0 {
                results.rounds.push(measured);
            }
        }
    }
    results
}

impl<T> Results<T> {
    /// The middle of `of` over the rounds, and its ends.
    pub(crate) fn spread(&self, of: impl Fn(&T) -> f64) -> Spread {
        let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        Spread {
            median: f64::midpoint(values[low], values[high]),
            lowest: values[0],
            highest: values[values.len() - 1],
        }
    }
}

/// A median with what it is the median of.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// The first two columns of each row.
    pub(crate) fn cells(&self, digits: usize) -> String {
        format!(
            "{:.digits$} | {:.digits$} to {:.digits$}",
            self.median, self.lowest, self.highest
        )
    }

    /// A column that compares; a dash where there is nothing to compare with.
    pub(crate) fn of(&self, denominator: Option<Self>) -> String {
        denominator.map_or_else(
            || "–".to_owned(),
            |denominator| format!("{:.2}", self.median / denominator.median),
        )
    }
}

/// Finds the row that others are compared with.
pub(crate) fn spread_of(results: &[Results<f64>], name: &str) -> Option<Spread> {
    let found = results.iter().find(|result| result.name == name)?;
    Some(found.spread(|value| *value))
}

/// Prints the head of a table.
pub(crate) fn head(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// Says which row is missing, and why.
pub(crate) fn skipped(row: &str, why: &str) {
    println!("\nSKIPPED: {row}: {why}");
}
