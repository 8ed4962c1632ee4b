//! A request on its way in: its body in whatever format, its token from wherever it came.

mod body;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt as _;
use kms_domain::codes::Code;
use kms_domain::files::FileId;
use kms_domain::throttle::{Network, Question};
use kms_domain::users::{Actor, Identified, Token};

use crate::app::{App, Finish, Services, finishing};
use crate::error::ApiError;
use crate::intake::{Fields, ScanError, Scanner, Shape, Value};
use crate::offload::Lane;
use crate::quota::Room;
pub(crate) use body::{Body, LEAST_BYTES_A_SECOND, content_type, is_form};

/// Name of the field that carries the token.
pub(crate) const TOKEN: &str = "token";

/// A request whose body has not been read. Every handler takes one.
pub(crate) struct Call {
    pub(crate) app: web::Data<App>,
    pub(crate) head: HttpRequest,
    payload: Payload,
}

impl FromRequest for Call {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(head: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(match head.app_data::<web::Data<App>>() {
            Some(app) => Ok(Self {
                app: app.clone(),
                head: head.clone(),
                payload: payload.take(),
            }),
            None => Err(ApiError::because(
                Code::ServerError,
                "the application state is not wired",
            )),
        })
    }
}

impl Call {
    /// Reads a body of at most `limit` bytes whole.
    pub(crate) async fn read_whole(self, limit: u64) -> Result<(Opened, Vec<u8>), ApiError> {
        let (mut body, request) = self.open(limit)?;
        let mut whole = Vec::new();
        while let Some(chunk) = body.next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok((request, whole))
    }

    /// Reads a body of small fields.
    pub(crate) async fn read(self, shape: Shape) -> Result<Request, ApiError> {
        let limit = self.app.limits.body;
        let (mut body, request) = self.open(limit)?;
        let scanner = body.scanner(&request.head, shape).await?;
        request.scan(body, scanner).await
    }

    /// Reads a body of small fields that is JSON, whatever its Content-Type says.
    pub(crate) async fn read_json(self, shape: Shape) -> Result<Request, ApiError> {
        let limit = self.app.limits.body;
        let (body, request) = self.open(limit)?;
        request.scan(body, Scanner::json(shape)).await
    }

    /// The same for whom the `Authorization` header names, whose token is found good before anything of
    /// the body is read.
    pub(crate) async fn read_signed_json(self, shape: Shape) -> Result<Request, ApiError> {
        self.as_bearer(Lane::ShortRead, |_, _| Ok(())).await?;
        self.read_json(shape).await
    }

    /// Where it comes from.
    pub(crate) fn network(&self) -> Network {
        self.app.network_of(&self.head)
    }

    /// Charges a question about an account to where it comes from, before its body is read; code 7.
    pub(crate) fn ask(&self) -> Result<Question, ApiError> {
        Ok(self.app.throttles.ask(self.network())?)
    }

    /// The token of the `Authorization` header, for routes that look for it nowhere else.
    pub(crate) fn bearer_token(&self) -> Result<Token, ApiError> {
        match bearer(&self.head) {
            Some(text) if !text.is_empty() => Ok(Token::new(text)),
            _ => Err(ApiError::new(Code::TokenMissing)),
        }
    }

    /// The same token, found good before anything of the body is read, and the room of its owner. Both
    /// must be judged again when the body is complete: by then the session may have ended.
    pub(crate) async fn admit_bearer(&self) -> Result<(Token, Room), ApiError> {
        let token = self.bearer_token()?;
        let judged = token.clone();
        self.app
            .run(Lane::ShortRead, move |services| {
                services.in_one_state(|| match services.sessions.identify(&judged)? {
                    Some(found) => Ok((token, Room::of(services, &found.actor)?)),
                    None => Err(ApiError::new(Code::TokenExpired)),
                })?
            })
            .await
    }

    /// The entry that its path names. `None`: nobody's.
    pub(crate) fn fid(&self) -> Option<FileId> {
        self.head.match_info().get("fid").and_then(FileId::parse)
    }

