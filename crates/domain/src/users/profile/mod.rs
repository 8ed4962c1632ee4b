//! The value objects of a profile.

mod birth;
mod display_name;
mod email;
mod ids;
mod phone;

pub use birth::Birth;
pub use display_name::{DisplayName, DisplayNameError};
pub use email::{Email, EmailError};
pub use ids::{SessionId, UserId};
pub use phone::{Phone, PhoneError};
