use diesel::prelude::*;
use kms_domain::audit::AuditEvent;
use kms_domain::users::{
    AccountUpdate, Birth, Credentials, DisplayName, Email, Inserted, NewUser, PasswordHash, Phone,
    Profile, Updated, UserId, UserRepository,
};
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::audit::record;
use super::error::{During, SqliteError};
use super::row::{Hex, RowName, count};
use super::schema::{sessions, users};

/// Accounts in SQLite.
#[derive(Clone)]
pub struct SqliteUserRepository {
    db: SqliteDatabase,
}

impl SqliteUserRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Insertable)]
#[diesel(table_name = users)]
struct NewUserRow<'a> {
    id: &'a [u8],
    phone: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    birth: Option<i64>,
    password_hash: &'a str,
    created_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite))]
struct ProfileRow {
    id: Vec<u8>,
    phone: String,
    name: String,
    email: Option<String>,
    birth: Option<i64>,
    created_at: i64,
}

impl ProfileRow {
    fn into_domain(self) -> Result<Profile, SqliteError> {
        let row = RowName {
            table: "users",
            id: &Hex(&self.id),
        };
        let email = self.email.as_deref().map(Email::parse).transpose();
        Ok(Profile {
            user: row.user_id("id", &self.id)?,
            phone: Phone::parse(&self.phone).map_err(|e| row.broken(e))?,
            name: DisplayName::parse(&self.name).map_err(|e| row.broken(e))?,
            email: email.map_err(|e| row.broken(e))?,
            birth: self.birth.map(Birth::new),
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

impl UserRepository for SqliteUserRepository {
    fn register(&self, user: &NewUser) -> Result<Inserted, PortError> {
        let user = user.clone();
        self.db.write("register", move |conn| {
            let inserted = diesel::insert_into(users::table)
                .values(NewUserRow {
                    id: user.id.as_uuid().as_bytes(),
                    phone: user.phone.as_str(),
                    name: user.name.as_str(),
                    email: user.email.as_ref().map(Email::as_str),
                    birth: user.birth.map(Birth::as_i64),
                    password_hash: user.password.as_str(),
                    created_at: user.created_at.as_millis(),
                })
                .on_conflict(users::phone)
                .do_nothing()
                .execute(conn)
                .during("register: insert the account")?;
            Ok(match inserted {
                0 => Inserted::PhoneTaken,
                _ => Inserted::Created,
            })
        })
    }

    fn is_registered(&self, phone: &Phone) -> Result<bool, PortError> {
        self.db.read(|conn| {
            let known = users::table.filter(users::phone.eq(phone.as_str()));
            diesel::select(diesel::dsl::exists(known))
                .get_result(conn)
                .during("is_registered")
        })
    }

    fn find_credentials(&self, phone: &Phone) -> Result<Option<Credentials>, PortError> {
        self.db.read(|conn| {
            users::table
                .filter(users::phone.eq(phone.as_str()))
                .select((users::id, users::password_hash))
                .get_result::<(Vec<u8>, String)>(conn)
                .optional()
                .during("find_credentials")?
                .map(|(id, hash)| {
                    let row = RowName {
                        table: "users",
                        id: &Hex(&id),
                    };
                    Ok(Credentials {
                        user: row.user_id("id", &id)?,
                        password: PasswordHash::from_encoded(hash),
                    })
                })
                .transpose()
        })
    }

    fn find_password_hash(&self, user: UserId) -> Result<Option<PasswordHash>, PortError> {
        self.db.read(|conn| {
            let hash = users::table
                .filter(users::id.eq(user.as_uuid().as_bytes().as_slice()))
                .select(users::password_hash)
                .get_result(conn)
                .optional()
                .during("find_password_hash")?;
            Ok(hash.map(PasswordHash::from_encoded))
        })
    }

    fn find_profile(&self, user: UserId) -> Result<Option<Profile>, PortError> {
        self.db.read(|conn| {
            users::table
                .filter(users::id.eq(user.as_uuid().as_bytes().as_slice()))
                .select(ProfileRow::as_select())
                .get_result(conn)
                .optional()
                .during("find_profile")?
                .map(ProfileRow::into_domain)
                .transpose()
        })
    }

    fn update(&self, update: &AccountUpdate) -> Result<Updated, PortError> {
        let update = update.clone();
        self.db
            .write("update", move |conn| update_account(conn, &update))
    }

    fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        event: &AuditEvent,
    ) -> Result<bool, PortError> {
        let (hash, event) = (hash.clone(), event.clone());
        self.db.write("reset_password", move |conn| {
            let id = user.as_uuid().into_bytes();
            let changed = diesel::update(users::table.filter(users::id.eq(id.as_slice())))
                .set(users::password_hash.eq(hash.as_str()))
                .execute(conn)
                .during("reset_password: set the hash")?;
            if changed == 0 {
                return Ok(false);
            }
            diesel::delete(sessions::table.filter(sessions::user_id.eq(id.as_slice())))
                .execute(conn)
                .during("reset_password: end the sessions")?;
            record(conn, &event)?;
            Ok(true)
        })
    }

    fn list(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, PortError> {
        self.db.read(|conn| {
            // Every id is behind the empty one.
            let after = after.map_or(Vec::new(), |id| id.as_uuid().as_bytes().to_vec());
            let rows: Vec<ProfileRow> = users::table
                .filter(users::id.gt(after))
                .select(ProfileRow::as_select())
                .order(users::id.asc())
                .limit(count(limit))
                .load(conn)
                .during("list")?;
            rows.into_iter().map(ProfileRow::into_domain).collect()
        })
    }
}

/// Absent fields stay as they are: Diesel leaves `None` out of the statement.
#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct AccountChanges<'a> {
    name: Option<&'a str>,
    birth: Option<i64>,
    password_hash: Option<&'a str>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite))]
struct AccountRow {
    name: String,
    birth: Option<i64>,
    password_hash: String,
}

fn update_account(
    conn: &mut SqliteConnection,
    update: &AccountUpdate,
) -> Result<Updated, SqliteError> {
    let user = update.user.as_uuid().into_bytes();
    let by = update.by.as_uuid().into_bytes();
    let asking = sessions::table
        .filter(sessions::id.eq(by.as_slice()))
        .filter(sessions::user_id.eq(user.as_slice()));
    if !diesel::select(diesel::dsl::exists(asking))
        .get_result(conn)
        .during("update: look for the session")?
    {
        return Ok(Updated::SessionEnded);
    }
    let current: AccountRow = users::table
        .filter(users::id.eq(user.as_slice()))
        .select(AccountRow::as_select())
        .get_result(conn)
        .during("update: read the account of the session")?;
    if let Some(password) = &update.password
        && password.seen.as_str() != current.password_hash
    {
        return Ok(Updated::PasswordMoved);
    }

    let name = update.name.as_ref().map(DisplayName::as_str);
    let birth = update.birth.map(Birth::as_i64);
    let hash = update.password.as_ref().map(|p| p.new.as_str());
    let changes = AccountChanges {
        name: name.filter(|name| *name != current.name),
        birth: birth.filter(|birth| Some(*birth) != current.birth),
        password_hash: hash.filter(|hash| *hash != current.password_hash),
    };
    let AccountChanges {
        name: None,
        birth: None,
        password_hash: None,
    } = changes
    else {
        let new_password = changes.password_hash.and(update.password.as_ref());
        diesel::update(users::table.filter(users::id.eq(user.as_slice())))
            .set(changes)
            .execute(conn)
            .during("update: write the account")?;
        if let Some(change) = new_password {
            let others = sessions::table
                .filter(sessions::user_id.eq(user.as_slice()))
                .filter(sessions::id.ne(by.as_slice()));
            diesel::delete(others)
                .execute(conn)
                .during("update: end the other sessions")?;
            record(conn, &change.event)?;
        }
        return Ok(Updated::Changed);
    };
    Ok(Updated::Unchanged)
}
