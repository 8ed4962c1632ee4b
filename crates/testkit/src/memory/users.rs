use kms_domain::PortError;
use kms_domain::audit::AuditEvent;
use kms_domain::users::{
    AccountUpdate, Credentials, Inserted, NewUser, PasswordHash, Phone, Profile, Updated, UserId,
    UserRepository,
};

use super::MemoryDatabase;
use super::database::{State, UserRow};

impl UserRepository for MemoryDatabase {
    fn register(&self, user: &NewUser) -> Result<Inserted, PortError> {
        let mut state = self.lock();
        if state.by_phone(&user.phone).is_some() {
            return Ok(Inserted::PhoneTaken);
        }
        if state.users.contains_key(&user.id) {
            return Err(PortError::internal(format!("account {} exists", user.id)));
        }
        let row = UserRow {
            user: user.clone(),
            logged_in: false,
        };
        state.users.insert(user.id, row);
        Ok(Inserted::Created)
    }

    fn is_registered(&self, phone: &Phone) -> Result<bool, PortError> {
        Ok(self.lock().by_phone(phone).is_some())
    }

    fn find_credentials(&self, phone: &Phone) -> Result<Option<Credentials>, PortError> {
        let state = self.lock();
        Ok(state.by_phone(phone).map(|row| Credentials {
            user: row.user.id,
            password: row.user.password.clone(),
        }))
    }

    fn find_password_hash(&self, user: UserId) -> Result<Option<PasswordHash>, PortError> {
        let state = self.lock();
        Ok(state.users.get(&user).map(|row| row.user.password.clone()))
    }

    fn find_profile(&self, user: UserId) -> Result<Option<Profile>, PortError> {
        Ok(self.lock().users.get(&user).map(profile))
    }

    fn update(&self, update: &AccountUpdate) -> Result<Updated, PortError> {
        let mut state = self.lock();
        let asks = state.sessions.get(&update.by);
        if asks.is_none_or(|row| row.session.user != update.user) {
            return Ok(Updated::SessionEnded);
        }
        let row = state
            .users
            .get_mut(&update.user)
            .expect("sessions have an account");
        let mut user = row.user.clone();
        if let Some(change) = &update.password {
            if user.password != change.seen {
                return Ok(Updated::PasswordMoved);
            }
            user.password = change.new.clone();
        }
        if let Some(name) = &update.name {
            user.name = name.clone();
        }
        user.birth = update.birth.or(user.birth);

        let moved = user.password != row.user.password;
        let changed = moved || user.name != row.user.name || user.birth != row.user.birth;
        row.user = user;
        if moved {
            state.end_sessions(update.user, |id| id != update.by);
            if let Some(change) = &update.password {
                state.record(&change.event);
            }
        }
        Ok(if changed {
            Updated::Changed
        } else {
            Updated::Unchanged
        })
    }

    fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        event: &AuditEvent,
    ) -> Result<bool, PortError> {
        let mut state = self.lock();
        let Some(row) = state.users.get_mut(&user) else {
            return Ok(false);
        };
        row.user.password = hash.clone();
        state.end_sessions(user, |_| true);
        state.record(event);
        Ok(true)
    }

    fn list(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, PortError> {
        let state = self.lock();
        let behind = state
            .users
            .values()
            .filter(|row| after.is_none_or(|after| row.user.id > after));
        Ok(behind.take(limit).map(profile).collect())
    }
}

impl State {
    fn by_phone(&self, phone: &Phone) -> Option<&UserRow> {
        self.users.values().find(|row| row.user.phone == *phone)
    }
}

fn profile(row: &UserRow) -> Profile {
    let user = &row.user;
    Profile {
        user: user.id,
        phone: user.phone.clone(),
        name: user.name.clone(),
        email: user.email.clone(),
        birth: user.birth,
        created_at: user.created_at,
    }
}
