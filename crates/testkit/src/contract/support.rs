//! What the suites have in common: the shortest way to a state worth asking about.

use std::sync::{Arc, Barrier};
use std::thread;

use kms_domain::audit::{Audit, AuditEvent, AuditKind, AuditQuery, RefusalPolicy};
use kms_domain::files::{Attached, BlobRef, ClaimCandidates, NewFile, PublicFile, StoredFile};
use kms_domain::recommend::RecommendService;
use kms_domain::users::{
    AccountUpdate, Actor, ExpiryCutoffs, Inserted, LoginRecorded, NewLogin, PasswordChange,
    Session, SessionId, SessionPolicy, SessionService, Token, TokenDigest, UserId,
};

use super::Repositories;
use crate::builders::{
    a_blob, a_scope, a_user, an_event, at, password_hash, session_id, token_digest, user_id,
};
use crate::memory::{ManualClock, PlainHasher, SeededIds, SeededTokens};

/// Most threads of a race; enough that a look-then-write is caught in practice.
pub(super) const RACERS: u32 = 32;

/// Runs `racer` on `n` threads that start together, and collects what each answered.
pub(super) fn race<T: Send>(n: u32, racer: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let line = Barrier::new(n as usize);
    let (line, racer) = (&line, &racer);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n)
            .map(|i| {
                scope.spawn(move || {
                    line.wait();
                    racer(i)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a racer panicked"))
            .collect()
    })
}

/// How many of `all` are `wanted`.
pub(super) fn count<T: PartialEq>(all: &[T], wanted: &T) -> usize {
    all.iter().filter(|one| *one == wanted).count()
}

/// That the content was known and the copy offered took the place of the old one.
pub(super) fn assert_replaced(attached: &Attached) {
    assert!(
        matches!(attached, Attached::Replaced { .. }),
        "{attached:?}"
    );
}

/// Stores [`a_user`]`(n)`.
pub(super) fn register(on: &Repositories, n: u32) -> UserId {
    assert_eq!(on.users.register(&a_user(n)).unwrap(), Inserted::Created);
    user_id(n)
}

/// The n-th session of `user`, opened `n` milliseconds after noon with the password every account
/// begins with; no limit worth mentioning, and nothing expires.
pub(super) fn a_login(user: UserId, n: u32) -> NewLogin {
    NewLogin {
        user,
        verified: password_hash("secret"),
        rehash: None,
        session: session_id(n),
        token: token(n),
        at: at(i64::from(n)),
        session_limit: 1_000,
        expired: ExpiryCutoffs {
            last_used: at(-1_000_000),
            created: at(-1_000_000),
        },
        network: None,
        event: an_event(AuditKind::Login, user),
    }
}

/// The token of the n-th session.
pub(super) fn token(n: u32) -> TokenDigest {
    token_digest(&format!("token {n}"))
}

/// Opens a session and says whether it was the first.
pub(super) fn open(on: &Repositories, login: &NewLogin) -> bool {
    match on.sessions.record_login(login).unwrap() {
        LoginRecorded::Opened { first_time } => first_time,
        LoginRecorded::CredentialsChanged => panic!("the login was refused"),
    }
}

/// Opens the n-th session of `user`.
pub(super) fn log_in(on: &Repositories, user: UserId, n: u32) -> SessionId {
    open(on, &a_login(user, n));
    session_id(n)
}

/// At most `limit` public entries of others over content that `asker` has not got, as they are recommended: as
/// nothing was learned, the hottest first.
pub(super) fn offered(on: &Repositories, asker: UserId, limit: usize) -> Vec<PublicFile> {
    let feed = on.feed.clone();
    let service = RecommendService { feed, limit };
    service.for_user(&actor(on, asker)).unwrap()
}

/// Proof that `user` asks, through a session of its own.
pub(super) fn actor(on: &Repositories, user: UserId) -> Actor {
    let text = format!("the token of {user}");
    let mut login = a_login(user, 0);
    login.session = SessionId::from_uuid(user.as_uuid());
    login.token = token_digest(&text);
    if on.sessions.find_by_token(&login.token).unwrap().is_none() {
        open(on, &login);
    }
    let clock = Arc::new(ManualClock::new());
    clock.set(at(0));
    let sessions = SessionService {
        users: on.users.clone(),
        sessions: on.sessions.clone(),
        hasher: Arc::new(PlainHasher::new(4)),
        ids: Arc::new(SeededIds::default()),
        tokens: Arc::new(SeededTokens::default()),
        clock: clock.clone(),
        audit: Audit::new(on.audit.clone(), clock, RefusalPolicy::default(), |_| ()),
        policy: SessionPolicy {
            idle_millis: i64::MAX,
            absolute_millis: i64::MAX,
            touch_millis: i64::MAX,
            per_account: 10,
        },
    };
    let found = sessions.authenticate(&Token::new(text)).unwrap();
    found.expect("the session is open")
}

/// The n-th session as it stands.
pub(super) fn session(on: &Repositories, n: u32) -> Option<Session> {
    on.sessions.find_by_token(&token(n)).unwrap()
}

/// Which of the sessions 0 to `n` are open.
pub(super) fn open_sessions(on: &Repositories, n: u32) -> Vec<u32> {
    (0..n).filter(|n| session(on, *n).is_some()).collect()
}

/// The event of a reset.
pub(super) fn a_reset(user: UserId) -> AuditEvent {
    an_event(AuditKind::PasswordChanged, user)
}

/// The kinds of all events that were recorded, the first one first.
pub(super) fn recorded(on: &Repositories) -> Vec<AuditKind> {
    let all = on.audit.list(&AuditQuery::default(), None, 10_000).unwrap();
    all.iter().rev().map(|event| event.event.kind).collect()
}

/// A change that changes nothing yet.
pub(super) fn an_update(user: UserId, by: SessionId) -> AccountUpdate {
    AccountUpdate {
        user,
        by,
        name: None,
        birth: None,
        password: None,
    }
}

/// From the password that hashes to `seen` to the one that hashes to `new`.
pub(super) fn a_password_change(seen: &str, new: &str) -> Option<PasswordChange> {
    Some(PasswordChange {
        seen: password_hash(seen),
        new: password_hash(new),
        event: an_event(AuditKind::PasswordChanged, user_id(1)),
    })
}

/// Stores `file` over `bytes`.
pub(super) fn attach(on: &Repositories, file: &NewFile, bytes: &[u8]) -> Attached {
    on.files.attach(file, &a_blob(bytes).build()).unwrap()
}

/// The entry as its owner reads it.
pub(super) fn stored(on: &Repositories, file: &NewFile) -> StoredFile {
    on.files
        .find_readable(file.id, file.owner)
        .unwrap()
        .expect("an owner reads an own entry")
}

/// Marks the content under `file` as damaged and answers it as it was.
pub(super) fn damage(on: &Repositories, file: &NewFile) -> BlobRef {
    let blob = stored(on, file).blob;
    on.blobs.flag_damaged(blob.id, &blob.key).unwrap();
    blob
}

/// The content that `owner` may claim by the MD5 of `bytes`, public entries included.
pub(super) fn claimable(on: &Repositories, owner: UserId, bytes: &[u8]) -> ClaimCandidates {
    on.files.find_claimable(&a_scope(owner, bytes)).unwrap()
}
