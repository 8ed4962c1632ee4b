use std::sync::{Condvar, mpsc};
use std::time::Duration;

use kms_domain::codes::Code;
use tokio::sync::Semaphore;

use super::*;
use crate::offload::LaneConfig;
use crate::staging::{Buffer, Spares};

/// What a job of these tests works on: the bytes it was fed, and a gate in front of each block.
struct Fed {
    seen: Vec<u8>,
    gate: Arc<Gate>,
    started: mpsc::Sender<u8>,
}

/// Lets through as many blocks as it was told.
#[derive(Default)]
struct Gate {
    open_for: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn let_through(&self, blocks: usize) {
        *self.open_for.lock().unwrap() += blocks;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut open_for = self.open_for.lock().unwrap();
        while *open_for == 0 {
            open_for = self.changed.wait(open_for).unwrap();
        }
        *open_for -= 1;
    }
}

/// The byte of a block that cannot be worked off.
const BAD: u8 = 255;

fn work(mut fed: Fed, bytes: &[u8]) -> Result<Fed, ApiError> {
    fed.started.send(bytes[0]).ok();
    fed.gate.pass();
    if bytes[0] == BAD {
        return Err(ApiError::because(Code::TooLarge, "on purpose"));
    }
    fed.seen.extend_from_slice(bytes);
    Ok(fed)
}

/// A stage in a lane of one permit, and all that a test holds of it.
struct Bench {
    offload: Arc<Offload>,
    stage: Stage<Fed>,
    gate: Arc<Gate>,
    started: mpsc::Receiver<u8>,
    places: Arc<Semaphore>,
}

const PLACES: usize = 100;

impl Bench {
    fn new() -> Self {
        let lane = || LaneConfig {
            permits: 1,
            queue: 10,
            wait: Duration::from_secs(60),
        };
        let offload = Arc::new(Offload::new(lane(), lane()));
        let gate = Arc::new(Gate::default());
        let (sender, started) = mpsc::channel();
        let fed = Fed {
            seen: Vec::new(),
            gate: Arc::clone(&gate),
            started: sender,
        };
        Self {
            stage: Stage::new(&offload, fed, work),
            offload,
            gate,
            started,
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }

    fn block(&self, byte: u8) -> Arc<Block> {
        let mut buffer = Buffer::default();
        buffer.fill(&[byte]);
        Arc::new(Block {
            buffer,
            spares: Spares::default(),
            _place: Arc::clone(&self.places).try_acquire_owned().unwrap(),
        })
    }

    fn push(&self, byte: u8) -> Result<(), ApiError> {
        self.stage.push(self.block(byte))
    }

    /// Lets this thread's other tasks run until `condition` holds.
    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let met = async {
            while !condition(self) {
                tokio::task::yield_now().await;
            }
        };
        let bound = Duration::from_secs(30);
        tokio::time::timeout(bound, met).await.expect("it happens");
    }

    fn is_at_rest(&self) -> bool {
        matches!(self.stage.shared.lock().half, Half::Resting(_))
    }

    fn has_failed(&self) -> bool {
        matches!(self.stage.shared.lock().half, Half::Failed(_))
    }

    /// Waits until a job has taken up a block, and tells which.
    async fn started(&self) -> u8 {
        let first = std::cell::Cell::new(None);
        self.until(|bench| {
            first.set(bench.started.try_recv().ok());
            first.get().is_some()
        })
        .await;
        first.get().unwrap()
    }

    /// Whether the lane's only permit is free.
    async fn lane_is_free(&self) -> bool {
        let job = self.offload.run(Lane::Storage, || ());
        let soon = tokio::time::timeout(Duration::from_secs(30), job);
        matches!(soon.await, Ok(Ok(())))
    }
}

#[actix_web::test]
async fn blocks_are_worked_off_in_their_order() {
    let bench = Bench::new();
    bench.gate.let_through(PLACES);
    for byte in 0..50 {
        bench.push(byte).unwrap();
    }
    let fed = bench.stage.finish().await.unwrap();
    assert_eq!(fed.seen, (0..50).collect::<Vec<u8>>());
    assert_eq!(bench.places.available_permits(), PLACES);
}

#[actix_web::test]
async fn a_stage_without_blocks_is_finished_at_once() {
    let bench = Bench::new();
    assert!(bench.stage.finish().await.unwrap().seen.is_empty());
}

