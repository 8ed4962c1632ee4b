use std::sync::mpsc;

use super::*;

fn lane(permits: usize, queue: usize, wait_millis: u64) -> LaneConfig {
    LaneConfig {
        permits,
        queue,
        wait: Duration::from_millis(wait_millis),
    }
}

fn offload(storage: LaneConfig) -> Arc<Offload> {
    Arc::new(Offload::new(storage, lane(1, 0, 1)))
}

/// Occupies one permit of the storage lane until the sender is dropped.
async fn occupy(offload: &Arc<Offload>) -> mpsc::Sender<()> {
    let (release, blocked) = mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let offload = Arc::clone(offload);
    actix_web::rt::spawn(async move {
        offload
            .run(Lane::Storage, move || {
                started.send(()).ok();
                blocked.recv().ok();
            })
            .await
    });
    running.await.expect("the job starts");
    release
}

#[actix_web::test]
async fn a_job_runs_and_answers() {
    let offload = offload(lane(1, 1, 1000));
    assert_eq!(offload.run(Lane::Storage, || 7).await.unwrap(), 7);
}

#[actix_web::test]
async fn an_idle_permit_is_one_that_is_free_and_is_free_again_after_its_job() {
    let offload = offload(lane(1, 1, 60_000));
    let held = occupy(&offload).await;
    assert!(offload.idle_permit(Lane::Storage).is_none());
    drop(held);
    let permit = offload.run(Lane::Storage, || ()).await;
    permit.expect("the lane is free");
    until(|| offload.idle_permit(Lane::Storage).is_some()).await;
    let permit = offload.idle_permit(Lane::Storage).unwrap();
    assert!(offload.idle_permit(Lane::Storage).is_none());
    assert_eq!(permit.start(|| 7).await.unwrap(), 7);
    let permit = offload.idle_permit(Lane::Storage).unwrap();
    let failed = permit.start(|| panic!("a job that fails")).await;
    assert!(matches!(failed, Err::<(), _>(OffloadError::Panicked(_))));
    assert!(offload.idle_permit(Lane::Storage).is_some());
}

#[actix_web::test]
async fn a_full_queue_refuses_at_once() {
    let offload = offload(lane(1, 0, 60_000));
    let _held = occupy(&offload).await;
    let refused = offload.run(Lane::Storage, || ()).await;
    assert!(matches!(refused, Err(OffloadError::Busy)));
}

#[actix_web::test]
async fn a_waiter_is_refused_when_its_time_is_up_and_leaves_its_place() {
    let offload = offload(lane(1, 1, 20));
    let held = occupy(&offload).await;
    for _ in 0..3 {
        let refused = offload.run(Lane::Storage, || ()).await;
        assert!(matches!(refused, Err(OffloadError::Busy)));
    }
    assert_eq!(offload.storage.waiting.load(Ordering::Acquire), 0);
    drop(held);
}

#[actix_web::test]
async fn one_full_lane_leaves_the_other_free() {
    let offload = offload(lane(1, 0, 60_000));
    let _held = occupy(&offload).await;
    assert_eq!(offload.run(Lane::Hashing, || "free").await.unwrap(), "free");
}

