//! No statement walks a table: every one the repositories issue goes through `EXPLAIN QUERY PLAN`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use diesel::connection::{
    Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation,
};
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use kms_domain::audit::{AuditKind, AuditLog, AuditQuery, Network};
use kms_domain::files::{
    BlobRepository, ClaimCandidates, ClaimScope, Claimed, Detached, Edited, EntryChange, Favoured,
    FavouriteRepository, FileRepository, Label, NewKey, Once, OnceRepository, OwnFilter, OwnOrder,
    OwnQuota, Quota, RequestDigest, TrashRepository, UploadKey, UsageRepository, Visibility,
};
use kms_domain::recommend::{Event, FeedRepository, InteractionRepository, Kind};
use kms_domain::upkeep::UpkeepRepository;
use kms_domain::users::{
    AccountUpdate, AvatarRepository, DisplayName, EndSessions, ExpiryCutoffs, LoginRecorded,
    NewLogin, PasswordChange, SessionRepository, Updated, UserRepository, WhichSessions,
};
use kms_infra::SystemClock;
use kms_infra::sqlite::{
    SqliteAuditLog, SqliteAvatarRepository, SqliteBlobRepository, SqliteConfig, SqliteDatabase,
    SqliteFavouriteRepository, SqliteFeedRepository, SqliteFileRepository,
    SqliteInteractionRepository, SqliteOnceRepository, SqliteSessionRepository,
    SqliteTrashRepository, SqliteUpkeepRepository, SqliteUsageRepository, SqliteUserRepository,
};
use kms_testkit::builders::{
    a_blob, a_favourite, a_file, a_scope, a_user, an_event, at, password_hash, phone, session_id,
    sha256_of, token_digest, user_id,
};

static ISSUED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature that Diesel asks for"
)]
fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds").next().unwrap_or_default();
            ISSUED.lock().unwrap().insert(sql.trim().to_owned());
        }
    }))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Calls every method of every repository, so that each of their statements is issued.
