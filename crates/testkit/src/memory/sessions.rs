use kms_domain::users::{
    LoginRecorded, NewLogin, Session, SessionId, SessionRepository, TokenDigest, UserId,
};
use kms_domain::{PortError, Timestamp};

use super::MemoryDatabase;
use super::database::{SessionRow, State};

impl SessionRepository for MemoryDatabase {
    fn record_login(&self, login: &NewLogin) -> Result<LoginRecorded, PortError> {
        let mut state = self.lock();
        if state.sessions.contains_key(&login.session)
            || state.sessions.values().any(|row| row.token == login.token)
        {
            return Err(PortError::internal("this session or token exists"));
        }
        let Some(row) = state.users.get_mut(&login.user) else {
            return Ok(LoginRecorded::CredentialsChanged);
        };
        if row.user.password != login.verified {
            return Ok(LoginRecorded::CredentialsChanged);
        }
        if let Some(rehash) = &login.rehash {
            row.user.password = rehash.clone();
        }
        let first_time = !std::mem::replace(&mut row.logged_in, true);

        state.sessions.retain(|_, row| {
            let expired = row.session.last_used_at <= login.expired.last_used
                || row.session.created_at <= login.expired.created;
            row.session.user != login.user || !expired
        });
        state.make_room(login.user, login.session_limit.saturating_sub(1));
        let session = Session {
            id: login.session,
            user: login.user,
            created_at: login.at,
            last_used_at: login.at,
        };
        let row = SessionRow {
            session,
            token: login.token,
        };
        state.sessions.insert(login.session, row);
        Ok(LoginRecorded::Opened { first_time })
    }

    fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, PortError> {
        let state = self.lock();
        let mut rows = state.sessions.values();
        Ok(rows.find(|row| row.token == *token).map(|row| row.session))
    }

    fn touch(&self, session: SessionId, at: Timestamp) -> Result<(), PortError> {
        if let Some(row) = self.lock().sessions.get_mut(&session) {
            row.session.last_used_at = row.session.last_used_at.max(at);
        }
        Ok(())
    }
}

impl State {
    /// Ends those sessions of `user` that `which` picks.
    pub(super) fn end_sessions(&mut self, user: UserId, which: impl Fn(SessionId) -> bool) {
        self.sessions
            .retain(|id, row| row.session.user != user || !which(*id));
    }

    /// Ends the oldest sessions of `user` until `keep` are left.
    fn make_room(&mut self, user: UserId, keep: usize) {
        let mut own: Vec<_> = self
            .sessions
            .values()
            .filter(|row| row.session.user == user)
            .map(|row| (row.session.created_at, row.session.id))
            .collect();
        own.sort_unstable();
        for (_, id) in own.iter().take(own.len().saturating_sub(keep)) {
            self.sessions.remove(id);
        }
    }
}
