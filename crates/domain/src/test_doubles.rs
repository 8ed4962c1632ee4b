//! What mockall cannot make: one script over all ports of a use case, staged blobs and readers
//! that keep what happens to them, and the people and moments the tests speak of.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use sha2::Digest as _;
use uuid::Uuid;

use crate::codes::Code;
use crate::files::{
    Attached, BlobId, BlobKey, BlobReader, BlobRef, BlobStore, MockBlobRepository,
    MockUsageRepository, Sha256, StagedBlob, Usage, Used,
};
use crate::ports::{MockClock, MockIdSource};
use crate::users::{Actor, MockPasswordHasher, Password, PasswordHash, Phone, SessionId, UserId};
use crate::{PortError, PortErrorKind, Timestamp};

/// The time of every test that does not choose another.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// What the id source makes.
pub(crate) const FRESH_ID: Uuid = Uuid::from_u128(0xf4e5);

/// Every kind of failure with the code it has on the wire.
pub(crate) const KINDS: [(PortErrorKind, Code); 3] = [
    (PortErrorKind::Unavailable, Code::Busy),
    (PortErrorKind::StorageFull, Code::StorageFull),
    (PortErrorKind::Internal, Code::ServerError),
];

/// Notes the calls to all ports of a use case in their order, and fails the chosen one.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    notes: Vec<String>,
    calls: usize,
    plan: Option<(Which, PortErrorKind)>,
    failed: Option<String>,
    calls_after_failure: usize,
}

#[derive(Clone, Copy)]
enum Which {
    Nth(usize),
    Named(&'static str),
}

impl Script {
    /// Fails the call number `nth`, counted from 0.
    fn failing_at(nth: usize, kind: PortErrorKind) -> Self {
        Self::with_plan(Which::Nth(nth), kind)
    }

    /// Fails every call named `name`.
    pub(crate) fn failing_on(name: &'static str, kind: PortErrorKind) -> Self {
        Self::with_plan(Which::Named(name), kind)
    }

    fn with_plan(which: Which, kind: PortErrorKind) -> Self {
        Self(Arc::new(Mutex::new(Progress {
            plan: Some((which, kind)),
            ..Progress::default()
        })))
    }

    /// A call of a port that may fail.
    pub(crate) fn call(&self, name: &'static str) -> Result<(), PortError> {
        self.call_with(name, "")
    }

    /// A call of a port that may fail, noted with what it was about.
    pub(crate) fn call_with(&self, name: &'static str, about: &str) -> Result<(), PortError> {
        let mut progress = self.0.lock().unwrap();
        progress
            .notes
            .push(format!("{name} {about}").trim_end().to_owned());
        let nth = progress.calls;
        progress.calls += 1;
        progress.calls_after_failure += usize::from(progress.failed.is_some());
        match progress.plan {
            Some((Which::Nth(chosen), kind)) if chosen == nth => {
                progress.failed = Some(name.to_owned());
                Err(PortError::new(kind, "told to fail"))
            }
            Some((Which::Named(chosen), kind)) if chosen == name => {
                progress.failed = Some(name.to_owned());
                Err(PortError::new(kind, "told to fail"))
            }
            _ => Ok(()),
        }
    }

    /// Something that happened and cannot fail.
    pub(crate) fn note(&self, what: &str) {
        self.0.lock().unwrap().notes.push(what.to_owned());
    }

    /// Everything that was called and noted, in order.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().notes.clone()
    }

    /// Which call failed last, and how many calls of ports came after a failure.
    fn failure(&self) -> (Option<String>, usize) {
        let progress = self.0.lock().unwrap();
        (progress.failed.clone(), progress.calls_after_failure)
    }

    /// How often `name` was called, whatever about.
    pub(crate) fn count(&self, name: &str) -> usize {
        let notes = self.notes();
        notes
            .iter()
            .filter(|note| note.split(' ').next() == Some(name))
            .count()
    }
}

/// Runs `case` once for every call it makes of a port and every kind of failure, failing that
/// call. The failure must come out as it went in and must be the last call, except for those in
/// `tolerated`: after them, as after no failure at all, `succeeded` must hold.
pub(crate) fn fail_every_call<T>(
    tolerated: &[&str],
    case: impl Fn(&Script) -> Result<T, Code>,
    succeeded: impl Fn(&T) -> bool,
) {
    for (kind, code) in KINDS {
        for nth in 0.. {
            let script = Script::failing_at(nth, kind);
            let result = case(&script);
            let (failed, calls_after_failure) = script.failure();
            match failed {
                None => {
                    assert!(nth > 0, "no port was called at all");
                    assert!(succeeded(&result.ok().unwrap()), "{:?}", script.notes());
                    break;
                }
                Some(name) if tolerated.contains(&name.as_str()) => {
                    assert!(succeeded(&result.ok().unwrap()), "{name} fails");
                }
                Some(name) => {
                    assert_eq!(result.err(), Some(code), "{name} fails");
                    assert_eq!(calls_after_failure, 0, "{:?}", script.notes());
                }
            }
        }
    }
}

/// A staged blob that keeps its bytes.
#[derive(Default)]
pub(crate) struct RecordingStage {
    pub(crate) bytes: Vec<u8>,
    script: Script,
    published: bool,
}

impl RecordingStage {
    pub(crate) fn new(script: &Script) -> Self {
        Self {
            bytes: Vec::new(),
            script: script.clone(),
            published: false,
        }
    }
}

impl StagedBlob for RecordingStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.script.call("stage.write")?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(mut self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        assert_eq!(*sha256, sha256_of(&self.bytes), "named by other bytes");
        self.script.call("stage.publish")?;
        self.published = true;
        Ok(published_key(&self.bytes))
    }
}

