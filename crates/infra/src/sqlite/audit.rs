use diesel::prelude::*;
use kms_domain::audit::{
    AuditEvent, AuditId, AuditKind, AuditLog, AuditQuery, Network, RecordedEvent,
};
use kms_domain::{Done, PortError, Timestamp};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::row::{RowName, count};
use super::schema::audit_events;
use super::writer::{Terms, Undo};

/// The audit log in SQLite.
#[derive(Clone)]
pub struct SqliteAuditLog {
    db: SqliteDatabase,
}

impl SqliteAuditLog {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Insertable)]
#[diesel(table_name = audit_events)]
struct NewEventRow<'a> {
    at: i64,
    kind: &'a str,
    user_id: Option<&'a [u8]>,
    network: Option<String>,
    request: Option<&'a str>,
    detail: &'a str,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(diesel::sqlite::Sqlite))]
struct EventRow {
    id: i64,
    at: i64,
    kind: String,
    user_id: Option<Vec<u8>>,
    network: Option<String>,
    request: Option<String>,
    detail: String,
}

impl EventRow {
    fn into_domain(self) -> Result<RecordedEvent, SqliteError> {
        let row = RowName {
            table: "audit_events",
            id: &self.id,
        };
        let user = self.user_id.as_deref();
        let kind = AuditKind::parse(&self.kind);
        Ok(RecordedEvent {
            id: AuditId::from_i64(self.id),
            event: AuditEvent {
                at: Timestamp::from_millis(self.at),
                kind: kind.ok_or_else(|| row.broken(format_args!("kind is {:?}", self.kind)))?,
                user: user.map(|id| row.user_id("user_id", id)).transpose()?,
                network: parse_network(row, self.network.as_deref())?,
                request: self.request,
                detail: self.detail,
            },
        })
    }
}

/// The network in a column.
pub(super) fn parse_network(
    row: RowName<'_>,
    text: Option<&str>,
) -> Result<Option<Network>, SqliteError> {
    let network = text.map(Network::parse).transpose();
    network.map_err(|error| row.broken(error))
}

/// Adds an event to the transaction of what it tells of.
pub(super) fn record(conn: &mut SqliteConnection, event: &AuditEvent) -> Result<(), SqliteError> {
    let user = event.user.map(|user| user.as_uuid().into_bytes());
    diesel::insert_into(audit_events::table)
        .values(NewEventRow {
            at: event.at.as_millis(),
            kind: event.kind.name(),
            user_id: user.as_ref().map(|id| id.as_slice()),
            network: event.network.map(|network| network.to_string()),
            request: event.request.as_deref(),
            detail: &event.detail,
        })
        .execute(conn)
        .during("record an audit event")?;
    Ok(())
}

impl AuditLog for SqliteAuditLog {
    fn record_then(&self, event: AuditEvent, done: Done<()>) {
        self.db.write_then(
            Terms::new("record", Undo::Statement),
            move |conn| record(conn, &event),
            done,
        );
    }

    fn list(
        &self,
        query: &AuditQuery,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, PortError> {
        self.db.read(|conn| {
            // Every place is before the last number there is.
            let before = before.map_or(i64::MAX, AuditId::as_i64);
            let mut wanted = audit_events::table
                .filter(audit_events::id.lt(before))
                .select(EventRow::as_select())
                .order(audit_events::id.desc())
                .limit(count(limit))
                .into_boxed();
            if let Some(user) = query.user {
                let id = user.as_uuid().into_bytes().to_vec();
                wanted = wanted.filter(audit_events::user_id.eq(id));
            }
            if let Some(kind) = query.kind {
                wanted = wanted.filter(audit_events::kind.eq(kind.name()));
            }
            if let Some(network) = query.network {
                wanted = wanted.filter(audit_events::network.eq(network.to_string()));
            }
            if let Some(since) = query.since {
                wanted = wanted.filter(audit_events::at.ge(since.as_millis()));
            }
            if let Some(until) = query.until {
                wanted = wanted.filter(audit_events::at.lt(until.as_millis()));
            }
            let rows: Vec<EventRow> = wanted.load(conn).during("list audit events")?;
            rows.into_iter().map(EventRow::into_domain).collect()
        })
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.db.write("prune", move |conn| {
            // Every number is behind 0.
            let oldest: Vec<(i64, i64)> = audit_events::table
                .filter(audit_events::id.gt(0))
                .select((audit_events::id, audit_events::at))
                .order(audit_events::id.asc())
                .limit(count(limit))
                .load(conn)
                .during("prune: look at the oldest")?;
            let mut removed = 0_usize;
            for (id, _) in oldest.iter().filter(|(_, at)| *at < before.as_millis()) {
                let row = diesel::delete(audit_events::table.filter(audit_events::id.eq(id)))
                    .execute(conn)
                    .during("prune: remove")?;
                removed = removed.saturating_add(row);
            }
            Ok(removed)
        })
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;
    use kms_domain::audit::Origin;

    use super::*;
    use crate::sqlite::SqliteConfig;

    #[test]
    fn the_database_refuses_to_change_an_event() {
        let folder = tempfile::tempdir().unwrap();
        let db = SqliteDatabase::open(SqliteConfig::new(folder.path().join("kms.db"))).unwrap();
        let log = SqliteAuditLog::new(&db);
        let at = Timestamp::from_millis(1);
        let event = AuditEvent::new(at, AuditKind::Admin, None, &Origin::default(), "gc");
        log.record(&event).unwrap();
        let forge = "UPDATE audit_events SET detail = 'nothing'";
        let forged = db.write("test", move |conn| conn.batch_execute(forge).during("test"));
        let error = kms_domain::with_causes(&forged.unwrap_err());
        assert!(error.contains("an audit event is never changed"), "{error}");
        let all = log.list(&AuditQuery::default(), None, 10).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].event, event);
    }
}
