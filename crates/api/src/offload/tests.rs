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