    /// The length that the head of the request tells.
    pub(crate) fn announced(&self) -> Option<u64> {
        let length = self.head.headers().get(CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    }

    /// [`as_actor`], for whom the `Authorization` header names. The body is left alone.
    pub(crate) async fn as_bearer<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&Services, &Actor) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let token = self.bearer_token()?;
        if matches!(lane, Lane::ShortRead) {
            return as_reader(&self.app, token, job).await;
        }
        as_actor(&self.app, lane, Ok(token), job).await
    }

    /// Reads the body to its end, for an answer that has no need of it.
    pub(crate) async fn throw_away(&mut self) {
        while let Some(Ok(_)) = self.payload.next().await {}
    }

    /// Splits into the body, bounded by `limit` bytes, and what is known without it.
    pub(crate) fn open(self, limit: u64) -> Result<(Body, Opened), ApiError> {
        if self.head.head().upgrade() {
            // Its body would have no end but that of the connection.
            return Err(ApiError::bad_format("there is no protocol to upgrade to"));
        }
        let headers = self.head.headers();
        if let Some(encoding) = headers.get(CONTENT_ENCODING)
            && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
        {
            return Err(ApiError::bad_format("compressed bodies are not decoded"));
        }
        let announced = self.announced();
        if announced.is_some_and(|length| length > limit) {
            return Err(ApiError::because(
                Code::TooLarge,
                "the announced body is above the limit",
            ));
        }
        let bearer = bearer(&self.head);
        let body = Body::new(self.payload, self.app.limits.body_idle, limit);
        let opened = Opened {
            app: self.app,
            head: self.head,
            bearer,
            announced,
        };
        Ok((body, opened))
    }
}

/// A request of which everything but the body is known.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) app: web::Data<App>,
    pub(crate) head: HttpRequest,
    pub(crate) bearer: Option<String>,
    /// The length that the head of the request tells.
    pub(crate) announced: Option<u64>,
}

impl Opened {
    /// Reads `body` to its end with `scanner`.
    async fn scan(self, mut body: Body, mut scanner: Scanner) -> Result<Request, ApiError> {
        // A shape without a payload field yields no payload.
        let mut none = Vec::new();
        while let Some(chunk) = body.next().await? {
            if let Err(error) = scanner.feed(&chunk, &mut none) {
                // Who registers or logs in has no token that could be judged first, and who signs in
                // below `/api/v1` has had it judged already.
                if !scanner.knows(TOKEN) {
                    return Err(error.into());
                }
                return Err(self.refusal(error, scanner.seen(TOKEN)).await);
            }
        }
        let fields = scanner.finish(&mut none)?;
        Ok(self.with(fields))
    }

    /// Why a body is refused that its parser gave up on. The token is judged before the other
    /// fields, so if it was a field's value that is wrong, a token that has been shown so far and
    /// is not good comes first.
    pub(crate) async fn refusal(&self, error: ScanError, seen: Option<&Value>) -> ApiError {
        if !error.is_about_a_value() {
            return error.into();
        }
        let token = match seen {
            Some(Value::Text(text) | Value::Form(text)) => text.clone(),
            Some(Value::Null) | None => match &self.bearer {
                Some(bearer) => bearer.clone(),
                None => return error.into(),
            },
            Some(_) => return error.into(),
        };
        if token.is_empty() {
            return ApiError::new(Code::TokenMissing);
        }
        let token = Token::new(token);
        let judged = self.app.run(Lane::Storage, move |services| {
            authenticate(services, &token)
        });
        match judged.await {
            Ok(_) => error.into(),
            Err(refused) => refused,
        }
    }

    /// Completes the request.
    pub(crate) fn with(self, fields: Fields) -> Request {
        Request {
            app: self.app,
            head: self.head,
            bearer: self.bearer,
            fields,
        }
    }
}

/// A request that has been read.
pub(crate) struct Request {
    pub(crate) app: web::Data<App>,
    pub(crate) head: HttpRequest,
    pub(crate) fields: Fields,
    bearer: Option<String>,
}

