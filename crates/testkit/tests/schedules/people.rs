//! Who uses the server in a schedule: through the real use cases, with what each may rely on.

use std::sync::{Arc, OnceLock};

use kms_domain::audit::{Audit, AuditKind, RefusalPolicy};
use kms_domain::files::{
    ClaimFile, ClaimOutcome, Counted, DeleteOutcome, FileError, FileId, FileService,
    FileServiceConfig, InstantUpload, OpenOutcome, OwnQuota, Quota, StoreFile, Title,
    UploadOutcome, Usage, UsageRepository, Visibility,
};
use kms_domain::users::ExpiryCutoffs;
use kms_domain::users::{
    Actor, NewLogin, SessionId, SessionPolicy, SessionRepository, SessionService, UserId,
    UserRepository,
};
use kms_domain::{IdSource, PortError};
use kms_testkit::builders::{a_user, an_event, at, md5_of};
use kms_testkit::memory::{ManualClock, MemoryDatabase, PlainHasher, SeededIds, SeededTokens};
use shuttle::sync::mpsc::channel;

use crate::database::Database;
use crate::store::Store;
use crate::world::{Commit, World, lock};

/// The one content that everybody is after. Two pieces for a reader.
pub(crate) const BYTES: &[u8] = b"the same bytes for everybody";
const PIECE: usize = 16;

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct Person {
    number: usize,
    actor: Actor,
    service: FileService,
    world: Arc<World>,
}

impl Person {
    pub(crate) fn new(world: &Arc<World>, number: usize) -> Self {
        let database = Arc::new(Database(Arc::clone(world)));
        Self {
            number,
            actor: actors()[number],
            world: Arc::clone(world),
            service: FileService {
                files: Arc::clone(&database) as _,
                blobs: database,
                trash: Arc::new(MemoryDatabase::new()),
                favourites: Arc::new(MemoryDatabase::new()),
                usage: Arc::new(NoLimits),
                store: Arc::new(Store(Arc::clone(world))),
                ids: Arc::new(SeededIds::new(number as u64 + 1)),
                clock: Arc::clone(&world.clock) as _,
                config: FileServiceConfig {
                    max_size: 1 << 20,
                    default_visibility: Visibility::Public,
                    instant_upload: InstantUpload::Public,
                    recommended_limit: 1,
                    quota: Quota::NONE,
                    trash_retention: 0,
                },
            },
        }
    }

    /// Uploads the bytes and notes that this was acknowledged.
    pub(crate) fn upload(&self) -> FileId {
        let session = self.service.begin_upload().expect("staging does not fail");
        let upload = session.push(BYTES).expect("there is room").finish();
        let request = StoreFile {
            title: title(),
            visibility: None,
            md5: None,
            sha256: None,
        };
        let outcome = match self.world.commit() {
            Commit::Alone => self.service.store(&self.actor, upload, request),
            // `store` waits at a channel of std, at which no other thread of the schedule gets its turn.
            Commit::Grouped => {
                let (told, outcome) = channel();
                self.service
                    .store_then(&self.actor, upload, request, move |it| {
                        told.send(it).expect("is waited for");
                    });
                outcome.recv().expect("is answered")
            }
        };
        match outcome.expect("nothing fails") {
            UploadOutcome::Stored(receipt) | UploadOutcome::Linked(receipt) => {
                self.acknowledged(receipt.id)
            }
            other => panic!("an upload became {other:?}"),
        }
    }

    /// Names the bytes. `None`: they are to be sent.
    pub(crate) fn claim(&self) -> Option<FileId> {
        let request = ClaimFile {
            title: title(),
            visibility: None,
            md5: md5_of(BYTES),
            sha256: None,
        };
        let outcome = match self.world.commit() {
            Commit::Alone => self.service.claim(&self.actor, request),
            Commit::Grouped => {
                let (told, outcome) = channel();
                self.service.claim_then(&self.actor, request, move |it| {
                    told.send(it).expect("is waited for");
                });
                outcome.recv().expect("is answered")
            }
        };
        match outcome.expect("nothing fails") {
            ClaimOutcome::Linked(receipt) => Some(self.acknowledged(receipt.id)),
            ClaimOutcome::NotHeld => None,
            ClaimOutcome::OverQuota => panic!("there is no quota"),
        }
    }

