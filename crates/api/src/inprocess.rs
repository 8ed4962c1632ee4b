//! The whole application without a socket: every layer, the route table and the handlers, called with a head
//! and with a body in pieces. Only in builds for tests.
//!
//! [`model`] says what the application must answer to any sequence of requests, for the property tests. The
//! fuzz targets compile it once more from the same file, because it needs the adapters of kms-testkit, on
//! which the library cannot depend.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::missing_panics_doc,
    reason = "written for plainness; a panic is how it tells of a difference"
)]

#[cfg(test)]
pub(crate) mod model;
pub mod plain;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;

use std::fmt;

use actix_web::body::to_bytes;
use actix_web::dev::{Payload, Service as _};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, rt, test, web};
use bytes::Bytes;
use futures_util::stream;

use crate::app::App;
use crate::middleware::{RequestIds, observe};
use crate::routes;

/// A request.
#[derive(Clone, Default)]
pub struct Ask {
    pub method: &'static str,
    /// Path and query, which must be a URI.
    pub target: String,
    /// Values that no head can hold are left out.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The body as it arrives.
    pub pieces: Vec<Vec<u8>>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        for (name, value) in &self.headers {
            write!(f, "; {name}: {}", String::from_utf8_lossy(value))?;
        }
        for piece in &self.pieces {
            let begin = &piece[..piece.len().min(300)];
            write!(
                f,
                "; {} bytes {:?}",
                piece.len(),
                String::from_utf8_lossy(begin)
            )?;
        }
        Ok(())
    }
}

/// An answer, read to its end.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = &self.body[..self.body.len().min(300)];
        let (status, headers) = (self.status, &self.headers);
        write!(f, "{status} {headers:?} {}", String::from_utf8_lossy(begin))
    }
}

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

thread_local! {
    /// Its threads for blocking work stay from one story to the next.
    static RUNTIME: rt::Runtime = rt::Runtime::new().unwrap();
}

/// Tells a story to a fresh application: each call is a request that is answered before the next.
pub fn serve<T>(app: App, story: impl FnOnce(&dyn Fn(Ask) -> Reply) -> T) -> T {
    RUNTIME.with(|runtime| {
        let app = ActixApp::new()
            .app_data(web::Data::new(app))
            .app_data(web::Data::new(RequestIds::new("run".to_owned())))
            .wrap(from_fn(observe))
            .configure(routes::configure);
        let service = runtime.block_on(test::init_service(app));
        story(&|ask| {
            runtime.block_on(async {
                let mut request =
                    test::TestRequest::with_uri(&ask.target).method(ask.method.parse().unwrap());
                for (name, value) in &ask.headers {
                    if let Ok(value) = HeaderValue::from_bytes(value) {
                        request = request.append_header((*name, value));
                    }
                }
                let pieces = ask.pieces.into_iter().map(|piece| Ok(Bytes::from(piece)));
                let payload: Payload = Payload::Stream {
                    payload: Box::pin(stream::iter(pieces)),
                };
                let (request, _) = request.to_request().replace_payload(payload);
                let response = service.call(request).await.unwrap();
                let status = response.status().as_u16();
                let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
                let headers = response
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.to_string(), text(value)))
                    .collect();
                let body = to_bytes(response.into_body()).await;
                Reply {
                    status,
                    headers,
                    body: match body {
                        Ok(body) => body.to_vec(),
                        Err(_) => panic!("the answer breaks off"),
                    },
                }
            })
        })
    })
}