#[actix_web::test]
async fn an_empty_queue_has_no_job_and_holds_no_permit() {
    let bench = Bench::new();
    bench.gate.let_through(2);
    for byte in [1, 2] {
        bench.push(byte).unwrap();
        bench.until(Bench::is_at_rest).await;
        assert!(bench.lane_is_free().await);
        assert_eq!(bench.places.available_permits(), PLACES);
    }
    assert_eq!(bench.stage.finish().await.unwrap().seen, [1, 2]);
}

#[actix_web::test]
async fn a_failure_drops_the_queue_and_is_told_once() {
    let bench = Bench::new();
    for byte in [1, BAD, 3, 4] {
        bench.push(byte).unwrap();
    }
    bench.gate.let_through(PLACES);
    bench.until(Bench::has_failed).await;
    assert_eq!(bench.places.available_permits(), PLACES);
    assert!(bench.lane_is_free().await);
    assert_eq!(bench.started.try_iter().collect::<Vec<_>>(), [1, BAD]);

    assert_eq!(bench.push(5).unwrap_err().code(), Code::TooLarge);
    assert_eq!(bench.push(6).unwrap_err().code(), Code::ServerError);
    let Err(error) = bench.stage.finish().await else {
        panic!("a failed half is not given back");
    };
    assert_eq!(error.code(), Code::ServerError);
}

#[actix_web::test]
async fn whoever_waits_for_the_end_is_told_of_a_failure() {
    let bench = Bench::new();
    bench.push(BAD).unwrap();
    bench.gate.let_through(1);
    let Err(error) = bench.stage.finish().await else {
        panic!("a failed half is not given back");
    };
    assert_eq!(error.code(), Code::TooLarge);
}

#[actix_web::test]
async fn a_panic_is_a_failure() {
    let bench = Bench::new();
    bench.gate.let_through(1);
    let empty = Arc::new(Block {
        buffer: Buffer::default(),
        spares: Spares::default(),
        _place: Arc::clone(&bench.places).try_acquire_owned().unwrap(),
    });
    // `work` looks at its first byte.
    bench.stage.push(empty).unwrap();
    let Err(error) = bench.stage.finish().await else {
        panic!("a failed half is not given back");
    };
    assert_eq!(error.code(), Code::ServerError);
}

#[actix_web::test]
async fn a_job_that_nobody_waits_behind_goes_on() {
    let bench = Bench::new();
    bench.push(0).unwrap();
    for _ in 1..=AT_ONCE + 1 {
        bench.push(1).unwrap();
    }
    bench.gate.let_through(PLACES);
    bench.until(Bench::is_at_rest).await;
    assert_eq!(bench.started.try_iter().count(), AT_ONCE + 2);
}

#[actix_web::test]
async fn after_its_turn_a_job_makes_way_for_those_who_wait() {
    let bench = Bench::new();
    for _ in 0..AT_ONCE + 5 {
        bench.push(1).unwrap();
    }
    bench.started().await;
    let (told, seen) = mpsc::channel();
    let offload = Arc::clone(&bench.offload);
    actix_web::rt::spawn(async move {
        offload
            .run(Lane::Storage, move || told.send(()).unwrap())
            .await
    });
    bench
        .until(|bench| bench.offload.is_waited_for(Lane::Storage))
        .await;
    // One more and the turn would have to go on.
    bench.gate.let_through(AT_ONCE);
    bench.until(|_| seen.try_recv().is_ok()).await;
    assert!(!bench.is_at_rest());
    bench.gate.let_through(5);
    assert_eq!(bench.stage.finish().await.unwrap().seen.len(), AT_ONCE + 5);
}

#[actix_web::test]
async fn a_stage_that_is_dropped_at_work_ends_its_job_and_drops_the_half() {
    let bench = Bench::new();
    bench.push(1).unwrap();
    bench.push(2).unwrap();
    assert_eq!(bench.started().await, 1);
    let Bench {
        offload,
        stage,
        gate,
        started,
        places,
    } = bench;
    let shared = Arc::downgrade(&stage.shared);
    drop(stage);
    gate.let_through(2);
    let gone = async {
        // The job works off what is queued; the half goes with the last who knows of it.
        while shared.strong_count() > 0 || places.available_permits() < PLACES {
            tokio::task::yield_now().await;
        }
    };
    let bound = Duration::from_secs(30);
    tokio::time::timeout(bound, gone).await.expect("it ends");
    assert_eq!(started.recv(), Ok(2));
    assert!(started.recv().is_err(), "the half is gone");
    assert!(offload.run(Lane::Storage, || ()).await.is_ok());
}
