//! A data folder, people and collectors at work in it, and what must be true of it in the end.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kms_domain::audit::{Audit, Origin, RefusalPolicy};
use kms_domain::files::{
    BlobRepository, BlobStore, FileRepository, FileService, FileServiceConfig, InstantUpload,
    Quota, Visibility,
};
use kms_domain::upkeep::{
    BlobInventory, BlobTrash, CollectionPolicy, Collector, Depth, Fsck, UpkeepRepository,
};
use kms_domain::users::{
    Actor, LoginOutcome, Password, PasswordHasher, SessionPolicy, SessionService, UserRepository,
};
use kms_infra::disk::{DataDir, DiskBlobStore, DiskInventory};
use kms_infra::sqlite::{
    SqliteAuditLog, SqliteBlobRepository, SqliteConfig, SqliteDatabase, SqliteFavouriteRepository,
    SqliteFileRepository, SqliteSessionRepository, SqliteTrashRepository, SqliteUpkeepRepository,
    SqliteUsageRepository, SqliteUserRepository,
};
use kms_infra::{RandomIds, RandomTokens, SystemClock};
use kms_testkit::builders::{UserBuilder, phone};
use kms_testkit::memory::PlainHasher;
use kms_testkit::pauses::{
    Pauses, PausingBlobInventory, PausingBlobRepository, PausingBlobStore, PausingBlobTrash,
    PausingFileRepository, PausingUpkeepRepository,
};

use super::Broken;
use super::broken::{RemovesItsOwnCopy, UnlinksWithoutAskingAgain};
use super::chance::{Chance, pauses};
use super::people::{Done, Person, shared};

const PEOPLE: u32 = 4;
const COLLECTORS: u64 = 2;
const DAY: i64 = 24 * 3600 * 1000;
const PASSWORD: &str = "geheim-1";