fn exercise(db: &SqliteDatabase) {
    let users = SqliteUserRepository::new(db);
    let sessions = SqliteSessionRepository::new(db);
    let avatars = SqliteAvatarRepository::new(db);
    let files = SqliteFileRepository::new(db);
    let blobs = SqliteBlobRepository::new(db, Arc::new(SystemClock));
    let (user, other) = (user_id(1), user_id(2));

    users.register(&a_user(1)).unwrap();
    users.register(&a_user(2)).unwrap();
    users.is_registered(&phone(1)).unwrap();
    users.find_credentials(&phone(1)).unwrap();
    users.find_password_hash(user).unwrap();
    users.find_profile(user).unwrap();
    users.list(None, 10).unwrap();
    users.list(Some(user), 10).unwrap();

    for n in 0..3 {
        let login = NewLogin {
            user,
            verified: password_hash("secret"),
            rehash: None,
            session: session_id(n),
            token: token_digest(&n.to_string()),
            at: at(0),
            session_limit: 2,
            expired: ExpiryCutoffs {
                last_used: at(-1),
                created: at(-1),
            },
            network: None,
            event: an_event(AuditKind::Login, user),
        };
        let recorded = sessions.record_login(&login).unwrap();
        assert_ne!(recorded, LoginRecorded::CredentialsChanged);
    }
    sessions.find_by_token(&token_digest("2")).unwrap();
    sessions.touch(session_id(2), at(1)).unwrap();
    let update = AccountUpdate {
        user,
        by: session_id(2),
        name: Some(DisplayName::parse("new").unwrap()),
        birth: None,
        password: Some(PasswordChange {
            seen: password_hash("secret"),
            new: password_hash("new"),
            event: an_event(AuditKind::PasswordChanged, user),
        }),
    };
    assert_eq!(users.update(&update).unwrap(), Updated::Changed);
    sessions.list_of(user).unwrap();
    for which in [WhichSessions::One(session_id(1)), WhichSessions::Others] {
        let ending = EndSessions {
            user,
            by: session_id(2),
            which,
            event: an_event(AuditKind::SessionRevoked, user),
        };
        sessions.end(&ending).unwrap();
    }
    let reset = an_event(AuditKind::PasswordChanged, user);
    users
        .reset_password(user, &password_hash("reset"), &reset)
        .unwrap();
    exercise_audit(db);
    exercise_shelves(db);

    let file = a_file(user, b"bytes").build();
    files.attach(&file, &a_blob(b"bytes").build()).unwrap();
    let blob = files.find_readable(file.id, other).unwrap().unwrap().blob;
    let mut refused = a_file(user, b"bytes").build();
    refused.quota = Quota {
        bytes: Some(0),
        files: None,
    };
    let claimed = files.claim(&refused, &a_scope(user, b"bytes"), blob.id);
    assert_eq!(claimed.unwrap(), Claimed::OverQuota);
    let named = ClaimScope {
        sha256: Some(sha256_of(b"bytes")),
        ..a_scope(other, b"bytes")
    };
    let own = |scope| ClaimScope {
        include_public: false,
        ..scope
    };
    let unnamed = a_scope(other, b"bytes");
    for scope in [named, unnamed, own(named), own(unnamed)] {
        let claim = a_file(other, b"bytes").build();
        files.find_claimable(&scope).unwrap();
        assert_eq!(
            files.claim(&claim, &scope, blob.id).unwrap(),
            Claimed::Linked
        );
    }
    let twin = a_file(other, b"twin").md5(unnamed.md5).private().build();
    files.attach(&twin, &a_blob(b"twin").build()).unwrap();
    for scope in [unnamed, own(unnamed)] {
        let found = files.find_claimable(&scope).unwrap();
        assert_eq!(found, ClaimCandidates::Ambiguous);
    }
    blobs.flag_damaged(blob.id, &blob.key).unwrap();
    blobs.unflag_damaged(blob.id, &blob.key).unwrap();
    let healing = a_file(user, b"bytes").build();
    files.attach(&healing, &a_blob(b"bytes").build()).unwrap();
    let page = files.list_owned(user, None, 1).unwrap();
    files.list_owned(user, Some(page[0].position), 1).unwrap();
    for order in [
        OwnOrder::Newest(None),
        OwnOrder::Oldest(None),
        OwnOrder::Name(None),
        OwnOrder::Largest(None),
        OwnOrder::Smallest(None),
    ] {
        let all = OwnFilter::default();
        files.list_sorted(user, &order, &all, 1).unwrap();
    }
    exercise_recommend(db);

    assert_eq!(files.detach(user, healing.id).unwrap(), Detached::Removed);

    let once = SqliteOnceRepository::new(db);
    let key = UploadKey::parse("key").unwrap();
    once.find_key(user, &key, at(0)).unwrap();
    let file = a_file(user, b"held").build();
    files.attach(&file, &a_blob(b"held").build()).unwrap();
    once.holds(user, &sha256_of(b"held")).unwrap();
    once.find_md5(other, &sha256_of(b"held"), true).unwrap();
    let conditions = Once {
        key: Some(NewKey {
            key,
            request: RequestDigest::from_bytes([1; 32]),
            expired: at(-1),
            most: 1,
        }),
        unless_held: true,
    };
    let file = a_file(user, b"once").build();
    once.attach_once(&file, &a_blob(b"once").build(), &conditions)
        .unwrap();
    assert_eq!(once.remove_expired(at(1_000_000_000), 10).unwrap(), 1);
    let usage = SqliteUsageRepository::new(db);
    usage.find_usage(user).unwrap();
    usage.set_quota(user, OwnQuota::default()).unwrap();
    usage.count_next(None).unwrap();
    usage.recount(user).unwrap();

    avatars
        .set_avatar(user, &a_blob(b"face").build(), at(0))
        .unwrap();
    avatars.find_avatar(user).unwrap();

    let upkeep = SqliteUpkeepRepository::new(db, Arc::new(SystemClock));
    avatars
        .set_avatar(user, &a_blob(b"other").build(), at(0))
        .unwrap();
    upkeep.list_live(None, 10).unwrap();
    upkeep.find_live_by_id(blob.id).unwrap();
    let unreferenced = upkeep.list_unreferenced(None, at(100_000), 10).unwrap();
    let ids: Vec<_> = unreferenced.blobs.iter().map(|blob| blob.id).collect();
    assert_eq!(upkeep.doom(&ids, at(100_000)).unwrap(), 1);
    upkeep.list_doomed(Some(blob.key.clone()), 10).unwrap();
    upkeep.confirm_doomed(&ids).unwrap();
    upkeep.forget_doomed(&ids).unwrap();
    upkeep.are_named(&[blob.key]).unwrap();
}