impl Request {
    /// [`as_actor`], for whom the request's token names.
    pub(crate) async fn as_actor<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&Services, &Actor) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        as_actor(&self.app, lane, self.token(), job).await
    }

    /// Runs a use case of short reads for whom the token names, without leaving the worker. Noting
    /// that the session is in use is a write, so it is left to a job of its own, for which the
    /// answer does not wait.
    pub(crate) async fn as_reader<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Services, &Actor) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        as_reader(&self.app, self.token()?, job).await
    }

    /// [`begin_as_actor`], for whom the request's token names.
    pub(crate) async fn begin_as_actor<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Services, &Actor, Finish<T>) -> Result<(), ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        begin_as_actor(&self.app, self.token()?, job).await
    }

    /// The token of the body, or else that of the header.
    pub(crate) fn token(&self) -> Result<Token, ApiError> {
        let text = match self.fields.text(TOKEN)? {
            Some(text) => Some(text),
            None => self.bearer.as_deref(),
        };
        match text {
            Some(text) if !text.is_empty() => Ok(Token::new(text)),
            _ => Err(ApiError::new(Code::TokenMissing)),
        }
    }
}

/// Runs a use case for whom `token` names. The token is judged before anything else: pass the parsed
/// input as a `Result` and open it inside `job`. Without a token, `job` is dropped where it may block as
/// well: an upload that it holds is a file to be removed.
pub(crate) async fn as_actor<T: Send + 'static>(
    app: &App,
    lane: Lane,
    token: Result<Token, ApiError>,
    job: impl FnOnce(&Services, &Actor) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    app.run(lane, move |services| {
        let actor = authenticate(services, &token?)?;
        job(services, &actor)
    })
    .await
}

/// Runs a use case of short reads for whom `token` names; see [`Request::as_reader`].
async fn as_reader<T: Send + 'static>(
    app: &web::Data<App>,
    token: Token,
    job: impl FnOnce(&Services, &Actor) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (result, due) = app
        .run(Lane::ShortRead, move |services| {
            services.in_one_state(|| {
                let (actor, due) = identify(services, &token)?;
                Ok((job(services, &actor), due))
            })?
        })
        .await?;
    note_use(app, due);
    result
}

/// Begins a use case for whom `token` names, without leaving the worker, and waits for its write
/// without a thread.
pub(crate) async fn begin_as_actor<T: Send + 'static>(
    app: &web::Data<App>,
    token: Token,
    job: impl FnOnce(&Services, &Actor, Finish<T>) -> Result<(), ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (finish, finished) = finishing();
    let due = app
        .run(Lane::ShortRead, move |services| {
            // Not in one state: a claim looks again when its content has moved.
            let (actor, due) = identify(services, &token)?;
            job(services, &actor, finish)?;
            Ok(due)
        })
        .await?;
    note_use(app, due);
    finished.wait().await
}

/// Notes that a session is in use, in a job of its own, for which no answer waits.
fn note_use(app: &web::Data<App>, due: Option<Actor>) {
    let Some(actor) = due else {
        return;
    };
    let app = app.clone();
    actix_web::rt::spawn(async move {
        let note = move |services: &Services| {
            services.sessions.note_use(&actor);
            Ok(())
        };
        // Refused under overload, the note is due again at the next request.
        app.run(Lane::Storage, note).await
    });
}

/// Who a token belongs to, or code 3.
pub(crate) fn authenticate(services: &Services, token: &Token) -> Result<Actor, ApiError> {
    services
        .sessions
        .authenticate(token)?
        .ok_or_else(|| ApiError::new(Code::TokenExpired))
}

/// Who a token belongs to, by reads alone, or code 3; and once more if the use of the session is to
/// be noted.
pub(crate) fn identify(
    services: &Services,
    token: &Token,
) -> Result<(Actor, Option<Actor>), ApiError> {
    let Identified { actor, note_due } = services
        .sessions
        .identify(token)?
        .ok_or_else(|| ApiError::new(Code::TokenExpired))?;
    Ok((actor, note_due.then_some(actor)))
}

/// The token of an `Authorization: Bearer` header. Another scheme is somebody else's business, a
/// proxy's for example.
fn bearer(head: &HttpRequest) -> Option<String> {
    bearer_of(head.headers().get(AUTHORIZATION)?.as_bytes())
}

/// The token in the value of such a header.
pub(crate) fn bearer_of(value: &[u8]) -> Option<String> {
    // Bytes that are no UTF-8 make a token that nobody has, which is what they are.
    let value = String::from_utf8_lossy(value);
    let (scheme, token) = value.split_once([' ', '\t']).unwrap_or((&value, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches([' ', '\t']).to_owned())
}
