//! What every request gets: an id, headers, and a line in the log.

use std::error::Error as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, ResponseError as _, web};
use kms_domain::codes::Code;
use kms_domain::with_causes;

use crate::answer;
use crate::app::App;
use crate::connection::{Answered, Connection};
use crate::cors;
use crate::error::ApiError;
use crate::origin::origin;
use crate::quota::OverQuota;
use crate::routes::v1;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Paths hold ids of files, which are nobody else's business.
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Nothing in an answer may ever act as a page. `default-src` does not stand for the other three.
const NO_CONTENT_ALLOWED: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Source of request ids: unique within a run by the counter, across runs by the prefix.
#[derive(Debug)]
pub(crate) struct RequestIds {
    run: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(run: String) -> Self {
        Self {
            run,
            next: AtomicU64::new(1),
        }
    }

    fn take(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.run)
    }
}

/// The id of a request, for what is logged after its head has been answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The id of the request that `head` belongs to.
    pub(crate) fn of(head: &HttpRequest) -> Self {
        head.extensions().get().cloned().unwrap_or_default()
    }

    /// As the client saw it in `X-Request-Id`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The outermost layer.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Answered>, Error> {
    let serving = request
        .conn_data::<Rc<Connection>>()
        .map(|connection| connection.serve());
    let begun = Instant::now();
    let id = request
        .app_data::<web::Data<RequestIds>>()
        .map(|ids| ids.take())
        .unwrap_or_default();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = match admitted(&request) {
        // An error here would be a middleware's; every handler's has become an answer by now.
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(refused) => {
            let answer = if v1::owns(request.path()) {
                v1::refused(refused)
            } else {
                refused.error_response()
            };
            request.into_response(answer)
        }
    };
    if response.response().extensions().get::<Code>().is_none() {
        response = enveloped(response);
    }
    response = cors::told(response);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    // An answer that is no JSON says itself how it may be kept and shown.
    for (name, value) in [
        (CACHE_CONTROL, NO_STORE),
        (CONTENT_SECURITY_POLICY, NO_CONTENT_ALLOWED),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, value);
    }
    log(&response, &id, begun);
    Ok(response.map_body(|_, body| Answered::new(body, serving)))
}

/// Charges the request to where it comes from, before anything is done for it.
fn admitted(request: &ServiceRequest) -> Result<(), ApiError> {
    match request.app_data::<web::Data<App>>() {
        Some(app) if app.throttles.counts_requests() => {
            let network = app.network_of(request.request());
            Ok(app.throttles.admit(network)?)
        }
        _ => Ok(()),
    }
}

/// Replaces an answer that is not ours by the one of the contract that comes closest.
fn enveloped(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let code = match response.status().as_u16() {
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::TooLarge,
        status if status >= 500 => Code::ServerError,
        _ => Code::BadFormat,
    };
    let (request, _) = response.into_parts();
    let answer = if v1::owns(request.path()) {
        v1::refusal(code)
    } else {
        answer::bare(code)
    };
    ServiceResponse::new(request, answer)
}

/// Notes that somebody has to wait, whichever throttle said so.
fn throttled(head: &HttpRequest, id: &str) {
    if let Some(app) = head.app_data::<web::Data<App>>() {
        let network = app.network_of(head);
        tracing::debug!(request_id = id, %network, "a client was throttled");
        app.services
            .audit
            .throttled(None, &origin(head), &route_of(head));
    }
}

/// Records that an account has no room, if that is what `error` says.
fn over_quota(head: &HttpRequest, error: &ApiError) {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    if let Some(OverQuota { user }) = cause
        && let Some(app) = head.app_data::<web::Data<App>>()
    {
        app.services
            .audit
            .quota_exceeded(*user, &origin(head), &route_of(head));
    }
}

/// A route's pattern.
fn route_of(head: &HttpRequest) -> String {
    head.match_pattern()
        .unwrap_or_else(|| "an unknown route".to_owned())
}

/// One line a request; the cause of a failure once, under the request's id. The route's pattern
/// stands for its path, so that nothing a client wrote reaches the log through it.
fn log(response: &ServiceResponse<BoxBody>, id: &str, begun: Instant) {
    let code = response
        .response()
        .extensions()
        .get::<Code>()
        .map_or(0, |code| code.number());
    let route = response.request().match_pattern();
    let bytes = match response.response().body().size() {
        BodySize::None | BodySize::Stream => 0,
        BodySize::Sized(bytes) => bytes,
    };
    if code == Code::Throttled.number() {
        throttled(response.request(), id);
    }
    let error = response
        .response()
        .error()
        .and_then(|error| error.as_error::<ApiError>().or_else(|| v1::cause(error)));
    if let Some(error) = error {
        over_quota(response.request(), error);
    }
    if let Some(error) = error
        && error.code() == Code::ServerError
    {
        tracing::error!(request_id = id, error = %with_causes(error), "a request failed");
    } else if let Some(error) = error
        && error.source().is_some()
    {
        tracing::debug!(request_id = id, reason = %with_causes(error), "a request was refused");
    }
    tracing::info!(
        request_id = id,
        method = %response.request().method(),
        route = route.as_deref().unwrap_or("unknown"),
        status = response.status().as_u16(),
        code,
        micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        bytes,
        "request"
    );
}
