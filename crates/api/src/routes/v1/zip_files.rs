use std::collections::HashSet;
use std::pin::Pin;

use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use kms_domain::codes::Code;
use kms_domain::files::{FileId, OpenOutcome};
use kms_domain::users::Actor;
use kms_domain::with_causes;
use serde::Deserialize;
use serde_json::json;

use super::representation::{REVALIDATE, SANDBOX};
use crate::app::{App, Services};
use crate::blocks::{Blocks, Wire};
use crate::call::{Call, as_actor};
use crate::error::ApiError;
use crate::intake::{Scanner, Shape};
use crate::middleware::RequestId;
use crate::offload::Lane;
use crate::openapi::{Access, Body, Kind, Operation, Tag, answer, example, required, sample};
use crate::zip::{Entry, Names, Plan};

const ZIP: HeaderValue = HeaderValue::from_static("application/zip");
const NAME: HeaderValue = HeaderValue::from_static("attachment; filename=\"files.zip\"");
/// What an id takes in a body, with quotes, comma and some white space.
const BYTES_OF_ID: u64 = 64;
/// Records of the directory that leave at once, at most some 300 KiB.
const RECORDS: usize = 1024;

#[derive(Deserialize)]
struct ZipBody {
    /// Entries that the caller may read, each once, in the order of the archive.
    fids: Vec<String>,
}

/// The body is one object by the rules of all bodies, whatever its fields are.
const BODY: Shape = Shape {
    fields: &[],
    payload: None,
};

const FIDS: Kind = Kind::of(|facts| {
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": facts.zip_files,
        "uniqueItems": true,
        "items": {"type": "string"},
    })
});

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Reads several files as one zip archive",
    about: "Entries that the caller may read, stored and not compressed. The answer streams, and its length is known.",
    access: Access::Session,
    parameters: &[],
    body: Body::Json(
        None,
        &[required(
            "fids",
            FIDS,
            "Each once, in the order of the archive.",
        )],
    ),
    answers: &[
        answer(Code::FileFound, "the archive").of("application/zip"),
        answer(
            Code::NotFound,
            "one of the entries is not there for this user",
        ),
    ],
    examples: &[
        example("zip", "An archive of one file", Code::FileFound)
            .sends(|| json!({"fids": [sample::CREATED]})),
        example("unknown", "What is not there", Code::NotFound)
            .sends(|| json!({"fids": [sample::CREATED, sample::NOTHING]})),
    ],
};

/// `POST /api/v1/files/zip`: entries that the caller may read, as one archive. Codes 140, 2, 1.
pub(super) async fn zip_files(call: Call) -> Result<HttpResponse, ApiError> {
    call.as_bearer(Lane::ShortRead, |_, _| Ok(())).await?;
    let token = call.bearer_token();
    let most = call.app.limits.zip_files;
    let limit = BYTES_OF_ID.saturating_mul(u64::try_from(most).unwrap_or(u64::MAX));
    call.app.foresee_work()?;
    let (request, body) = call.read_whole(limit.saturating_add(1024)).await?;
    let fids = parse(&body, most);
    let archive = as_actor(
        &request.app,
        Lane::Storage,
        token,
        move |services, actor| Archive::open(services, *actor, fids?),
    )
    .await?;
    let length = archive.plan.length();
    let writing = Writing {
        app: request.app.clone(),
        request: RequestId::of(&request.head),
        archive,
        crcs: Vec::new(),
    };
    let body = SizedStream::new(length, Box::pin(writing.into_stream()));
    let mut response = HttpResponse::new(StatusCode::OK).set_body(BoxBody::new(body));
    response.extensions_mut().insert(Code::FileFound);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, ZIP);
    headers.insert(CONTENT_DISPOSITION, NAME);
    headers.insert(CACHE_CONTROL, REVALIDATE);
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(response)
}

/// The ids that a body names. `None` in place of what can be nobody's id.
fn parse(body: &[u8], most: usize) -> Result<Vec<Option<FileId>>, ApiError> {
    let mut scanner = Scanner::json(BODY);
    // A shape without a payload field yields no payload.
    let mut none = Vec::new();
    scanner.feed(body, &mut none)?;
    scanner.finish(&mut none)?;
    let ZipBody { fids } = serde_json::from_slice(body)
        .map_err(|_| ApiError::bad_format("`fids` is no list of texts, or there are two"))?;
    if !(1..=most).contains(&fids.len()) {
        return Err(ApiError::bad_format(format!(
            "an archive has 1 to {most} files"
        )));
    }
    let ids: Vec<_> = fids.iter().map(|fid| FileId::parse(fid)).collect();
    let mut seen = HashSet::new();
    if !ids.iter().flatten().all(|id| seen.insert(*id)) {
        return Err(ApiError::bad_format("a file is named twice"));
    }
    Ok(ids)
}

/// An archive whose files were all there to be read when it was begun.
struct Archive {
    actor: Actor,
    fids: Vec<FileId>,
    plan: Plan,
    /// The first file, so that its damage is told before anything is sent.
    first: Option<Blocks>,
}

