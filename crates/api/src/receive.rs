//! Receiving a file: bytes are staged as they arrive, in constant memory.
//!
//! The payload is gathered to blocks of 512 KiB and goes to the store block by block ([`Staging`]). A
//! slow client holds no thread, no permit and no connection to the database, and a file that fits
//! one block is staged, stored and answered in a single job.
//!
//! In the contract's bodies the token may come after the data. As soon as the payload is more than
//! trifling ([`ADMIT_AT`]), its sender is judged by the token seen so far; who has shown none takes
//! a place among a bounded number of anonymous uploads. The token is judged again at the end, when
//! all fields are known.

use std::time::Duration;

use actix_web::http::header::EXPECT;
use kms_domain::codes::Code;
use kms_domain::users::Token;
use tokio::time::timeout;

use crate::app::AnonymousUpload;
use crate::call::{Body, Call, Opened, Request, TOKEN, identify};
use crate::error::ApiError;
use crate::intake::{Fields, MultipartScanner, Shape, Value};
use crate::offload::Lane;
use crate::quota::Room;
use crate::staging::{Begin, Buffer, Staging, Upload};

/// Payload bytes from which on the sender is judged, and a place is needed, before more is taken. Less
/// than this is no more than the buffers of a connection.
const ADMIT_AT: usize = 32 * 1024;
/// Announced bytes of a body with fields from which on it most likely carries that much, which is when one
/// that would not be admitted is refused by its head: [`ADMIT_AT`] in base64.
const LIKELY_AT: usize = ADMIT_AT / 3 * 4;
/// What a body may hold beside its file: field names, other fields, multipart boundaries.
const OVERHEAD: u64 = 64 * 1024;
/// The largest body that is read before it is refused, and how long for.
const THROWN_AWAY: u64 = 256 * 1024;
const THROWN_AWAY_WITHIN: Duration = Duration::from_millis(100);
/// What is decoded at once: it stays in the cache of the core, and little of it goes beyond the end
/// of a block and has to be moved to the next.
const PIECE: usize = 32 * 1024;

/// What a route receives.
#[derive(Clone, Copy)]
pub(crate) struct Receive {
    /// Its fields, with the payload among them.
    pub(crate) shape: Shape,
    /// Most bytes of the payload.
    pub(crate) limit: u64,
    /// Opens the session for the payload.
    pub(crate) begin: Begin,
    /// Whether the payload counts for what its sender holds.
    pub(crate) is_charged: bool,
}

impl Call {
    /// Reads a body that may carry a payload. No [`Upload`]: it carried none.
    pub(crate) async fn receive(
        mut self,
        what: Receive,
    ) -> Result<(Request, Option<Upload>), ApiError> {
        // base64 takes 4/3 of the bytes. A form may escape each character of it (a white picture is
        // nothing but slashes), which makes 4, and line breaks some more: five times the limit has
        // room for every encoding that clients really use. The payload has a limit of its own.
        let limit = what.limit.saturating_mul(5).saturating_add(OVERHEAD);
        self.foresee(LIKELY_AT).await?;
        let (body, request) = self.open(limit)?;
        let mut gather = Gather {
            what,
            staging: Staging::new(request.app.clone(), what.begin),
            request,
            block: Buffer::default(),
            taken: 0,
            admission: Admission::Open,
        };
        let fields = gather.scan(body).await?;
        let upload = if fields.has_payload() {
            Some(gather.staging.finish(gather.block).await?)
        } else {
            None
        };
        Ok((gather.request.with(fields), upload))
    }

    /// Refuses a body that is nothing but a payload, if there is no place for it now. Asked before anything is
    /// done for it, its sender's token included: this is how an overloaded server gets rid of most.
    pub(crate) async fn foresee_payload(&mut self) -> Result<(), ApiError> {
        self.foresee(ADMIT_AT).await
    }

    async fn foresee(&mut self, bytes: usize) -> Result<(), ApiError> {
        let announced = self.announced().unwrap_or(0);
        if announced < length(bytes) {
            return Ok(());
        }
        let admitted = self.app.foresee_upload();
        let waits = self.head.headers().contains_key(EXPECT);
        if admitted.is_err() && announced <= THROWN_AWAY && !waits {
            // It is most likely on its way. An answer in front of it would be the last of its connection, and a new
            // one costs both sides more than the bytes. Who has not sent it by then is told before it is there.
            let _ = timeout(THROWN_AWAY_WITHIN, self.throw_away()).await;
        }
        admitted
    }
}

