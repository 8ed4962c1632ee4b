use diesel::prelude::*;
use kms_domain::users::{
    EndSessions, LoginRecorded, NewLogin, OpenSession, Session, SessionId, SessionRepository,
    SessionsEnded, TokenDigest, UserId, WhichSessions,
};
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::audit::{parse_network, record};
use super::error::{During, SqliteError};
use super::row::{Hex, RowName, count};
use super::schema::{sessions, users};

/// Sessions in SQLite.
#[derive(Clone)]
pub struct SqliteSessionRepository {
    db: SqliteDatabase,
}

impl SqliteSessionRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
struct NewSessionRow<'a> {
    id: &'a [u8],
    user_id: &'a [u8],
    token_sha256: &'a [u8],
    created_at: i64,
    last_used_at: i64,
    network: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::sqlite::Sqlite))]
struct SessionRow {
    id: Vec<u8>,
    user_id: Vec<u8>,
    created_at: i64,
    last_used_at: i64,
}

impl SessionRow {
    fn into_domain(self) -> Result<Session, SqliteError> {
        let row = RowName {
            table: "sessions",
            id: &Hex(&self.id),
        };
        Ok(Session {
            id: SessionId::from_uuid(row.uuid("id", &self.id)?),
            user: row.user_id("user_id", &self.user_id)?,
            created_at: Timestamp::from_millis(self.created_at),
            last_used_at: Timestamp::from_millis(self.last_used_at),
        })
    }

    fn into_open(self, network: Option<&str>) -> Result<OpenSession, SqliteError> {
        let id = self.id.clone();
        let row = RowName {
            table: "sessions",
            id: &Hex(&id),
        };
        Ok(OpenSession {
            session: self.into_domain()?,
            network: parse_network(row, network)?,
        })
    }
}

impl SessionRepository for SqliteSessionRepository {
    fn record_login(&self, login: &NewLogin) -> Result<LoginRecorded, PortError> {
        let login = login.clone();
        self.db
            .write("record_login", move |conn| record_login(conn, &login))
    }

    fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, PortError> {
        self.db.read(|conn| {
            sessions::table
                .filter(sessions::token_sha256.eq(token.as_bytes().as_slice()))
                .select(SessionRow::as_select())
                .get_result(conn)
                .optional()
                .during("find_by_token")?
                .map(SessionRow::into_domain)
                .transpose()
        })
    }

    fn touch(&self, session: SessionId, at: Timestamp) -> Result<(), PortError> {
        self.db.write("touch", move |conn| {
            let older = sessions::table
                .filter(sessions::id.eq(session.as_uuid().into_bytes().to_vec()))
                .filter(sessions::last_used_at.lt(at.as_millis()));
            diesel::update(older)
                .set(sessions::last_used_at.eq(at.as_millis()))
                .execute(conn)
                .during("touch")?;
            Ok(())
        })
    }

    fn list_of(&self, user: UserId) -> Result<Vec<OpenSession>, PortError> {
        self.db.read(|conn| {
            let rows: Vec<(SessionRow, Option<String>)> = sessions::table
                .filter(sessions::user_id.eq(user.as_uuid().as_bytes().as_slice()))
                .order((sessions::created_at.desc(), sessions::seq.desc()))
                .select((SessionRow::as_select(), sessions::network))
                .load(conn)
                .during("list_of")?;
            rows.into_iter()
                .map(|(row, network)| row.into_open(network.as_deref()))
                .collect()
        })
    }

    fn end(&self, ending: &EndSessions) -> Result<SessionsEnded, PortError> {
        let ending = ending.clone();
        self.db.write("end", move |conn| end(conn, &ending))
    }
}