#[actix_web::test]
async fn a_panic_is_an_error_and_gives_its_permit_back() {
    let offload = offload(lane(1, 0, 1));
    let result = offload.run(Lane::Storage, || panic!("on purpose")).await;
    assert!(matches!(result, Err(OffloadError::Panicked(text)) if text == "on purpose"));
    assert_eq!(offload.run(Lane::Storage, || 1).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_caller_that_leaves_does_not_free_the_permit_of_a_running_job() {
    let offload = offload(lane(1, 0, 60_000));
    let (release, blocked) = mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let job = offload.run(Lane::Storage, move || {
        started.send(()).ok();
        blocked.recv().ok();
    });
    tokio::select! {
        _ = job => panic!("the job is blocked"),
        _ = running => {}
    }
    let refused = offload.run(Lane::Storage, || ()).await;
    assert!(matches!(refused, Err(OffloadError::Busy)));
    drop(release);
}

#[actix_web::test]
async fn who_would_wait_too_long_is_refused_at_once() {
    let offload = offload(lane(1, 1000, 500));
    offload.storage.pace.learn(Duration::from_millis(50));
    let held = occupy(&offload).await;
    let begun = Instant::now();
    let jobs: Vec<_> = (0..100)
        .map(|_| {
            let offload = Arc::clone(&offload);
            actix_web::rt::spawn(async move {
                let result = offload.run(Lane::Storage, || ()).await;
                (result, begun.elapsed())
            })
        })
        .collect();
    let waiting = || offload.storage.waiting.load(Ordering::Acquire);
    let settled = || jobs.iter().filter(|job| job.is_finished()).count() + waiting();
    until(|| settled() == jobs.len()).await;
    let waiting = waiting();
    drop(held);
    let mut served = 0;
    for job in jobs {
        match job.await.unwrap() {
            (Ok(()), _) => served += 1,
            (Err(error), after) => {
                assert!(matches!(error, OffloadError::Busy));
                assert!(after < Duration::from_millis(400), "{after:?}");
            }
        }
    }
    // Half a second by jobs of 50 ms, and the one that is always let in.
    assert_eq!(waiting, 11);
    assert_eq!(served, waiting);
}

/// Lets the other tasks of this thread go on until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    let going_on = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let bound = Duration::from_secs(60);
    tokio::time::timeout(bound, going_on)
        .await
        .expect("a condition that comes");
}

#[actix_web::test]
async fn a_lane_is_crowded_before_it_is_full() {
    let offload = offload(lane(1, 4, 60_000));
    let held = occupy(&offload).await;
    let mut waiters = Vec::new();
    for waiting in 0..4 {
        assert_eq!(offload.is_crowded(Lane::Storage), waiting > 2, "{waiting}");
        let waiter = Arc::clone(&offload);
        waiters.push(actix_web::rt::spawn(async move {
            waiter.run(Lane::Storage, || ()).await
        }));
        until(|| offload.storage.waiting.load(Ordering::Acquire) == waiting + 1).await;
    }
    drop(held);
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
    assert!(!offload.is_crowded(Lane::Storage));
    assert!(!offload.is_crowded(Lane::ShortRead));
}

/// And neither before that, nor when waits are short again.
#[actix_web::test]
async fn a_lane_is_crowded_when_waits_have_been_too_long_for_a_while() {
    let offload = offload(lane(1, 100, 60_000));
    offload.storage.pace.learn(SHORT_WAIT / 2);
    let held = occupy(&offload).await;
    assert!(!offload.is_crowded(Lane::Storage));
    let begun = Instant::now();
    let mut waiters = Vec::new();
    for _ in 0..3 {
        let waiter = Arc::clone(&offload);
        waiters.push(actix_web::rt::spawn(async move {
            waiter.run(Lane::Storage, || ()).await
        }));
    }
    until(|| offload.storage.waiting.load(Ordering::Acquire) == 3).await;
    assert!(!offload.is_crowded(Lane::Storage));
    until(|| offload.is_crowded(Lane::Storage)).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    drop(held);
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
    assert!(!offload.is_crowded(Lane::Storage));
}

#[actix_web::test]
async fn who_is_patient_gets_a_turn_in_a_full_queue_and_is_refused_in_the_end() {
    let offload = offload(lane(1, 0, 60_000));
    let held = occupy(&offload).await;
    let patient = |millis| {
        let patience = Duration::from_millis(millis);
        offload.run_patiently(Lane::Storage, patience, || 7)
    };
    assert!(matches!(patient(0).await, Err(OffloadError::Busy)));
    assert!(matches!(patient(50).await, Err(OffloadError::Busy)));
    // Polled in this order: the patient one has been refused once when the turn is free.
    let release = async { drop(held) };
    let (answer, ()) = futures_util::future::join(patient(60_000), release).await;
    assert_eq!(answer.unwrap(), 7);
}
