//! Receiving a file: bytes are staged as they arrive, in constant memory.
//!
//! The payload is gathered to [`BLOCK`] bytes; then the upload session moves into a storage job
//! with the block, comes back, and only then is more asked of the client. So a slow client holds
//! no thread, no permit and no connection to the database, and a file that fits one block is
//! staged, stored and answered in a single job.
//!
//! In the contract's bodies the token may come after the data. As soon as the payload is more than
//! trifling ([`ADMIT_AT`]), its sender is judged by the token seen so far; who has shown none takes
//! a place among a bounded number of anonymous uploads. The token is judged again at the end, when
//! all fields are known.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use futures_util::{StreamExt, stream};
use kms_domain::codes::Code;
use kms_domain::files::{FinishedUpload, UploadSession};
use kms_domain::users::Token;

use crate::app::{AnonymousUpload, Services};
use crate::call::{Body, Call, Format, Opened, Request, TOKEN, authenticate};
use crate::error::ApiError;
use crate::intake::{Fields, Known, MAX_TEXT, ScanError, Shape, Value};
use crate::offload::Lane;

/// Payload bytes that go to the store in one job: large enough that the hop between threads costs
/// little, small enough that thousands of uploads fit in memory.
const BLOCK: usize = 256 * 1024;
/// Payload bytes from which on the sender is judged before more is taken. Less than this is no
/// more than the buffers of a connection.
const ADMIT_AT: usize = 32 * 1024;
/// What a body may hold beside its file: field names, other fields, multipart boundaries.
const OVERHEAD: u64 = 64 * 1024;

/// What a route receives.
#[derive(Clone, Copy)]
pub(crate) struct Receive {
    /// Its fields, with the payload among them.
    pub(crate) shape: Shape,
    /// Most bytes of the payload.
    pub(crate) limit: u64,
    /// Opens the session for the payload.
    pub(crate) begin: fn(&Services) -> Result<UploadSession, ApiError>,
}

/// A payload of which the last bytes have not gone to the store yet.
pub(crate) struct Upload {
    session: Option<UploadSession>,
    rest: Vec<u8>,
    begin: fn(&Services) -> Result<UploadSession, ApiError>,
}

impl Upload {
    /// Stages the last bytes and fixes the digests. Blocks: for use inside a storage job.
    pub(crate) fn finish(self, services: &Services) -> Result<FinishedUpload, ApiError> {
        let session = match self.session {
            Some(session) => session,
            None => (self.begin)(services)?,
        };
        Ok(session.push(&self.rest)?.finish())
    }
}

impl Call {
    /// Reads a body that may carry a payload. No [`Upload`]: it carried none.
    pub(crate) async fn receive(
        self,
        what: Receive,
    ) -> Result<(Request, Option<Upload>), ApiError> {
        // base64 takes 4/3 of the bytes. A form may escape each character of it (a white picture is
        // nothing but slashes), which makes 4, and line breaks some more: five times the limit has
        // room for every encoding that clients really use. The payload has a limit of its own.
        let limit = what.limit.saturating_mul(5).saturating_add(OVERHEAD);
        let (mut body, request) = self.open(limit)?;
        let mut gather = Gather {
            what,
            request,
            session: None,
            block: Vec::new(),
            admission: Admission::Open,
        };
        let fields = match body.format(&gather.request.head).await? {
            Format::Multipart => gather.multipart(body).await?,
            format => gather.scan(body, format).await?,
        };
        let upload = fields.has_payload().then(|| Upload {
            session: gather.session.take(),
            rest: std::mem::take(&mut gather.block),
            begin: what.begin,
        });
        Ok((gather.request.clone().with(fields), upload))
    }
}

/// Whether the sender of a payload has been judged.
enum Admission {
    /// Not yet: there is too little of it to matter.
    Open,
    /// No token so far.
    Anonymous(AnonymousUpload),
    /// A good token came before the payload.
    Known,
}

struct Gather {
    what: Receive,
    request: Opened,
    session: Option<UploadSession>,
    block: Vec<u8>,
    admission: Admission,
}

impl Gather {
    async fn scan(&mut self, mut body: Body, format: Format) -> Result<Fields, ApiError> {
        let mut scanner = format.scanner(self.what.shape);
        while let Some(chunk) = body.next().await? {
            let before = self.block.len();
            scanner.feed(&chunk, &mut self.block)?;
            self.grown(before, || scanner.seen(TOKEN).cloned()).await?;
        }
        Ok(scanner.finish(&mut self.block)?)
    }

