use super::password::PasswordAttempt;
use super::question::Question;
use crate::users::LoginOutcome;

/// A login on its way. Dropped without [`Self::settle`], it proves nothing either way, and everything
/// that was charged for it is given back.
#[must_use]
pub struct LoginAttempt {
    question: Question,
    password: PasswordAttempt,
}

impl LoginAttempt {
    pub(super) const fn new(question: Question, password: PasswordAttempt) -> Self {
        Self { question, password }
    }

    /// What came of it. A phone that nobody has is no account to be guarded: it costs the network, not
    /// the pair.
    pub fn settle(self, outcome: &LoginOutcome) {
        let Self { question, password } = self;
        match outcome {
            LoginOutcome::LoggedIn { .. } => {
                password.right();
                drop(question);
            }
            LoginOutcome::UnknownPhone => question.told(password.phone()),
            LoginOutcome::WrongPassword => {
                password.wrong();
                question.keep();
            }
        }
    }
}
