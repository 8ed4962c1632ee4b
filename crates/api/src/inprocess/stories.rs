//! What becomes of uploads that are given up, and of answers that have begun, whatever else there is to do.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App as ActixApp, rt, web};
use futures_util::future::{Either, select};
use kms_domain::PortError;
use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};
use kms_testkit::memory::MemoryBlobStore;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::model::world::World;
use crate::app::{App, Services};
use crate::middleware::{RequestIds, observe};
use crate::offload::{Lane, LaneConfig, Offload};
use crate::routes;

/// More than one block, so that the store has some of it before the end.
const LARGE: usize = 700_000;

/// A store in memory that knows on which thread each staged blob was thrown away, and whose first publishing
/// waits.
struct Watched {
    inner: MemoryBlobStore,
    thrown: Arc<Mutex<Vec<ThreadId>>>,
    gate: Arc<Mutex<Option<Gate>>>,
}

/// Tells that it is reached, and waits until it is opened.
struct Gate {
    reached: oneshot::Sender<()>,
    opened: Receiver<()>,
}

struct WatchedStage {
    inner: Option<Box<dyn StagedBlob>>,
    thrown: Arc<Mutex<Vec<ThreadId>>>,
    gate: Arc<Mutex<Option<Gate>>>,
}

impl BlobStore for Watched {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        Ok(Box::new(WatchedStage {
            inner: Some(self.inner.stage()?),
            thrown: Arc::clone(&self.thrown),
            gate: Arc::clone(&self.gate),
        }))
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        self.inner.open(key)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.inner.remove(key)
    }
}

impl StagedBlob for WatchedStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.inner.as_mut().unwrap().write(bytes)
    }

    fn publish(mut self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let gate = self.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            let _ = gate.reached.send(());
            let _ = gate.opened.recv();
        }
        self.inner.take().unwrap().publish(sha256)
    }
}

impl Drop for WatchedStage {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.thrown.lock().unwrap().push(thread::current().id());
        }
    }
}

type Thrown = Arc<Mutex<Vec<ThreadId>>>;

fn app(gate: Option<Gate>) -> (App, Thrown) {
    let (world, mut app) = World::new();
    let thrown = Thrown::default();
    let store = Arc::new(Watched {
        inner: world.store,
        thrown: Arc::clone(&thrown),
        gate: Arc::new(Mutex::new(gate)),
    });
    let mut services = Services::clone(&app.services);
    for files in [&mut services.files, &mut services.once.files] {
        files.store = store.clone();
        files.config.max_size = 1 << 20;
    }
    app.services = Arc::new(services);
    app.limits.file = 1 << 20;
    (app, thrown)
}