/// Twice over one content, so that the older entry sinks; and one that goes.
fn exercise_recommend(db: &SqliteDatabase) {
    let interactions = SqliteInteractionRepository::new(db);
    let feed = SqliteFeedRepository::new(db);
    let files = SqliteFileRepository::new(db);
    let upkeep = SqliteUpkeepRepository::new(db, Arc::new(SystemClock));
    let gone = a_file(user_id(2), b"goes").build();
    files.attach(&gone, &a_blob(b"goes").build()).unwrap();
    assert!(interactions.is_behind().unwrap());
    while interactions.learn_next(1).unwrap() > 0 {}
    let known = feed.list_interactions(user_id(2), 10).unwrap();
    let contents: Vec<_> = known.iter().map(|one| one.content).collect();
    let download = Event {
        user: user_id(1),
        content: contents[0],
        kind: Kind::Download,
        at: at(5),
    };
    interactions.learn(&[download]).unwrap();
    feed.find_items(&contents).unwrap();
    feed.find_masses(&contents).unwrap();
    feed.list_offers(user_id(1), &contents).unwrap();
    let (hot, _) = feed.list_hot(None, None, 10).unwrap();
    feed.list_hot(Some(user_id(1)), Some(hot[0].position), 10)
        .unwrap();
    files.detach(user_id(2), gone.id).unwrap();
    upkeep.doom(&[contents[0]], at(100_000)).unwrap();
    while interactions.learn_next(9).unwrap() > 0 {}
}

/// What is done with entries that go, and with those that are made of others.
fn exercise_shelves(db: &SqliteDatabase) {
    let files = SqliteFileRepository::new(db);
    let trash = SqliteTrashRepository::new(db);
    let favourites = SqliteFavouriteRepository::new(db);
    let (author, fan) = (user_id(1), user_id(2));
    let file = a_file(author, b"shelf").build();
    files.attach(&file, &a_blob(b"shelf").build()).unwrap();
    let favourite = a_favourite(fan, file.id);
    assert_eq!(favourites.add(&favourite).unwrap(), Favoured::Added);
    let page = favourites.list(fan, None, 1).unwrap();
    favourites.list(fan, Some(page[0].place()), 1).unwrap();
    files.find_readable(favourite.id, fan).unwrap();
    let change = EntryChange {
        title: Some(file.title.clone()),
        visibility: Some(Visibility::Private),
        label: Some(Label::parse("label").ok()),
        given: None,
    };
    let edited = favourites.update(fan, favourite.id, &change).unwrap();
    assert_eq!(edited, Edited::Changed);
    let edited = files.update(author, file.id, &change).unwrap();
    assert_eq!(edited, Edited::Changed);
    trash.discard(author, file.id, at(0)).unwrap();
    let page = trash.list(author, None, 1).unwrap();
    trash.list(author, Some(page[0].place()), 1).unwrap();
    assert!(trash.restore(author, file.id).unwrap());
    trash.discard(author, file.id, at(0)).unwrap();
    trash.purge(author, file.id).unwrap();
    trash.purge_before(at(9), 9).unwrap();
    assert_eq!(favourites.find_lost(None, 9).unwrap().found, Some(file.id));
    assert!(!favourites.remove_withheld(file.id, 9).unwrap());
    assert!(!favourites.remove(fan, favourite.id).unwrap());
    let kept = a_file(author, b"shelf").build();
    files.attach(&kept, &a_blob(b"shelf").build()).unwrap();
    favourites.add(&a_favourite(fan, kept.id)).unwrap();
    assert!(favourites.remove(fan, kept.id).unwrap());
}