impl Archive {
    /// Looks all files up and opens the first. Blocks: for use inside a storage job.
    fn open(services: &Services, actor: Actor, ids: Vec<Option<FileId>>) -> Result<Self, ApiError> {
        let (mut names, mut fids, mut entries) = (Names::default(), Vec::new(), Vec::new());
        for id in ids {
            let found = match id {
                Some(id) => services.files.find(&actor, id)?,
                None => None,
            };
            let file = found.ok_or_else(|| ApiError::new(Code::NotFound))?;
            fids.push(file.id);
            entries.push(Entry {
                name: names.add(file.title.as_str()),
                size: file.blob.size,
                time: file.created_at,
            });
        }
        let plan = Plan::new(entries)
            .ok_or_else(|| ApiError::because(Code::TooLarge, "the archive has no length"))?;
        let first = match (fids.first(), plan.size(0)) {
            (Some(id), Some(size)) => Some(open(services, &actor, *id, size)?),
            _ => None,
        };
        Ok(Self {
            actor,
            fids,
            plan,
            first,
        })
    }
}

/// Opens an entry that has so many bytes.
fn open(services: &Services, actor: &Actor, id: FileId, size: u64) -> Result<Blocks, ApiError> {
    match services.files.open(actor, id)? {
        OpenOutcome::Opened(file) if file.content.size() == size => {
            services.files.note_download(actor, file.shared);
            Blocks::open(Box::new(file.content), Wire::Raw)
        }
        OpenOutcome::Opened(_) => Err(ApiError::because(
            Code::ServerError,
            "a file of an archive has another size",
        )),
        OpenOutcome::NotFound => Err(ApiError::because(
            Code::NotFound,
            "a file of an archive is gone",
        )),
    }
}

/// An archive on its way out, in constant memory: one block of one file, and a checksum for each that is
/// through.
struct Writing {
    app: web::Data<App>,
    request: RequestId,
    archive: Archive,
    crcs: Vec<u32>,
}

type Content = Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>>>>;

/// What is to be written next.
enum Next {
    /// The head of this file.
    Head(usize),
    /// More of this one.
    Content(usize, Content, crc32fast::Hasher),
    /// The record of this file in the directory, and those of the next ones.
    Records(usize),
    Nothing,
}

impl Writing {
    /// The bytes of the archive. An error cuts the connection, so that the answer is visibly torn.
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::try_unfold((self, Next::Head(0)), |(writing, next)| writing.step(next))
    }

    async fn step(mut self, next: Next) -> Result<Option<(Bytes, (Self, Next))>, ApiError> {
        let (piece, next) = match next {
            Next::Head(at) if at < self.archive.plan.count() => self.head(at).await?,
            Next::Head(_) => self.records(0),
            Next::Content(at, mut content, mut hasher) => match content.next().await {
                Some(piece) => {
                    let piece = piece?;
                    hasher.update(&piece);
                    (piece, Next::Content(at, content, hasher))
                }
                None => {
                    let crc = hasher.finalize();
                    self.crcs.push(crc);
                    let descriptor = self.archive.plan.descriptor(at, crc);
                    (descriptor.into(), Next::Head(at.saturating_add(1)))
                }
            },
            Next::Records(at) => self.records(at),
            Next::Nothing => return Ok(None),
        };
        Ok(Some((piece, (self, next))))
    }

    /// The head of a file, which has been opened then.
    async fn head(&mut self, at: usize) -> Result<(Bytes, Next), ApiError> {
        let blocks = match self.archive.first.take() {
            Some(first) => first,
            None => self.open(at).await.inspect_err(|error| {
                tracing::error!(
                    request_id = self.request.as_str(),
                    error = %with_causes(error),
                    "an archive was cut off"
                );
            })?,
        };
        let content = Box::pin(blocks.into_stream(self.app.clone(), self.request.clone()));
        let head = self.archive.plan.local(at);
        Ok((
            head.into(),
            Next::Content(at, content, crc32fast::Hasher::new()),
        ))
    }

    async fn open(&self, at: usize) -> Result<Blocks, ApiError> {
        let lost = || ApiError::because(Code::ServerError, "there is no such file");
        let id = self.archive.fids.get(at).copied().ok_or_else(lost)?;
        let size = self.archive.plan.size(at).ok_or_else(lost)?;
        let actor = self.archive.actor;
        self.app
            .run_patiently(Lane::Storage, move |services| {
                open(services, &actor, id, size)
            })
            .await
    }

    fn records(&self, from: usize) -> (Bytes, Next) {
        let plan = &self.archive.plan;
        let mut piece = Vec::new();
        for (at, crc) in self.crcs.iter().enumerate().skip(from).take(RECORDS) {
            piece.extend(plan.central(at, *crc));
        }
        let next = from.saturating_add(RECORDS);
        if next < plan.count() {
            return (piece.into(), Next::Records(next));
        }
        piece.extend(plan.end());
        (piece.into(), Next::Nothing)
    }
}
