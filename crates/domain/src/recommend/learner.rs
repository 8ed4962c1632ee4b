use std::sync::Arc;

use super::{DownloadQueue, InteractionRepository};
use crate::PortError;

/// Rows that one transaction takes. All writes of the server wait for it.
const BATCH: usize = 32;

/// Learns from what has happened, a little at a time, beside a server that is busy with other things.
#[derive(Clone)]
pub struct Learner {
    /// Where it is learned.
    pub interactions: Arc<dyn InteractionRepository>,
    /// What was downloaded.
    pub downloads: DownloadQueue,
}

/// What one step of a [`Learner`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// There may be more.
    Some,
    /// There was nothing left.
    Nothing,
}

impl Learner {
    /// Learns the next few things.
    ///
    /// # Errors
    /// [`PortError`]. Downloads that were taken from the queue are lost then; all else is tried again.
    pub fn step(&self) -> Result<Learned, PortError> {
        let events = self.downloads.take(BATCH);
        if !events.is_empty() {
            self.interactions.learn(&events)?;
        }
        let rows = if self.interactions.is_behind()? {
            self.interactions.learn_next(BATCH)?
        } else {
            0
        };
        Ok(if rows == 0 && events.is_empty() {
            Learned::Nothing
        } else {
            Learned::Some
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::files::BlobId;
    use crate::recommend::interaction_repository::MockInteractionRepository;
    use crate::users::UserId;
    use crate::{PortErrorKind, Timestamp};

    fn download(queue: &DownloadQueue) {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        queue.push(user, BlobId::from_i64(1), Timestamp::from_millis(0));
    }

    fn learner(mock: MockInteractionRepository) -> Learner {
        Learner {
            interactions: Arc::new(mock),
            downloads: DownloadQueue::new(),
        }
    }

    #[test]
    fn who_has_nothing_to_learn_writes_nothing() {
        let mut mock = MockInteractionRepository::new();
        mock.expect_is_behind().times(1).returning(|| Ok(false));
        assert_eq!(learner(mock).step().unwrap(), Learned::Nothing);
    }

    #[test]
    fn downloads_and_rows_are_learned_in_small_batches() {
        let mut mock = MockInteractionRepository::new();
        mock.expect_is_behind().returning(|| Ok(true));
        mock.expect_learn().times(1).returning(|events| {
            assert_eq!(events.len(), 1);
            Ok(())
        });
        mock.expect_learn_next().times(1).returning(|most| {
            assert_eq!(most, BATCH);
            Ok(0)
        });
        let learner = learner(mock);
        download(&learner.downloads);
        assert_eq!(learner.step().unwrap(), Learned::Some);
    }

    #[test]
    fn a_failure_is_told_and_the_next_step_goes_on() {
        let mut mock = MockInteractionRepository::new();
        mock.expect_learn()
            .times(1)
            .returning(|_| Err(PortError::new(PortErrorKind::Unavailable, "busy")));
        mock.expect_is_behind().times(1).returning(|| Ok(false));
        let learner = learner(mock);
        download(&learner.downloads);
        assert!(learner.step().is_err());
        assert_eq!(learner.step().unwrap(), Learned::Nothing);
    }
}