/// Sends a request and reads its answer to the end.
async fn send<B: MessageBody>(
    service: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
) -> (u16, Value) {
    let response = service.call(request.to_request()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body()).await;
    let body = body.unwrap_or_else(|_| panic!("the answer breaks off"));
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn post(target: &str) -> TestRequest {
    TestRequest::post().uri(target)
}

/// Runs a story beside an application, in which somebody has signed in. The runtime's thread is the worker's.
macro_rules! story {
    ($app:expr, |$service:ident, $bearer:ident| $story:expr) => {
        rt::Runtime::new().unwrap().block_on(async {
            let routes = ActixApp::new()
                .app_data(web::Data::new($app))
                .app_data(web::Data::new(RequestIds::new("run".to_owned())))
                .wrap(from_fn(observe))
                .configure(routes::configure);
            let $service = init_service(routes).await;
            let mut who = json!({"phone": "13800138000", "name": "a", "password": "geheim-1"});
            let account = post("/api/v1/accounts").set_payload(who.to_string());
            assert_eq!(send(&$service, account).await.0, 201);
            who.as_object_mut().unwrap().remove("name");
            let session = post("/api/v1/sessions").set_payload(who.to_string());
            let token = send(&$service, session).await.1["token"].clone();
            let $bearer = format!("Bearer {}", token.as_str().unwrap());
            $story
        })
    };
}

fn form(parts: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let part =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

/// A file is unlinked then, which may take as long as the file is large.
#[test]
fn an_upload_in_a_form_that_is_found_wanting_is_thrown_away_where_that_may_block() {
    let (app, thrown) = app(None);
    let wrong = "0".repeat(64);
    story!(app, |service, bearer| {
        for (parts, digest) in [
            (&[][..], None),
            (&[("name", "")], None),
            (&[("name", "a"), ("sha256", &wrong)], None),
            (
                &[("name", "a")],
                Some("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"),
            ),
        ] {
            for key in [None, Some("key")] {
                let mut request = post("/api/v1/files")
                    .append_header((AUTHORIZATION, bearer.as_str()))
                    .append_header(("content-type", "multipart/form-data; boundary=XX"))
                    .set_payload(form(parts, &vec![7; LARGE]));
                if let Some(digest) = digest {
                    request = request.append_header(("content-digest", digest));
                }
                if let Some(key) = key {
                    request = request.append_header(("idempotency-key", key));
                }
                let (status, problem) = send(&service, request).await;
                assert_eq!((status, &problem["code"]), (400, &json!(1)), "{problem}");
                let found = std::mem::take(&mut *thrown.lock().unwrap());
                assert_eq!(found.len(), 1, "{parts:?}");
                assert!(!found.contains(&thread::current().id()), "{parts:?}");
            }
        }
    });
}

/// Otherwise its repetition would be received whole, only to find the first answer.
#[test]
fn a_key_is_in_use_until_its_upload_is_stored_whether_or_not_its_client_waits() {
    let (reached, at_the_gate) = oneshot::channel();
    let (open, opened): (Sender<()>, _) = channel();
    let (app, _) = app(Some(Gate { reached, opened }));
    story!(app, |service, bearer| {
        let upload = || {
            let request = post("/api/v1/files?name=a")
                .append_header((AUTHORIZATION, bearer.as_str()))
                .append_header(("idempotency-key", "key"))
                .set_payload("content");
            send(&service, request)
        };
        leave_at(upload(), at_the_gate).await;
        assert_eq!(upload().await.0, 409);
        drop(open);
        let answer = patiently(409, upload).await;
        assert_eq!(answer.0, 201);
        assert_eq!(upload().await, answer);
    });
}

/// The first answer of another status, or the last of many.
async fn patiently<F: Future<Output = (u16, Value)>>(
    status: u16,
    ask: impl Fn() -> F,
) -> (u16, Value) {
    let mut answer = ask().await;
    for _ in 0..2000 {
        if answer.0 != status {
            break;
        }
        rt::time::sleep(Duration::from_millis(5)).await;
        answer = ask().await;
    }
    answer
}

/// Drops a request when something has happened.
async fn leave_at<T>(request: impl Future<Output = T>, moment: oneshot::Receiver<()>) {
    match select(pin!(request), moment).await {
        Either::Left(_) => panic!("it was answered"),
        Either::Right((reached, _)) => reached.unwrap(),
    }
}

const LANE: LaneConfig = LaneConfig {
    permits: 1,
    queue: 4,
    wait: Duration::from_secs(60),
};

/// Occupies the one permit of the storage lane until it is let go.
async fn occupy(offload: &Arc<Offload>) -> Sender<()> {
    let (release, held) = channel();
    let (started, running) = oneshot::channel();
    let offload = Arc::clone(offload);
    rt::spawn(async move {
        let job = move || {
            let _ = started.send(());
            let _ = held.recv();
        };
        offload.run(Lane::Storage, job).await
    });
    running.await.unwrap();
    release
}

/// Lets go of it when others have had the time to be refused.
async fn release(held: Sender<()>) {
    rt::time::sleep(Duration::from_millis(500)).await;
    drop(held);
}

fn zip(bearer: &str, fids: &[Value]) -> TestRequest {
    post("/api/v1/files/zip")
        .append_header((AUTHORIZATION, bearer))
        .set_payload(json!({"fids": fids}).to_string())
}

/// Its length is told already.
#[test]
fn an_archive_that_has_begun_waits_for_a_store_that_is_full_of_work() {
    let (mut app, _) = app(None);
    let lane = LaneConfig {
        wait: Duration::from_millis(100),
        ..LANE
    };
    app.offload = Arc::new(Offload::new(lane, lane));
    let offload = Arc::clone(&app.offload);
    story!(app, |service, bearer| {
        let mut fids = Vec::new();
        for n in 0..3 {
            let file = post("/api/v1/files?name=a")
                .append_header((AUTHORIZATION, bearer.as_str()))
                .set_payload(vec![n; LARGE]);
            fids.push(send(&service, file).await.1["fid"].clone());
        }
        let begun = service.call(zip(&bearer, &fids).to_request()).await;
        let response = begun.unwrap();
        assert_eq!(response.status(), 200);
        let held = occupy(&offload).await;
        let (body, ()) = tokio::join!(to_bytes(response.into_body()), release(held));
        let body = body.unwrap_or_else(|_| panic!("the answer breaks off"));
        assert!(body.len() > 3 * LARGE);
    });
}

#[test]
fn an_archive_is_not_begun_while_the_store_is_behind_with_its_work() {
    let (mut app, _) = app(None);
    app.offload = Arc::new(Offload::new(LANE, LANE));
    let offload = Arc::clone(&app.offload);
    story!(app, |service, bearer| {
        let file = post("/api/v1/files?name=a")
            .append_header((AUTHORIZATION, bearer.as_str()))
            .set_payload("content");
        let fids = [send(&service, file).await.1["fid"].clone()];
        let held = occupy(&offload).await;
        for _ in 0..3 {
            let offload = Arc::clone(&offload);
            rt::spawn(async move { offload.run(Lane::Storage, || ()).await });
        }
        rt::task::yield_now().await;
        assert!(offload.is_crowded(Lane::Storage));
        let (refused, ()) = tokio::join!(send(&service, zip(&bearer, &fids)), release(held));
        assert_eq!((refused.0, &refused.1["code"]), (503, &json!(8)));
        let zip = || send(&service, zip(&bearer, &fids));
        assert_eq!(patiently(503, zip).await.0, 200);
    });
}

/// Each tag is a look at the database: too many for the thread that serves everybody else as well.
#[test]
fn tags_are_looked_up_where_that_may_block() {
    let (mut app, _) = app(None);
    let lane = LaneConfig {
        wait: Duration::from_millis(100),
        ..LANE
    };
    app.offload = Arc::new(Offload::new(lane, lane));
    let offload = Arc::clone(&app.offload);
    story!(app, |service, bearer| {
        let upload = || post("/api/v1/files?name=a").append_header((AUTHORIZATION, bearer.clone()));
        let stored = send(&service, upload().set_payload("content")).await.1;
        let tag = format!("\"{}\"", stored["sha256"].as_str().unwrap());
        let again = || {
            let request = upload().append_header(("if-none-match", tag.clone()));
            send(&service, request.set_payload("content"))
        };
        let held = occupy(&offload).await;
        assert_eq!(again().await.0, 503);
        drop(held);
        assert_eq!(patiently(503, again).await.0, 412);
    });
}