pub(crate) struct World {
    broken: Broken,
    seed: u64,
    contents: Vec<Vec<u8>>,
    people: Mutex<Vec<Person>>,
    data: DataDir,
    store: DiskBlobStore,
    database: SqliteDatabase,
    pauses: Pauses,
    is_over: Arc<AtomicBool>,
    failure: Mutex<Option<String>>,
    done: Done,
    // Below all that is in it.
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(broken: Broken, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path().join("data")).unwrap();
        let database = SqliteDatabase::open(SqliteConfig::new(data.database_path())).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let mut world = Self {
            broken,
            seed,
            contents: shared(),
            people: Mutex::default(),
            store: DiskBlobStore::new(&data),
            data,
            database,
            pauses: pauses(seed, &is_over),
            is_over,
            failure: Mutex::default(),
            done: Done::default(),
            _folder: folder,
        };
        world.people = Mutex::new((0..PEOPLE).map(|number| world.person(number)).collect());
        world
    }

    fn person(&self, number: u32) -> Person {
        let files: Arc<dyn FileRepository> = Arc::new(SqliteFileRepository::new(&self.database));
        let files: Arc<dyn FileRepository> = match self.broken {
            Broken::RemovesItsOwnCopy => Arc::new(RemovesItsOwnCopy(files)),
            _ => files,
        };
        Person {
            number: number.into(),
            actor: self.register(number),
            service: FileService {
                files: Arc::new(PausingFileRepository::new(files, &self.pauses)),
                blobs: Arc::new(PausingBlobRepository::new(self.blobs(), &self.pauses)),
                store: self.pausing_store(),
                ids: Arc::new(RandomIds::default()),
                clock: Arc::new(SystemClock),
                config: FileServiceConfig {
                    max_size: 1 << 20,
                    default_visibility: Visibility::Public,
                    instant_upload: InstantUpload::Public,
                    recommended_limit: 10,
                    quota: Quota::NONE,
                    trash_retention: 0,
                },
                trash: Arc::new(SqliteTrashRepository::new(&self.database)),
                favourites: Arc::new(SqliteFavouriteRepository::new(&self.database)),
                usage: Arc::new(SqliteUsageRepository::new(&self.database)),
            },
            shared: vec![None; self.contents.len()],
            kept: Vec::new(),
        }
    }

    fn register(&self, number: u32) -> Actor {
        let users = Arc::new(SqliteUserRepository::new(&self.database));
        let hasher = Arc::new(PlainHasher::default());
        let password = Password::parse(PASSWORD).unwrap();
        let hash = hasher.hash(&password).unwrap();
        let user = UserBuilder::new(number).password(hash).build();
        users.register(&user).unwrap();
        let sessions = SessionService {
            users,
            sessions: Arc::new(SqliteSessionRepository::new(&self.database)),
            hasher,
            ids: Arc::new(RandomIds::default()),
            tokens: Arc::new(RandomTokens),
            clock: Arc::new(SystemClock),
            audit: Audit::new(
                Arc::new(SqliteAuditLog::new(&self.database)),
                Arc::new(SystemClock),
                RefusalPolicy::default(),
                |_| {},
            ),
            policy: SessionPolicy {
                idle_millis: DAY,
                absolute_millis: DAY,
                touch_millis: DAY,
                per_account: 1,
            },
        };
        let login = sessions.login(&phone(number), &password, &Origin::default());
        match login.unwrap() {
            LoginOutcome::LoggedIn { token, .. } => sessions.authenticate(&token).unwrap().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn blobs(&self) -> Arc<dyn BlobRepository> {
        Arc::new(SqliteBlobRepository::new(
            &self.database,
            Arc::new(SystemClock),
        ))
    }

    fn pausing_store(&self) -> Arc<dyn BlobStore> {
        let store: Arc<dyn BlobStore> = Arc::new(self.store.clone());
        Arc::new(PausingBlobStore::new(store, &self.pauses))
    }

    fn upkeep(&self) -> Arc<dyn UpkeepRepository> {
        let clock = Arc::new(SystemClock);
        let rows: Arc<dyn UpkeepRepository> =
            Arc::new(SqliteUpkeepRepository::new(&self.database, clock));
        let rows: Arc<dyn UpkeepRepository> =
            Arc::new(PausingUpkeepRepository::new(rows, &self.pauses));
        match self.broken {
            Broken::UnlinksWithoutAskingAgain => Arc::new(UnlinksWithoutAskingAgain {
                rows,
                store: self.pausing_store(),
            }),
            _ => rows,
        }
    }

    fn inventory(&self) -> Arc<dyn BlobInventory> {
        let inventory = Arc::new(DiskInventory::new(self.data.path()));
        Arc::new(PausingBlobInventory::new(inventory, &self.pauses))
    }

    fn collector(&self, stray_age: i64, exclusive: bool) -> Collector {
        let trash: Arc<dyn BlobTrash> = Arc::new(self.store.clone());
        Collector::new(
            self.upkeep(),
            Some((
                self.pausing_store(),
                Arc::new(PausingBlobTrash::new(trash, &self.pauses)),
            )),
            self.inventory(),
            Arc::new(SystemClock),
            CollectionPolicy {
                grace: 0,
                stray_age,
                trash_age: 0,
                exclusive,
            },
        )
    }

    fn collect(&self, collector: &Collector) -> Result<(), String> {
        let collected = collector.collect(&mut || self.go_on());
        let done = &self.done;
        done.doomed.fetch_add(collected.doomed, Ordering::Relaxed);
        done.removed.fetch_add(collected.removed, Ordering::Relaxed);
        match collected.failure {
            Some(error) => Err(format!("collect: {error:?}")),
            None => Ok(()),
        }
    }

    fn fsck(&self, depth: Depth, stray_age: i64) -> Result<(), String> {
        let fsck = Fsck {
            rows: self.upkeep_as_it_is(),
            inventory: self.inventory(),
            blobs: self.blobs(),
            usage: Arc::new(SqliteUsageRepository::new(&self.database)),
            clock: Arc::new(SystemClock),
            stray_age,
        };
        let mut findings = Vec::new();
        let mut found = |finding: &_| findings.push(format!("{finding:?}"));
        let report = fsck.run(depth, false, &mut found, &mut |_| ControlFlow::Continue(()));
        report.map_err(|error| format!("fsck: {error:?}"))?;
        match findings.is_empty() {
            true => Ok(()),
            false => Err(format!("fsck found {findings:?}")),
        }
    }

    fn upkeep_as_it_is(&self) -> Arc<dyn UpkeepRepository> {
        let rows = SqliteUpkeepRepository::new(&self.database, Arc::new(SystemClock));
        Arc::new(PausingUpkeepRepository::new(Arc::new(rows), &self.pauses))
    }

    fn go_on(&self) -> ControlFlow<()> {
        match self.is_over.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Has everybody at work for `time`, or until somebody finds something.
    pub(crate) fn run(&self, time: Duration) {
        let end = Instant::now() + time;
        let mut people = self.people.lock().unwrap();
        thread::scope(|scope| {
            for person in &mut *people {
                let mut chance = Chance::new(self.seed ^ (person.number + 1) << 40);
                scope.spawn(move || {
                    self.until_it_is_over(|| person.act(&self.contents, &mut chance, &self.done));
                });
            }
            for _ in 0..COLLECTORS {
                // A copy without a row may be an upload in flight.
                let collector = match self.broken {
                    Broken::TakesStraysAtOnce => self.collector(0, true),
                    _ => self.collector(DAY, false),
                };
                scope.spawn(move || self.until_it_is_over(|| self.collect(&collector)));
            }
            // What is broken on purpose has to be noticed by those who lose by it.
            if self.broken == Broken::Nothing {
                scope.spawn(|| self.until_it_is_over(|| self.fsck(Depth::Full, DAY)));
            }
            while Instant::now() < end && self.go_on().is_continue() {
                thread::park_timeout(Duration::from_millis(10));
            }
            self.is_over.store(true, Ordering::Relaxed);
        });
    }

    /// Nobody works any more: everything that was acknowledged is there, and what is left once the
    /// collector had its turn is what rows name.
    pub(crate) fn settle(&self) {
        self.is_over.store(false, Ordering::Relaxed);
        self.told(self.read_all());
        let collector = self.collector(-DAY, true);
        for _ in 0..2 {
            self.told(self.collect(&collector));
        }
        self.told(self.fsck(Depth::Full, -DAY));
        self.told(self.read_all());
        let mut copies = 0;
        self.store.keys(&mut |_| copies += 1).unwrap();
        let rows = self.upkeep_as_it_is();
        let live = rows.list_live(None, usize::MAX).unwrap().len();
        let doomed = rows.list_doomed(None, usize::MAX).unwrap().len();
        if (copies, doomed) != (live, 0) {
            self.told(Err(format!(
                "{copies} copies, {live} live, {doomed} doomed"
            )));
        }
    }

    fn read_all(&self) -> Result<(), String> {
        let people = self.people.lock().unwrap();
        let mut all = people.iter();
        all.try_for_each(|person| person.read_all(&self.contents, &self.done))
    }

    fn until_it_is_over(&self, mut act: impl FnMut() -> Result<(), String>) {
        while self.go_on().is_continue() {
            self.told(act());
        }
    }

    fn told(&self, result: Result<(), String>) {
        if let Err(failure) = result {
            self.failure.lock().unwrap().get_or_insert(failure);
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap().clone()
    }

    pub(crate) const fn done(&self) -> &Done {
        &self.done
    }
}