    /// Names the bytes, and sends them if that was not enough, as a client does.
    pub(crate) fn obtain(&self) -> FileId {
        self.claim().unwrap_or_else(|| self.upload())
    }

    fn acknowledged(&self, id: FileId) -> FileId {
        lock(&self.world.acknowledged).push((self.number, id));
        id
    }

    /// Reads an entry to its end. `Ok(false)`: there is none.
    pub(crate) fn try_read(&self, id: FileId) -> Result<bool, FileError> {
        let mut content = match self.service.open(&self.actor, id)? {
            OpenOutcome::Opened(file) => file.content,
            OpenOutcome::NotFound => return Ok(false),
        };
        let mut whole = Vec::new();
        let mut piece = [0; PIECE];
        while !content.is_complete() {
            let read = content.read(&mut piece)?;
            whole.extend_from_slice(&piece[..read]);
        }
        assert_eq!(whole, BYTES, "a success with wrong bytes");
        Ok(true)
    }

    /// Reads an entry that was acknowledged and is not being deleted.
    pub(crate) fn read(&self, id: FileId) {
        match self.try_read(id) {
            Ok(true) => {}
            Ok(false) => panic!("an acknowledged entry is not found"),
            Err(error) => panic!("an acknowledged entry cannot be read: {error:?}"),
        }
    }

    /// Deletes an own entry, after which it must not be found.
    pub(crate) fn delete(&self, id: FileId) {
        lock(&self.world.acknowledged).retain(|(_, it)| *it != id);
        let outcome = self.service.delete(&self.actor, id).expect("nothing fails");
        assert_eq!(outcome, DeleteOutcome::Deleted);
        assert!(
            !self.try_read(id).expect("nothing fails"),
            "a deleted entry is found"
        );
    }
}

fn title() -> Title {
    Title::parse("notes.txt").expect("a title")
}

/// Six people who are logged in. Outside of any schedule, because only a session makes an actor.
pub(crate) fn actors() -> &'static [Actor] {
    static ACTORS: OnceLock<Vec<Actor>> = OnceLock::new();
    ACTORS.get_or_init(|| (0..6).map(log_in).collect())
}

fn log_in(number: u32) -> Actor {
    let database = Arc::new(MemoryDatabase::new());
    let user = a_user(number);
    let tokens = SeededTokens::default();
    let ids = SeededIds::default();
    let token = kms_domain::users::TokenSource::new_token(&tokens).expect("a token");
    database.register(&user).expect("an account");
    let cutoff = at(-1);
    let login = NewLogin {
        user: user.id,
        verified: user.password,
        rehash: None,
        session: SessionId::from_uuid(ids.new_id().expect("an id")),
        token: token.digest(),
        at: at(0),
        session_limit: 1,
        expired: ExpiryCutoffs {
            last_used: cutoff,
            created: cutoff,
        },
        network: None,
        event: an_event(AuditKind::Login, user.id),
    };
    database.record_login(&login).expect("a session");
    let service = SessionService {
        users: Arc::clone(&database) as _,
        sessions: Arc::clone(&database) as _,
        hasher: Arc::new(PlainHasher::default()),
        ids: Arc::new(ids),
        tokens: Arc::new(tokens),
        clock: Arc::new(ManualClock::new()),
        audit: Audit::new(
            database,
            Arc::new(ManualClock::new()),
            RefusalPolicy::default(),
            |_| {},
        ),
        policy: SessionPolicy {
            idle_millis: 1000,
            absolute_millis: 1000,
            touch_millis: 1000,
            per_account: 1,
        },
    };
    let actor = service.authenticate(&token).expect("memory does not fail");
    actor.expect("just logged in")
}

/// Everybody may hold what they like: quotas are judged within one transaction, and no schedule splits it.
struct NoLimits;

impl UsageRepository for NoLimits {
    fn find_usage(&self, _: UserId) -> Result<Option<Usage>, PortError> {
        Ok(Some(Usage::default()))
    }

    fn set_quota(&self, _: UserId, _: OwnQuota) -> Result<bool, PortError> {
        unreachable!("nobody decides")
    }

    fn count_next(&self, _: Option<UserId>) -> Result<Option<Counted>, PortError> {
        unreachable!("nobody counts")
    }

    fn recount(&self, _: UserId) -> Result<(), PortError> {
        unreachable!("nobody counts")
    }
}