    async fn multipart(&mut self, body: Body) -> Result<Fields, ApiError> {
        let mut parts = open_multipart(body, &self.request.head);
        let mut fields = Fields::new(self.what.shape);
        while let Some(part) = parts.next().await {
            let mut part = part.map_err(multipart_error)?;
            if !is_payload(&part, self.what.shape) {
                read_text(&mut fields, self.what.shape, part).await?;
                continue;
            }
            fields.begin_payload()?;
            while let Some(chunk) = part.next().await {
                let chunk = chunk.map_err(multipart_error)?;
                fields.add_payload(chunk.len());
                let before = self.block.len();
                self.block.extend_from_slice(&chunk);
                self.grown(before, || fields.get(TOKEN).cloned()).await?;
            }
        }
        Ok(fields)
    }

    /// The block has grown since it had `before` bytes: judges the sender when it is time, counts
    /// anonymous bytes, and hands a full block to the store.
    async fn grown(
        &mut self,
        before: usize,
        token: impl FnOnce() -> Option<Value>,
    ) -> Result<(), ApiError> {
        let mut counted = before;
        if matches!(self.admission, Admission::Open) {
            if self.block.len() < ADMIT_AT {
                return Ok(());
            }
            self.admission = self.admit(token()).await?;
            counted = 0;
        }
        if let Admission::Anonymous(place) = &mut self.admission {
            let more = self.block.len().saturating_sub(counted);
            place.add(u64::try_from(more).unwrap_or(u64::MAX))?;
        }
        if self.block.len() >= BLOCK {
            self.flush().await?;
        }
        Ok(())
    }

    async fn admit(&self, seen: Option<Value>) -> Result<Admission, ApiError> {
        let token = match seen {
            Some(Value::Text(text) | Value::Form(text)) => Some(text),
            Some(Value::Null) | None => self.request.bearer.clone(),
            Some(_) => return Err(ApiError::bad_format("the token is no text")),
        };
        match token {
            None => Ok(Admission::Anonymous(self.request.app.admit_anonymous()?)),
            Some(text) if text.is_empty() => Err(ApiError::new(Code::TokenMissing)),
            Some(text) => {
                let token = Token::new(text);
                self.request
                    .app
                    .run(Lane::Storage, move |services| {
                        authenticate(services, &token).map(|_| Admission::Known)
                    })
                    .await
            }
        }
    }

    async fn flush(&mut self) -> Result<(), ApiError> {
        let begin = self.what.begin;
        let session = self.session.take();
        let mut block = std::mem::take(&mut self.block);
        let (session, block) = self
            .request
            .app
            .run(Lane::Storage, move |services| {
                let session = match session {
                    Some(session) => session,
                    None => begin(services)?,
                };
                let session = session.push(&block)?;
                block.clear();
                Ok((session, block))
            })
            .await?;
        self.session = Some(session);
        self.block = block;
        Ok(())
    }
}

impl Drop for Gather {
    /// Discards what was staged for a body that failed or whose client left. Removing a file may
    /// block, so it is a storage job as well.
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            let app = self.request.app.clone();
            actix_web::rt::spawn(async move {
                let discard = move |_: &Services| {
                    drop(session);
                    Ok(())
                };
                // An overloaded lane drops the job, and with it the session, right here.
                app.run(Lane::Storage, discard).await
            });
        }
    }
}

/// Reads the small fields of a multipart body; a part of another name is thrown away.
pub(crate) async fn multipart_fields(
    body: Body,
    head: &HttpRequest,
    shape: Shape,
) -> Result<Fields, ApiError> {
    let mut parts = open_multipart(body, head);
    let mut fields = Fields::new(shape);
    while let Some(part) = parts.next().await {
        read_text(&mut fields, shape, part.map_err(multipart_error)?).await?;
    }
    Ok(fields)
}

fn open_multipart(body: Body, head: &HttpRequest) -> Multipart {
    let chunks = stream::try_unfold(body, |mut body| async move {
        Ok::<_, PayloadError>(body.next().await?.map(|chunk| (chunk, body)))
    });
    Multipart::new(head.headers(), chunks)
}

fn is_payload(part: &Field, shape: Shape) -> bool {
    part.name().is_some_and(|name| shape.is_payload(name))
}

/// Reads a part as the text of a known field. Unknown ones are read over, within the body's limit.
async fn read_text(fields: &mut Fields, shape: Shape, mut part: Field) -> Result<(), ApiError> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut text = Vec::new();
    let known = shape.lookup(name.as_bytes()) != Known::Unknown;
    while let Some(chunk) = part.next().await {
        let chunk = chunk.map_err(multipart_error)?;
        if known {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_TEXT {
                return Err(ScanError::FieldTooLong.into());
            }
        }
    }
    let text = String::from_utf8(text).map_err(|_| ScanError::Malformed("a field is not UTF-8"))?;
    Ok(fields.insert_form(&name, &text)?)
}

fn multipart_error(error: MultipartError) -> ApiError {
    match error {
        MultipartError::Payload(error) => error.into(),
        other => ApiError::bad_format(other.to_string()),
    }
}
