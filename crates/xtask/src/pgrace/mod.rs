//! `cargo xtask pgrace [seconds]`: the race between a collector and a reference to what it collects, on PostgreSQL.
//!
//! What is claimed (docs/adr/0005): under READ COMMITTED a plain foreign key with a collector that asks `NOT EXISTS`
//! loses bytes that a committed row refers to, and the composite key that all our tables have does not. Both halves
//! are shown with real sessions, in each order, and then by many sessions at once. The plain key is the control: if
//! it loses nothing, this rig sees nothing, and the command fails as if the composite key had lost.

mod cluster;
mod orders;
mod scheme;
mod session;
mod stress;

use crate::{Failure, Outcome};
use cluster::Cluster;
use scheme::Scheme;
use std::time::Duration;

const DEFAULT_SECONDS: u64 = 4;

/// The last column of a row: whether all is as it was claimed to be.
fn verdict(complaint: Option<&String>) -> &'static str {
    match complaint {
        None => "yes",
        Some(_) => "NO",
    }
}

/// Starts a cluster that nobody else sees, shows both orders and the crowd for each key, and stops it.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let crowd = seconds(args)?;
    let Some(tools) = cluster::Tools::find() else {
        return Ok(Outcome::Skipped(
            "PostgreSQL's initdb, postgres and psql were not found, neither on the PATH nor in \
             /usr/lib/postgresql/*/bin, so NOTHING was shown"
                .to_owned(),
        ));
    };
    let cluster = Cluster::start(&tools)?;
    println!("{}", cluster.version()?);
    let mut wrong = Vec::new();
    println!("\n{}", orders::HEAD);
    for scheme in Scheme::ALL {
        for order in orders::Order::ALL {
            let seen = orders::play(&cluster, scheme, order)?;
            println!("{}", seen.row());
            wrong.extend(seen.complaint());
        }
    }
    println!(
        "\nA crowd for {} s a key:\n{}",
        crowd.as_secs(),
        stress::HEAD
    );
    for scheme in Scheme::ALL {
        let seen = stress::play(&cluster, scheme, crowd)?;
        println!("{}", seen.row());
        wrong.extend(seen.complaint());
    }
    cluster.stop()?;
    if wrong.is_empty() {
        println!(
            "\npgrace: the composite key lost nothing, and the plain one was caught losing each time"
        );
        Ok(Outcome::Done)
    } else {
        Err(Failure::Failed(wrong.join("\npgrace: ")))
    }
}

fn seconds(args: &[String]) -> Result<Duration, Failure> {
    match args {
        [] => Ok(Duration::from_secs(DEFAULT_SECONDS)),
        [seconds] => match seconds.parse() {
            Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
            _ => Err(Failure::Usage(format!(
                "`{seconds}` is no number of seconds"
            ))),
        },
        _ => Err(Failure::Usage("takes the seconds of each crowd".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_are_a_number_above_zero_or_the_default() {
        assert_eq!(seconds(&[]), Ok(Duration::from_secs(DEFAULT_SECONDS)));
        assert_eq!(seconds(&["60".to_owned()]), Ok(Duration::from_secs(60)));
        for wrong in ["0", "-1", "long"] {
            assert!(matches!(
                seconds(&[wrong.to_owned()]),
                Err(Failure::Usage(_))
            ));
        }
    }
}
