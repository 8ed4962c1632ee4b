//! The operator's view of what accounts hold.

use std::sync::Arc;

use super::{OwnQuota, Usage, UsageRepository};
use crate::PortError;
use crate::users::{Phone, UserId, UserRepository};

/// Looking at usage and deciding about quotas, for the operator.
#[derive(Clone)]
pub struct QuotaService {
    /// The accounts.
    pub users: Arc<dyn UserRepository>,
    /// What they hold.
    pub usage: Arc<dyn UsageRepository>,
}

impl QuotaService {
    /// What an account holds, and what was decided about it. `None`: no such account.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn usage(&self, user: UserId) -> Result<Option<Usage>, PortError> {
        self.usage.find_usage(user)
    }

    /// The same by its phone.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn usage_of(&self, phone: &Phone) -> Result<Option<Usage>, PortError> {
        match self.users.find_credentials(phone)? {
            Some(account) => self.usage.find_usage(account.user),
            None => Ok(None),
        }
    }

    /// Decides about an account. A server that is running judges the next upload by it. `false`: no
    /// account has this phone.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn decide(&self, phone: &Phone, quota: OwnQuota) -> Result<bool, PortError> {
        match self.users.find_credentials(phone)? {
            Some(account) => self.usage.set_quota(account.user, quota),
            None => Ok(false),
        }
    }
}
