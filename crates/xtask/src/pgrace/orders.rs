//! The two orders, step by step: who does its work first, the one that refers or the one that collects, while the other's
//! transaction is open.

use crate::Failure;

use super::cluster::Cluster;
use super::scheme::{DOOM, LOST, Scheme, UNLINK, refer};
use super::session::Ended;

pub(super) const HEAD: &str =
    "key             first      the second  referrer  collector  lost  as expected";

/// Whose statement is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Referrer,
    Collector,
}

impl Order {
    pub(super) const ALL: [Self; 2] = [Self::Referrer, Self::Collector];

    const fn name(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::Collector => "collector",
        }
    }
}

/// What was seen of one order.
pub(super) struct Seen {
    scheme: Scheme,
    order: Order,
    waits: bool,
    referred: Ended,
    doomed: Ended,
    lost: String,
}

/// One entry is about to refer to content that nothing refers to, and one collector is about to doom it.
pub(super) fn play(cluster: &Cluster, scheme: Scheme, order: Order) -> Result<Seen, Failure> {
    let mut observer = cluster.session()?;
    observer.ask(&scheme.tables())?;
    observer.ask("INSERT INTO bytes VALUES (1)")?;
    observer.ask("INSERT INTO blobs (sha256, store_key) VALUES (1, 1)")?;

    let (mut referrer, mut collector) = (cluster.session()?, cluster.session()?);
    referrer.ask("BEGIN")?;
    collector.ask("BEGIN")?;
    let refer = refer("1");
    let (first, first_does, second, second_does) = match order {
        Order::Referrer => (&mut referrer, refer.as_str(), &mut collector, DOOM),
        Order::Collector => (&mut collector, DOOM, &mut referrer, refer.as_str()),
    };
    let first_ended = first.run(first_does)?;
    second.begin(second_does)?;
    let waits = second.waits(&mut observer)?;
    if waits {
        first.ask("COMMIT")?;
    }
    let second_ended = second.end()?;
    // The earliest moment at which the protocol allows to unlink: dooming is committed, the reference maybe not yet.
    // A transaction that was committed above is not there any more, which is no error.
    collector.ask("COMMIT")?;
    collector.ask(UNLINK)?;
    referrer.ask("COMMIT")?;
    let (referred, doomed) = match order {
        Order::Referrer => (first_ended, second_ended),
        Order::Collector => (second_ended, first_ended),
    };
    Ok(Seen {
        scheme,
        order,
        waits,
        referred,
        doomed,
        lost: observer.ask(LOST)?,
    })
}

impl Seen {
    pub(super) fn row(&self) -> String {
        format!(
            "{:<16}{:<11}{:<12}{:<10}{:<11}{:<6}{}",
            self.scheme.name(),
            self.order.name(),
            if self.waits { "waits" } else { "goes ahead" },
            told(&self.referred),
            told(&self.doomed),
            self.lost,
            super::verdict(self.complaint().as_ref()),
        )
    }

    /// What is not as it was claimed to be. Of the composite key, also that somebody has to wait and that exactly the
    /// second is refused: a key that refuses everything would lose nothing either.
    pub(super) fn complaint(&self) -> Option<String> {
        let one = Ended::Rows("1".to_owned());
        let (first, second) = match self.order {
            Order::Referrer => (&self.referred, &self.doomed),
            Order::Collector => (&self.doomed, &self.referred),
        };
        let expected = match self.scheme {
            Scheme::Composite => {
                self.waits && *first == one && *second == Ended::Refused && self.lost == "0"
            }
            Scheme::Plain => !self.waits && *first == one && *second == one && self.lost == "1",
            Scheme::PlainThatWaits => {
                self.waits && *first == one && *second == one && self.lost == "1"
            }
        };
        (!expected).then(|| {
            format!(
                "with the {} key and the {} first, this was not expected: {}",
                self.scheme.name(),
                self.order.name(),
                self.told()
            )
        })
    }

    fn told(&self) -> String {
        format!(
            "the second waited: {}; reference: {}; dooming: {}; entries lost: {}",
            self.waits,
            told(&self.referred),
            told(&self.doomed),
            self.lost
        )
    }
}

fn told(ended: &Ended) -> String {
    match ended {
        Ended::Rows(rows) if rows == "1" => "done".to_owned(),
        Ended::Rows(rows) => format!("{rows} rows"),
        Ended::Refused => "refused".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(scheme: Scheme, waits: bool, doomed: Ended, lost: &str) -> Seen {
        Seen {
            scheme,
            order: Order::Referrer,
            waits,
            referred: Ended::Rows("1".to_owned()),
            doomed,
            lost: lost.to_owned(),
        }
    }

    #[test]
    fn a_composite_key_that_loses_and_a_plain_one_that_does_not_are_complaints() {
        let done = || Ended::Rows("1".to_owned());
        let is_fine = |it: Seen| it.complaint().is_none();
        assert!(is_fine(seen(Scheme::Composite, true, Ended::Refused, "0")));
        assert!(!is_fine(seen(Scheme::Composite, true, done(), "1")));
        assert!(is_fine(seen(Scheme::Plain, false, done(), "1")));
        assert!(!is_fine(seen(Scheme::Plain, true, Ended::Refused, "0")));
    }
}
