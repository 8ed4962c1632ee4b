//! How much a caller holds and may hold.

use super::{ClaimOutcome, FileError, FileService};
use crate::PortError;
use crate::files::Standing;
use crate::users::Actor;

impl FileService {
    /// How the caller stands to the limits, by one indexed read. What it says may be so no more when
    /// something is stored: the repository judges again then, and that counts.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn standing(&self, actor: &Actor) -> Result<Standing, FileError> {
        let user = actor.user();
        let usage = self
            .usage
            .find_usage(user)?
            .ok_or_else(|| PortError::internal(format!("account {user} has no counters")))?;
        Ok(usage.standing(self.config.quota))
    }

    /// The answer to a claim of what is not held. Whoever has no room at all is told so, as for what is
    /// held: otherwise the client would send bytes for nothing.
    pub(super) fn miss(&self, actor: &Actor) -> Result<ClaimOutcome, FileError> {
        Ok(match self.standing(actor)?.room() {
            0 => ClaimOutcome::OverQuota,
            _ => ClaimOutcome::NotHeld,
        })
    }
}