/// Every filter alone and all together: each makes a statement of its own.
fn exercise_audit(db: &SqliteDatabase) {
    let log = SqliteAuditLog::new(db);
    let all = AuditQuery {
        user: Some(user_id(1)),
        kind: Some(AuditKind::Login),
        network: Network::parse("10.0.0.1").ok(),
        since: Some(at(0)),
        until: Some(at(1)),
    };
    let none = AuditQuery::default();
    for query in [
        none,
        AuditQuery {
            user: all.user,
            ..none
        },
        AuditQuery {
            kind: all.kind,
            ..none
        },
        AuditQuery {
            network: all.network,
            ..none
        },
        AuditQuery {
            since: all.since,
            ..none
        },
        AuditQuery {
            until: all.until,
            ..none
        },
        all,
    ] {
        log.list(&query, None, 10).unwrap();
    }
    assert!(log.prune(at(1_000), 10).unwrap() > 0);
}

/// What one account has may be sorted for a list in an order that is asked for; by date only what shares a
/// millisecond.
fn may_sort(sql: &str, detail: &str) -> bool {
    let chosen =
        |by: &str| sql.contains("f.owner = ?1") && sql.contains(&format!(" ORDER BY {by}"));
    match detail {
        "USE TEMP B-TREE FOR ORDER BY" => chosen("f.title") || chosen("b.size"),
        "USE TEMP B-TREE FOR LAST TERM OF ORDER BY" => chosen("f.created_at"),
        _ => false,
    }
}

#[test]
fn no_statement_of_a_repository_walks_or_sorts_a_table() {
    set_default_instrumentation(record).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kms.db");
    let db = SqliteDatabase::open(SqliteConfig::new(&path)).unwrap();
    ISSUED.lock().unwrap().clear();
    exercise(&db);
    drop(db);
    let issued = ISSUED.lock().unwrap().clone();

    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let (mut seen, mut of_twins) = (0, 0);
    for sql in &issued {
        let verb = sql.split_whitespace().next().unwrap_or_default();
        if !["SELECT", "UPDATE", "DELETE", "INSERT"].contains(&verb) {
            continue;
        }
        seen += 1;
        let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
            .load(&mut conn)
            .unwrap();
        for Step { detail } in steps {
            let walks = detail.starts_with("SCAN") && detail != "SCAN CONSTANT ROW";
            let sorts = detail.contains("TEMP B-TREE") && !may_sort(sql, &detail);
            assert!(!(walks || sorts), "{detail}\nin {sql}");
            if sql.contains("WHERE twin = 1") && detail.contains(" files ") {
                // The other indexes of entries would lead to all of an owner's, or all of a content's.
                assert!(detail.contains("_twin ("), "{detail}\nin {sql}");
                of_twins += 1;
            }
        }
    }
    // Fewer would mean that the recording is broken, and then nothing was checked.
    assert!(seen >= 64, "only {seen} statements were seen: {issued:#?}");
    // Three seeks of own entries alone, and twice as many with the public ones.
    assert_eq!(of_twins, 3 + 6);
}

#[test]
fn the_plan_of_a_walk_is_recognised() {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute("CREATE TABLE t (a, b)").unwrap();
    let steps: Vec<Step> = sql_query("EXPLAIN QUERY PLAN SELECT a FROM t WHERE b = 1 ORDER BY a")
        .load(&mut conn)
        .unwrap();
    let details: Vec<_> = steps.iter().map(|step| step.detail.as_str()).collect();
    assert_eq!(details, ["SCAN t", "USE TEMP B-TREE FOR ORDER BY"]);
}