/// Receives a body that is nothing but the payload, from a sender who has been judged and has `room`.
pub(crate) async fn raw(
    mut body: Body,
    request: &Opened,
    begin: Begin,
    room: Room,
) -> Result<Upload, ApiError> {
    room.expect(request.announced.unwrap_or(0))?;
    let mut staging = Staging::new(request.app.clone(), begin);
    if request
        .announced
        .is_some_and(|bytes| bytes >= length(ADMIT_AT))
    {
        // Better before it has come than after.
        staging.admit()?;
    }
    let mut block = Buffer::for_payload(request.announced);
    let mut taken = 0_u64;
    while let Some(chunk) = body.next().await? {
        if block.len() >= ADMIT_AT {
            staging.admit()?;
        }
        taken = taken.saturating_add(length(chunk.len()));
        room.expect(taken)?;
        let mut rest = chunk.as_ref();
        while !rest.is_empty() {
            rest = block.fill(rest);
            if block.is_full() {
                staging.push(&mut block).await?;
            }
        }
    }
    staging.finish(block).await
}

/// What a body may have whose file is of `limit` bytes and stands in it as it is.
pub(crate) const fn with_overhead(limit: u64) -> u64 {
    limit.saturating_add(OVERHEAD)
}

/// The same for a form that `scanner` reads, whose payload stands in it as it is. `watch` sees all of the
/// body, piece by piece.
pub(crate) async fn form(
    mut body: Body,
    request: &Opened,
    begin: Begin,
    room: Room,
    mut scanner: MultipartScanner,
    mut watch: impl FnMut(&[u8]),
) -> Result<(Fields, Upload), ApiError> {
    let mut staging = Staging::new(request.app.clone(), begin);
    if request
        .announced
        .is_some_and(|bytes| bytes >= length(ADMIT_AT))
    {
        staging.admit()?;
    }
    let mut block = Buffer::default();
    let mut taken = 0_u64;
    while let Some(chunk) = body.next().await? {
        watch(&chunk);
        for piece in chunk.chunks(PIECE) {
            let before = block.len();
            scanner.feed(piece, block.end(piece.len()))?;
            let more = block.len().saturating_sub(before);
            taken = taken.saturating_add(length(more));
            room.expect(taken)?;
            if block.len() >= ADMIT_AT {
                staging.admit()?;
            }
            if block.is_full() {
                staging.push(&mut block).await?;
            }
        }
    }
    let fields = scanner.finish()?;
    Ok((fields, staging.finish(block).await?))
}

/// Whether the sender of a payload has been judged.
enum Admission {
    /// Not yet: there is too little of it to matter.
    Open,
    /// No token so far.
    Anonymous(AnonymousUpload),
    /// A good token came before the payload, of somebody who has so much room.
    Known(Room),
}

struct Gather {
    what: Receive,
    request: Opened,
    staging: Staging,
    block: Buffer,
    /// Bytes of the payload so far.
    taken: u64,
    admission: Admission,
}

impl Gather {
    async fn scan(&mut self, mut body: Body) -> Result<Fields, ApiError> {
        let shape = self.what.shape;
        let mut scanner = body.scanner(&self.request.head, shape).await?;
        while let Some(chunk) = body.next().await? {
            for piece in chunk.chunks(PIECE) {
                let before = self.block.len();
                if let Err(error) = scanner.feed(piece, self.block.end(piece.len())) {
                    return Err(self.request.refusal(error, scanner.seen(TOKEN)).await);
                }
                self.grown(before, || scanner.seen(TOKEN).cloned()).await?;
            }
        }
        let seen = scanner.seen(TOKEN).cloned();
        match scanner.finish(self.block.end(0)) {
            Ok(fields) => Ok(fields),
            Err(error) => Err(self.request.refusal(error, seen.as_ref()).await),
        }
    }

    /// The block has grown since it had `before` bytes: judges the sender when it is time, counts
    /// anonymous bytes, and hands a full block to the store.
    async fn grown(
        &mut self,
        before: usize,
        token: impl FnOnce() -> Option<Value>,
    ) -> Result<(), ApiError> {
        let more = self.block.len().saturating_sub(before);
        self.taken = self.taken.saturating_add(length(more));
        let mut counted = before;
        if matches!(self.admission, Admission::Open) {
            if self.block.len() < ADMIT_AT {
                return Ok(());
            }
            self.admission = self.admit(token()).await?;
            self.staging.admit()?;
            counted = 0;
        }
        if let Admission::Anonymous(place) = &mut self.admission {
            let more = self.block.len().saturating_sub(counted);
            place.add(length(more))?;
        }
        if let Admission::Known(room) = self.admission {
            room.expect(self.taken)?;
        }
        if self.block.is_full() {
            self.staging.push(&mut self.block).await?;
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
                let is_charged = self.what.is_charged;
                self.request
                    .app
                    .run(Lane::ShortRead, move |services| {
                        services.in_one_state(|| {
                            let (actor, _) = identify(services, &token)?;
                            Ok(Admission::Known(if is_charged {
                                Room::of(services, &actor)?
                            } else {
                                Room::unlimited(&actor)
                            }))
                        })?
                    })
                    .await
            }
        }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