impl Drop for RecordingStage {
    fn drop(&mut self) {
        if !self.published {
            self.script.note("stage.discard");
        }
    }
}

/// A store in which every key opens the same bytes, or none.
#[derive(Clone, Default)]
pub(crate) struct RecordingStore {
    pub(crate) script: Script,
    pub(crate) content: Option<Vec<u8>>,
    /// What the reader claims as its size, when it is not the truth.
    pub(crate) claimed_size: Option<u64>,
    /// The one key that opens nothing.
    pub(crate) missing: Option<BlobKey>,
    /// The one key that opens anything, if there is but one.
    pub(crate) only: Option<BlobKey>,
}

impl RecordingStore {
    /// A store in which nothing is published yet.
    pub(crate) fn empty(script: &Script) -> Self {
        Self {
            script: script.clone(),
            ..Self::default()
        }
    }

    /// A store that opens `content` under every key.
    pub(crate) fn holding(script: &Script, content: &[u8]) -> Self {
        Self {
            content: Some(content.to_vec()),
            ..Self::empty(script)
        }
    }
}

impl BlobStore for RecordingStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        self.script.call("store.stage")?;
        Ok(Box::new(RecordingStage::new(&self.script)))
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        self.script.call_with("store.open", key.as_str())?;
        let is_other = self.only.as_ref().is_some_and(|only| only != key);
        if is_other || self.missing.as_ref() == Some(key) {
            return Ok(None);
        }
        Ok(self.content.clone().map(|bytes| {
            let size = self.claimed_size.unwrap_or(bytes.len() as u64);
            Box::new(MemoryReader(Cursor::new(bytes), size)) as Box<dyn BlobReader>
        }))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.script.call_with("store.remove", key.as_str())
    }

    fn discard(&self, key: &BlobKey) {
        self.script.note(&format!("store.discard {key}"));
    }
}

struct MemoryReader(Cursor<Vec<u8>>, u64);

impl Read for MemoryReader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}

impl Seek for MemoryReader {
    fn seek(&mut self, pos: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(pos)
    }
}

impl BlobReader for MemoryReader {
    fn size(&self) -> u64 {
        self.1
    }
}

/// The key under which a [`RecordingStage`] publishes `bytes`.
pub(crate) fn published_key(bytes: &[u8]) -> BlobKey {
    BlobKey::parse(&format!("{}-new", sha256_of(bytes))).unwrap()
}

pub(crate) fn sha256_of(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// Known content that was stored as `bytes` under the key `held`.
pub(crate) fn held(bytes: &[u8]) -> BlobRef {
    BlobRef {
        id: BlobId::from_i64(7),
        sha256: sha256_of(bytes),
        size: bytes.len() as u64,
        key: BlobKey::parse("held").unwrap(),
        damaged: false,
    }
}

/// Every answer to offered bytes, with the key of the copy that is surplus then.
pub(crate) fn attachments() -> [(Attached, Option<BlobKey>); 2] {
    let surplus = BlobKey::parse("replaced").unwrap();
    [
        (Attached::Stored, None),
        (
            Attached::Replaced {
                surplus: surplus.clone(),
            },
            Some(surplus),
        ),
    ]
}

/// The rows of content, in which only what [`held`] makes is ever flagged.
pub(crate) fn blobs(script: &Script) -> MockBlobRepository {
    let script = script.clone();
    let mut blobs = MockBlobRepository::new();
    blobs.expect_flag_damaged().returning(move |id, key| {
        assert_eq!((id, key.as_str()), (BlobId::from_i64(7), "held"));
        script.call("blobs.flag_damaged")
    });
    blobs
}

/// The counters of [`user`], about whom nothing was decided.
pub(crate) fn holding(script: &Script, used: Used) -> MockUsageRepository {
    let script = script.clone();
    let mut usage = MockUsageRepository::new();
    usage.expect_find_usage().returning(move |asked| {
        assert_eq!(asked, user());
        script.call("usage.find_usage")?;
        Ok(Some(Usage {
            used,
            ..Usage::default()
        }))
    });
    usage
}

pub(crate) fn phone() -> Phone {
    Phone::parse("13800138000").unwrap()
}

pub(crate) fn user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(1))
}

pub(crate) fn actor() -> Actor {
    Actor::for_tests(user(), SessionId::from_uuid(Uuid::from_u128(2)))
}

pub(crate) fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

/// What [`hasher`] makes of `text`.
pub(crate) fn hash_of(text: &str) -> PasswordHash {
    PasswordHash::from_encoded(format!("hash of {text}"))
}

/// A hasher under which a hash is strong unless it begins with `weak`.
pub(crate) fn hasher(script: &Script) -> MockPasswordHasher {
    let mut hasher = MockPasswordHasher::new();
    let on_hash = script.clone();
    hasher.expect_hash().returning(move |password| {
        on_hash.call("hasher.hash")?;
        Ok(hash_of(password.expose()))
    });
    let on_verify = script.clone();
    hasher.expect_verify().returning(move |password, hash| {
        on_verify.call("hasher.verify")?;
        Ok(hash
            .as_str()
            .ends_with(&format!("hash of {}", password.expose())))
    });
    hasher
        .expect_needs_rehash()
        .returning(|hash| hash.as_str().starts_with("weak"));
    hasher
}

pub(crate) fn ids(script: &Script) -> MockIdSource {
    let script = script.clone();
    let mut ids = MockIdSource::new();
    ids.expect_new_id().returning(move || {
        script.call("ids.new_id")?;
        Ok(FRESH_ID)
    });
    ids
}

pub(crate) fn clock_at(now: Timestamp) -> MockClock {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(now);
    clock
}
