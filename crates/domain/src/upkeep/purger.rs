//! Emptying the trash of what was deleted long enough ago.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::files::{FavouriteRepository, TrashRepository};
use crate::{Clock, PortError};

/// Rows that go in one transaction, for which everybody else's writes wait.
const BATCH: usize = 256;

/// Sources that are looked at in one read.
const WINDOW: usize = 1024;

/// Removes for good what nobody can bring back any more.
#[derive(Clone)]
pub struct Purger {
    /// What was deleted.
    pub trash: Arc<dyn TrashRepository>,
    /// What was made of entries that are gone.
    pub favourites: Arc<dyn FavouriteRepository>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How long a deleted entry can be brought back, in milliseconds.
    pub retention: i64,
}

impl Purger {
    /// Removes deleted entries whose time is over, and then favourites that are withheld for ever, batch
    /// by batch for as long as `go_on` says so. Answers how many entries went.
    ///
    /// # Errors
    /// [`PortError`]; what was removed until then stays removed.
    pub fn purge(&self, go_on: &mut dyn FnMut() -> ControlFlow<()>) -> Result<usize, PortError> {
        let due = self.clock.now().minus_millis(self.retention);
        let mut purged = 0_usize;
        while go_on().is_continue() {
            let removed = self.trash.purge_before(due, BATCH)?;
            purged = purged.saturating_add(removed);
            if removed < BATCH {
                break;
            }
        }
        let mut after = None;
        while go_on().is_continue() {
            let lost = self.favourites.find_lost(after, WINDOW)?;
            if let Some(source) = lost.found {
                while go_on().is_continue() && self.favourites.remove_withheld(source, BATCH)? {}
            }
            after = lost.next;
            if after.is_none() {
                break;
            }
        }
        Ok(purged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::files::{FileId, LostSource, MockFavouriteRepository, MockTrashRepository};
    use crate::test_doubles::{NOW, Script, clock_at, fail_every_call};

    fn fid(n: u128) -> FileId {
        FileId::from_uuid(uuid::Uuid::from_u128(n))
    }

    /// A trash with so many entries that are due, and so many steps of favourites that are withheld for ever, of one
    /// source that comes behind a window without any.
    fn purger(script: &Script, mut due: usize, mut steps: usize) -> Purger {
        let (on_trash, on_favourites) = (script.clone(), script.clone());
        let mut trash = MockTrashRepository::new();
        let before = Timestamp::from_millis(NOW.as_millis() - 700);
        trash.expect_purge_before().returning_st(move |at, limit| {
            assert_eq!((at, limit), (before, BATCH));
            on_trash.call("trash.purge_before")?;
            let gone = due.min(limit);
            due -= gone;
            Ok(gone)
        });
        let mut favourites = MockFavouriteRepository::new();
        let on_walk = script.clone();
        let (empty, lost) = (fid(1), fid(2));
        favourites
            .expect_find_lost()
            .returning_st(move |after, window| {
                assert_eq!(window, WINDOW);
                on_walk.call("favourites.find_lost")?;
                Ok(if after.is_none() {
                    LostSource {
                        found: None,
                        next: Some(empty),
                    }
                } else {
                    assert_eq!(after, Some(empty));
                    LostSource {
                        found: Some(lost),
                        next: None,
                    }
                })
            });
        favourites
            .expect_remove_withheld()
            .returning_st(move |source, limit| {
                assert_eq!((source, limit), (lost, BATCH));
                on_favourites.call("favourites.remove_withheld")?;
                let more = steps > 0;
                steps = steps.saturating_sub(1);
                Ok(more)
            });
        Purger {
            trash: Arc::new(trash),
            favourites: Arc::new(favourites),
            clock: Arc::new(clock_at(NOW)),
            retention: 700,
        }
    }

    #[test]
    fn everything_that_is_due_goes_in_batches_and_then_what_is_withheld() {
        for (due, batches) in [(0, 1), (1, 1), (BATCH, 2), (BATCH * 2 + 1, 3)] {
            let script = Script::default();
            let purger = purger(&script, due, 2);
            let purged = purger.purge(&mut || ControlFlow::Continue(())).unwrap();
            assert_eq!(purged, due);
            assert_eq!(script.count("trash.purge_before"), batches);
            assert_eq!(script.count("favourites.find_lost"), 2);
            assert_eq!(script.count("favourites.remove_withheld"), 3);
        }
    }

    #[test]
    fn it_stops_between_two_batches() {
        let script = Script::default();
        let mut rounds = 0;
        let mut twice = || {
            rounds += 1;
            if rounds > 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let purged = purger(&script, BATCH * 9, 9).purge(&mut twice).unwrap();
        assert_eq!(purged, BATCH * 2);
        assert_eq!(script.count("favourites.remove_withheld"), 0);
    }

    #[test]
    fn a_failure_ends_it_and_is_told() {
        fail_every_call(
            &[],
            |script| {
                let purger = purger(script, BATCH + 1, 1);
                let purged = purger.purge(&mut || ControlFlow::Continue(()));
                purged.map_err(|error| crate::codes::Coded::code(&error))
            },
            |purged| *purged == BATCH + 1,
        );
    }
}
