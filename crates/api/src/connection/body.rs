use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::Serving;

/// The body of an answer, which ends the serving of its request with it.
#[derive(Debug)]
pub(crate) struct Answered {
    body: BoxBody,
    _serving: Option<Serving>,
}

impl Answered {
    pub(crate) fn new(body: BoxBody, serving: Option<Serving>) -> Self {
        Self {
            body,
            _serving: serving,
        }
    }
}

impl MessageBody for Answered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