fn end(conn: &mut SqliteConnection, ending: &EndSessions) -> Result<SessionsEnded, SqliteError> {
    let user = ending.user.as_uuid().into_bytes();
    let by = ending.by.as_uuid().into_bytes();
    let asking = sessions::table
        .filter(sessions::id.eq(by.as_slice()))
        .filter(sessions::user_id.eq(user.as_slice()));
    if !diesel::select(diesel::dsl::exists(asking))
        .get_result(conn)
        .during("end: look for the session")?
    {
        return Ok(SessionsEnded::AskerEnded);
    }
    let own = sessions::table.filter(sessions::user_id.eq(user.as_slice()));
    let ended = match ending.which {
        WhichSessions::One(session) => {
            let id = session.as_uuid().into_bytes();
            diesel::delete(own.filter(sessions::id.eq(id.as_slice()))).execute(conn)
        }
        WhichSessions::Others => {
            diesel::delete(own.filter(sessions::id.ne(by.as_slice()))).execute(conn)
        }
    };
    let ended = ended.during("end: end the sessions")?;
    match (ended, ending.which) {
        (0, WhichSessions::One(_)) => Ok(SessionsEnded::NotFound),
        (0, WhichSessions::Others) => Ok(SessionsEnded::Ended),
        _ => {
            record(conn, &ending.event)?;
            Ok(SessionsEnded::Ended)
        }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct LoginChanges<'a> {
    password_hash: Option<&'a str>,
    first_login_at: Option<i64>,
}

fn record_login(
    conn: &mut SqliteConnection,
    login: &NewLogin,
) -> Result<LoginRecorded, SqliteError> {
    let user = login.user.as_uuid().into_bytes();
    let account = users::table
        .filter(users::id.eq(user.as_slice()))
        .select((users::password_hash, users::first_login_at))
        .get_result::<(String, Option<i64>)>(conn)
        .optional()
        .during("record_login: read the account")?;
    let Some((hash, first_login_at)) = account else {
        return Ok(LoginRecorded::CredentialsChanged);
    };
    if hash != login.verified.as_str() {
        return Ok(LoginRecorded::CredentialsChanged);
    }

    let first_time = first_login_at.is_none();
    if first_time || login.rehash.is_some() {
        diesel::update(users::table.filter(users::id.eq(user.as_slice())))
            .set(LoginChanges {
                password_hash: login.rehash.as_ref().map(|hash| hash.as_str()),
                first_login_at: first_time.then_some(login.at.as_millis()),
            })
            .execute(conn)
            .during("record_login: write the account")?;
    }

    make_room(conn, &user, login)?;
    diesel::insert_into(sessions::table)
        .values(NewSessionRow {
            id: login.session.as_uuid().as_bytes(),
            user_id: &user,
            token_sha256: login.token.as_bytes(),
            created_at: login.at.as_millis(),
            last_used_at: login.at.as_millis(),
            network: login.network.map(|network| network.to_string()),
        })
        .execute(conn)
        .during("record_login: insert the session")?;
    record(conn, &login.event)?;
    Ok(LoginRecorded::Opened { first_time })
}

/// Ends the account's expired sessions, then its oldest ones until one more is within the limit.
/// Before the insertion, so that the new session stays even if the clock went backwards.
fn make_room(
    conn: &mut SqliteConnection,
    user: &[u8],
    login: &NewLogin,
) -> Result<(), SqliteError> {
    let expired = sessions::table.filter(sessions::user_id.eq(user)).filter(
        sessions::last_used_at
            .le(login.expired.last_used.as_millis())
            .or(sessions::created_at.le(login.expired.created.as_millis())),
    );
    diesel::delete(expired)
        .execute(conn)
        .during("record_login: end the expired sessions")?;

    let surplus: Vec<i64> = sessions::table
        .filter(sessions::user_id.eq(user))
        .order((sessions::created_at.desc(), sessions::seq.desc()))
        .select(sessions::seq)
        .limit(i64::MAX)
        .offset(count(login.session_limit.saturating_sub(1)))
        .load(conn)
        .during("record_login: look for sessions above the limit")?;
    // One, unless the limit was lowered.
    for seq in surplus {
        diesel::delete(sessions::table.filter(sessions::seq.eq(seq)))
            .execute(conn)
            .during("record_login: end the oldest sessions")?;
    }
    Ok(())
}
