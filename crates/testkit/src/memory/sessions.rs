use kms_domain::users::{
    EndSessions, LoginRecorded, NewLogin, OpenSession, Session, SessionId, SessionRepository,
    SessionsEnded, TokenDigest, UserId, WhichSessions,
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
            network: login.network,
            seq: state.next_seq(),
        };
        state.sessions.insert(login.session, row);
        state.record(&login.event);
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

    fn list_of(&self, user: UserId) -> Result<Vec<OpenSession>, PortError> {
        let state = self.lock();
        let mut rows: Vec<_> = state
            .sessions
            .values()
            .filter(|row| row.session.user == user)
            .collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.session.created_at, row.seq)));
        Ok(rows
            .into_iter()
            .map(|row| OpenSession {
                session: row.session,
                network: row.network,
            })
            .collect())
    }

    fn end(&self, ending: &EndSessions) -> Result<SessionsEnded, PortError> {
        let mut state = self.lock();
        let is_own =
            |row: Option<&SessionRow>| row.is_some_and(|row| row.session.user == ending.user);
        if !is_own(state.sessions.get(&ending.by)) {
            return Ok(SessionsEnded::AskerEnded);
        }
        let before = state.sessions.len();
        match ending.which {
            WhichSessions::One(session) if is_own(state.sessions.get(&session)) => {
                state.sessions.remove(&session);
            }
            WhichSessions::One(_) => return Ok(SessionsEnded::NotFound),
            WhichSessions::Others => state.end_sessions(ending.user, |id| id != ending.by),
        }
        if state.sessions.len() < before {
            state.record(&ending.event);
        }
        Ok(SessionsEnded::Ended)
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
