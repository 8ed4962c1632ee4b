//! `Expect: 100-continue`: a client that waits to be asked for its body is asked when the body is needed.
//!
//! actix asks before it calls the application, so that a refusal comes after its body. Here the application is
//! called first. If it answers without having looked at the body, that is the answer, and the body never comes:
//! whatever a route decides by the head alone, it decides before the bytes, whichever route it is. The first look
//! at the body is what sends `100 Continue`.
//!
//! A client that was answered instead may send its body all the same, as it may have been tired of waiting. No
//! server can tell what it sees next, that body or another request, so the answer says that it is the last (RFC
//! 9110, section 10.1.1), this side of the connection ends with it, and what still comes is thrown away for a
//! while (RFC 9112, section 9.6).

use std::cell::{OnceCell, RefCell};
use std::fmt::Debug;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::{
    BoxedPayloadStream, ConnectionType, HttpMessage as _, Payload, Request, Response,
};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::connection::Connection;

/// An application that has been called already, in the request that stands for its own.
struct Begun<Answering>(Pin<Box<Answering>>);

/// Splits an application for actix: into what it calls with each request, and what it calls in front of that with
/// those whose client waits.
#[expect(
    clippy::type_complexity,
    reason = "types that nobody can name cannot be named apart from where they are returned"
)]
pub(crate) fn split<App, B>(
    app: App,
) -> (
    impl ServiceFactory<
        Request,
        Config = (),
        Response = App::Response,
        Error = App::Error,
        InitError = App::InitError,
        Service: Service<Request, Future: 'static>,
        Future: 'static,
    >,
    impl ServiceFactory<
        Request,
        Config = (),
        Response = Request,
        Error = Response<BoxBody>,
        InitError: Debug,
        Future: 'static,
    >,
)
where
    App: ServiceFactory<Request, Config = ()>,
    App::Response: Into<Response<B>>,
    App::Error: Into<Response<BoxBody>>,
    App::Service: 'static,
    App::Future: 'static,
    <App::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    // There is one application a worker, and it is made before the first request.
    let made = Rc::new(OnceCell::<Rc<App::Service>>::new());
    let found = Rc::clone(&made);
    let each = fn_factory(move || {
        let (making, made) = (app.new_service(()), Rc::clone(&made));
        async move {
            let app = Rc::new(making.await?);
            let _ = made.set(Rc::clone(&app));
            Ok(fn_service(move |request: Request| {
                let begun: Option<Begun<<App::Service as Service<Request>>::Future>> =
                    request.extensions_mut().remove();
                match begun {
                    Some(Begun(answering)) => Either::Left(answering),
                    None => Either::Right(app.call(request)),
                }
            }))
        }
    });
    let waiting = fn_service(move |request| ask_when_needed(found.get().cloned(), request));
    (each, waiting)
}

/// Calls the application, and returns when it needs the body, with the call in place of the request. An error is
/// its answer, if it needed none.
async fn ask_when_needed<App, B>(
    app: Option<Rc<App>>,
    mut request: Request,
) -> Result<Request, Response<BoxBody>>
where
    App: Service<Request>,
    App::Response: Into<Response<B>>,
    App::Error: Into<Response<BoxBody>>,
    App::Future: 'static,
    B: MessageBody + 'static,
{
    let Some(app) = app else {
        return Ok(request);
    };
    let (ask, asked) = oneshot::channel();
    let body = Rc::new(RefCell::new(request.take_payload()));
    // Nobody is asked for a body that there is none of.
    let has_body = !matches!(*body.borrow(), Payload::None);
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    if has_body {
        let unread: BoxedPayloadStream = Box::pin(Awaited {
            body: Rc::clone(&body),
            ask: Some(ask),
        });
        *request.payload() = unread.into();
    }
    let answer = match select(Box::pin(app.call(request)), asked).await {
        Either::Left((answer, _)) => answer,
        Either::Right((Ok(()), answering)) => {
            let standing = Request::new();
            standing.extensions_mut().insert(Begun(answering));
            return Ok(standing);
        }
        // The body was thrown away unread, and the answer takes its time.
        Either::Right((Err(_), answering)) => answering.await,
    };
    let mut answer = match answer {
        Ok(answer) => answer.into().map_body(|_, answer| {
            BoxBody::new(Unread {
                answer: Box::pin(answer),
                _body: body,
            })
        }),
        Err(error) => error.into(),
    };
    if has_body {
        answer.head_mut().set_connection_type(ConnectionType::Close);
        if let Some(connection) = connection {
            connection.end_after_answer();
        }
    }
    Err(answer)
}

/// A body whose client waits until it is looked at.
struct Awaited {
    body: Rc<RefCell<Payload>>,
    ask: Option<oneshot::Sender<()>>,
}

impl Stream for Awaited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let awaited = self.get_mut();
        if let Some(ask) = awaited.ask.take() {
            // If nobody listens, the client has been answered.
            let _ = ask.send(());
        }
        Pin::new(&mut *awaited.body.borrow_mut()).poll_next(context)
    }
}

/// The body of an answer that came before that of its request. With a request that was chunked and dropped, actix
/// would go on reading chunks and answer what is none; one that is still held it throws away byte for byte.
struct Unread<B> {
    answer: Pin<Box<B>>,
    _body: Rc<RefCell<Payload>>,
}

impl<B: MessageBody> MessageBody for Unread<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().answer.as_mut().poll_next(context)
    }
}
