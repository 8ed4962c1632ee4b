//! What the threads of a schedule share: rows, a disk, and a judge who looks after every step.
//!
//! One thread of the machine runs all threads of a schedule, and changes between them only at a primitive of shuttle's. So
//! plain mutexes guard the state, never held across such a place, and [`World::step`] is what makes a place.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kms_domain::files::FileId;
use kms_domain::{Done, PortError};
use kms_testkit::memory::ManualClock;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread::JoinHandle;

use crate::Broken;
use crate::rows::Rows;
use crate::store::Disk;

/// In milliseconds.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;

/// How writes are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Each by who makes it.
    Alone,
    /// By one writer, all that queued up at once, answered when that is visible. As the SQLite adapter does it.
    Grouped,
}

pub(crate) struct World {
    pub(crate) broken: Broken,
    pub(crate) clock: Arc<ManualClock>,
    commit: Mutex<Commit>,
    committed: Mutex<Rows>,
    pub(crate) disk: Mutex<Disk>,
    /// Contents that were doomed once.
    doomed: Mutex<BTreeSet<i64>>,
    /// Entries that were acknowledged and that nobody has begun to delete.
    pub(crate) acknowledged: Mutex<Vec<(usize, FileId)>>,
    queue: Mutex<Option<Sender<Job>>>,
    pub(crate) helpers: Mutex<Vec<JoinHandle<()>>>,
    steps: AtomicUsize,
}

/// A transaction, and the answer to whoever waits for it.
type Answer = Box<dyn FnOnce() + Send>;
type Job = Option<Box<dyn FnOnce(&mut Rows) -> Answer + Send>>;

impl World {
    pub(crate) fn new(broken: Broken, commit: Commit) -> Arc<Self> {
        let rows = Rows {
            broken,
            ..Rows::default()
        };
        let world = Arc::new(Self {
            broken,
            clock: Arc::default(),
            commit: Mutex::new(commit),
            committed: Mutex::new(rows),
            disk: Mutex::default(),
            doomed: Mutex::default(),
            acknowledged: Mutex::default(),
            queue: Mutex::default(),
            helpers: Mutex::default(),
            steps: AtomicUsize::new(0),
        });
        if commit == Commit::Grouped {
            let (queue, jobs) = channel();
            *lock(&world.queue) = Some(queue);
            let writer = Arc::clone(&world);
            world.helps(move || writer.write_what_queues_up(&jobs));
        }
        world
    }

    /// A place at which any other thread may come first.
    pub(crate) fn step(&self) {
        self.steps.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn commit(&self) -> Commit {
        *lock(&self.commit)
    }

    /// Runs `work` beside the threads of the schedule.
    pub(crate) fn helps(&self, work: impl FnOnce() + Send + 'static) {
        lock(&self.helpers).push(shuttle::thread::spawn(work));
    }

    /// Ends the writer and waits for everything that goes on beside; from then on writes are committed alone.
    pub(crate) fn come_to_rest(&self) {
        let queue = lock(&self.queue).take();
        if let Some(queue) = queue {
            queue.send(None).expect("the writer is there");
        }
        loop {
            let helper = lock(&self.helpers).pop();
            let Some(helper) = helper else { break };
            helper.join().expect("a helper ends");
        }
        *lock(&self.commit) = Commit::Alone;
    }

    /// What a reader sees now.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Rows) -> T) -> T {
        self.step();
        look(&lock(&self.committed))
    }

    /// A transaction, and its outcome when it is committed.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Rows) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let (told, outcome) = channel();
        self.write_then(
            job,
            Box::new(move |it| told.send(it).expect("is waited for")),
        );
        outcome.recv().expect("the writer answers")
    }

    /// The same without waiting.
    pub(crate) fn write_then<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Rows) -> Result<T, PortError> + Send + 'static,
        done: Done<T>,
    ) {
        let run = move |rows: &mut Rows| -> Answer {
            // A savepoint: what fails changes nothing.
            let mut changed = rows.clone();
            let outcome = job(&mut changed);
            if outcome.is_ok() {
                *rows = changed;
            }
            Box::new(move || done(outcome))
        };
        let queue = lock(&self.queue).clone();
        match queue {
            Some(queue) => queue
                .send(Some(Box::new(run)))
                .expect("the writer is there"),
            None => {
                self.step();
                let answer = {
                    let mut committed = lock(&self.committed);
                    let answer = run(&mut committed);
                    self.judge(&committed);
                    answer
                };
                self.step();
                answer();
            }
        }
    }

    fn write_what_queues_up(&self, jobs: &Receiver<Job>) {
        let mut stopped = false;
        while !stopped {
            let mut group = vec![jobs.recv().expect("is told to stop")];
            while let Ok(job) = jobs.try_recv() {
                group.push(job);
            }
            let mut working = lock(&self.committed).clone();
            let mut answers = Vec::new();
            for job in group {
                match job {
                    Some(job) => answers.push(job(&mut working)),
                    None => stopped = true,
                }
            }
            self.step();
            {
                let mut committed = lock(&self.committed);
                *committed = working;
                self.judge(&committed);
            }
            for answer in answers {
                self.step();
                answer();
            }
        }
    }

    /// What holds after every commit and every removal.
    fn judge(&self, rows: &Rows) {
        let disk = lock(&self.disk);
        let mut doomed = lock(&self.doomed);
        let mut digests = Vec::new();
        for (id, row) in &rows.blobs {
            if row.doomed {
                doomed.insert(*id);
                assert!(
                    !rows.is_referred_to(*id),
                    "an entry refers to doomed content {id}"
                );
                continue;
            }
            assert!(!doomed.contains(id), "doomed content {id} lives again");
            assert!(
                !disk.removed.contains(row.blob.key.as_str()),
                "live content {id} names a copy that was removed"
            );
            digests.push(row.blob.sha256.to_string());
        }
        digests.sort_unstable();
        assert!(
            digests.windows(2).all(|two| two[0] != two[1]),
            "a digest lives twice"
        );
        for file in &rows.files {
            assert!(
                rows.blobs.contains_key(&file.blob),
                "an entry refers to nothing"
            );
        }
    }

    /// Has the judge look after something happened on the disk.
    pub(crate) fn judge_disk(&self) {
        self.judge(&lock(&self.committed));
    }

    /// What holds when everything has come to rest and was collected: each copy has a live row that names it.
    pub(crate) fn judge_rest(&self) {
        let rows = lock(&self.committed);
        self.judge(&rows);
        assert!(
            rows.blobs.values().all(|row| !row.doomed),
            "something stays doomed"
        );
        let disk = lock(&self.disk);
        let mut named: Vec<&str> = rows.live().map(|row| row.blob.key.as_str()).collect();
        named.sort_unstable();
        let there: Vec<&str> = disk.copies.keys().map(String::as_str).collect();
        assert_eq!(there, named, "copies on disk, and copies that rows name");
        // A surplus copy that was taken before its uploader removed it is no loss, and would hide one.
        let may_be_there = self.broken == Broken::TakesStraysAtOnce;
        assert!(
            may_be_there || disk.trash.is_empty(),
            "a copy had no row: {:?}",
            disk.trash
        );
        for row in rows.live() {
            assert!(
                rows.is_referred_to(row.blob.id.as_i64()),
                "unreferenced content stays"
            );
            assert!(!row.blob.damaged, "sound content is flagged as damaged");
        }
    }
}

pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has failed the test already.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
