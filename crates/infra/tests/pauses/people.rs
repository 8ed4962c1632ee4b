//! Who uses the files, and what each may rely on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use kms_domain::files::{
    ClaimFile, ClaimOutcome, DeleteOutcome, FileError, FileId, FileService, OpenOutcome, StoreFile,
    Title, UploadOutcome,
};
use kms_domain::users::Actor;
use kms_testkit::builders::md5_of;

use super::chance::Chance;

/// A record of a pack, a file, and one with checksums.
const SIZES: [usize; 3] = [1500, 90_000, 300_000];
/// Acts between two contents that nobody else has, and that stay, and how many each has in the end:
/// whoever walks over all contents is to come back soon.
const KEPT_EVERY: u64 = 40;
const MOST_KEPT: usize = 12;

/// How often what was done, so that a run can be seen to have met what it is for.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) stored: AtomicU64,
    pub(crate) replaced: AtomicU64,
    pub(crate) claimed: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) read: AtomicU64,
    pub(crate) doomed: AtomicU64,
    pub(crate) removed: AtomicU64,
}

impl Done {
    fn all(&self) -> [(&'static str, u64); 7] {
        [
            ("stored", &self.stored),
            ("replaced", &self.replaced),
            ("claimed", &self.claimed),
            ("deleted", &self.deleted),
            ("read", &self.read),
            ("doomed", &self.doomed),
            ("removed", &self.removed),
        ]
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn is_of_all_kinds(&self) -> bool {
        self.all().iter().all(|(_, count)| *count > 0)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.all().map(|(name, count)| format!("{count} {name}"));
        f.write_str(&all.join(", "))
    }
}

/// The contents that everybody is after.
pub(crate) fn shared() -> Vec<Vec<u8>> {
    (0..).zip(SIZES).map(|(n, size)| content(n, size)).collect()
}

fn content(seed: u64, size: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    (0..size).map(|_| chance.below(256) as u8).collect()
}

/// Somebody with an account, and what was acknowledged to them.
pub(crate) struct Person {
    pub(crate) number: u64,
    pub(crate) actor: Actor,
    pub(crate) service: FileService,
    /// An entry over each of the shared contents, if there is one.
    pub(crate) shared: Vec<Option<FileId>>,
    pub(crate) kept: Vec<(FileId, Vec<u8>)>,
}

type Told<T> = Result<T, String>;

impl Person {
    /// One thing of chance.
    pub(crate) fn act(
        &mut self,
        contents: &[Vec<u8>],
        chance: &mut Chance,
        done: &Done,
    ) -> Told<()> {
        if self.kept.len() < MOST_KEPT && chance.once_in(KEPT_EVERY) {
            let size = SIZES[chance.below(3) as usize];
            let own = content((self.number << 32) + self.kept.len() as u64, size);
            let id = self.upload(&own, done)?;
            self.kept.push((id, own));
            return Ok(());
        }
        let which = chance.below(contents.len() as u64) as usize;
        let bytes = &contents[which];
        match self.shared[which] {
            // So that now and then nobody has any.
            None if !chance.once_in(3) => Ok(()),
            None => {
                let claimed = if chance.once_in(3) {
                    None
                } else {
                    self.claim(bytes, done)?
                };
                let id = match claimed {
                    Some(id) => id,
                    None => self.upload(bytes, done)?,
                };
                self.shared[which] = Some(id);
                // At once, as somebody does who wants to be sure.
                self.read(id, bytes, done)
            }
            Some(id) if chance.once_in(3) => self.read(id, bytes, done),
            // Two uploads of one owner: the first entry goes, the content stays.
            Some(id) if chance.once_in(4) => {
                let again = self.upload(bytes, done)?;
                self.shared[which] = Some(again);
                self.delete(id, done)?;
                self.read(again, bytes, done)
            }
            Some(id) => {
                self.shared[which] = None;
                self.delete(id, done)
            }
        }
    }

    /// Reads all that was acknowledged and not deleted.
    pub(crate) fn read_all(&self, contents: &[Vec<u8>], done: &Done) -> Told<()> {
        for (id, bytes) in self.shared.iter().zip(contents) {
            if let Some(id) = id {
                self.read(*id, bytes, done)?;
            }
        }
        for (id, bytes) in &self.kept {
            self.read(*id, bytes, done)?;
        }
        Ok(())
    }

    fn upload(&self, bytes: &[u8], done: &Done) -> Told<FileId> {
        let session = self.service.begin_upload().map_err(failed("stage"))?;
        let session = session.push(bytes).map_err(|it| format!("write: {it:?}"))?;
        let request = StoreFile {
            title: title(),
            visibility: None,
            md5: None,
            sha256: None,
        };
        let outcome = self.service.store(&self.actor, session.finish(), request);
        let (receipt, count) = match outcome.map_err(failed("store"))? {
            UploadOutcome::Stored(receipt) => (receipt, &done.stored),
            UploadOutcome::Linked(receipt) => (receipt, &done.replaced),
            other => return Err(format!("an upload became {other:?}")),
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(receipt.id)
    }

    /// Names the bytes. `None`: they are to be sent.
    fn claim(&self, bytes: &[u8], done: &Done) -> Told<Option<FileId>> {
        let request = ClaimFile {
            title: title(),
            visibility: None,
            md5: md5_of(bytes),
            sha256: None,
        };
        match self.service.claim(&self.actor, request) {
            Ok(ClaimOutcome::Linked(receipt)) => {
                done.claimed.fetch_add(1, Ordering::Relaxed);
                Ok(Some(receipt.id))
            }
            Ok(ClaimOutcome::NotHeld) => Ok(None),
            Ok(ClaimOutcome::OverQuota) => Err("there is no quota".to_owned()),
            Err(error) => Err(failed("claim")(error)),
        }
    }

    fn delete(&self, id: FileId, done: &Done) -> Told<()> {
        let deleted = self.service.delete(&self.actor, id);
        if deleted.map_err(failed("delete"))? != DeleteOutcome::Deleted {
            return Err("an acknowledged entry is not there to be deleted".to_owned());
        }
        done.deleted.fetch_add(1, Ordering::Relaxed);
        match self.service.open(&self.actor, id) {
            Ok(OpenOutcome::NotFound) => Ok(()),
            other => Err(format!("a deleted entry is found: {other:?}")),
        }
    }

    /// Reads an entry that was acknowledged and is not being deleted.
    fn read(&self, id: FileId, bytes: &[u8], done: &Done) -> Told<()> {
        let opened = self.service.open(&self.actor, id);
        let OpenOutcome::Opened(file) = opened.map_err(failed("open"))? else {
            return Err("an acknowledged entry is not found".to_owned());
        };
        let mut content = file.content;
        let mut whole = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        while !content.is_complete() {
            let read = content.read(&mut piece);
            let read = read.map_err(|error| format!("read: {error:?}"))?;
            whole.extend_from_slice(&piece[..read]);
        }
        if whole != bytes {
            return Err("a success with other bytes".to_owned());
        }
        done.read.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn failed(step: &'static str) -> impl FnOnce(FileError) -> String {
    move |error| format!("{step}: {error:?}")
}

fn title() -> Title {
    Title::parse("notes.txt").unwrap()
}
