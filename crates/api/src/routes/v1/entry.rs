use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderMap};
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{EditOutcome, EntryChange, FileId, Label, StoredFile, Title, Visibility};
use kms_domain::users::Actor;
use sha2::Digest as _;

use super::conditional::Conditions;
use super::problem::Unmet;
use super::reply;
use crate::app::Services;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    BOOL, Body, Described, FID, LABEL, Operation, Parameter, TEXT, TITLE, answer, described,
    optional, plain, required,
};

const CHANGE: Shape = Shape {
    fields: &["name", "public", "label"],
    payload: None,
};

described! {
    struct EntryReply {
        /// Its id.
        fid: String,
        /// As given.
        name: String,
        /// Bytes.
        size: u64,
        /// Digest of the bytes.
        md5: String,
        /// Digest of the bytes.
        sha256: String,
        /// Whether others may read it.
        public: bool,
        /// What its owner files it under; `null` for everybody else.
        label: Option<String>,
        /// Whose it is.
        owner: String,
        /// When it was stored, in milliseconds since 1970-01-01 UTC.
        date: i64,
    }
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Describes an entry",
    &[Parameter::Path(required("fid", FID, "The entry."))],
    Body::None,
    &[
        answer(Code::FileFound, "what there is to say about it").with(EntryReply::schema),
        answer(
            Code::NotFound,
            "no such entry for this user, or no id at all",
        ),
    ],
);

pub(in crate::routes) const OPERATION_CHANGE: Operation = plain(
    "Changes an entry of one's own",
    &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Header(optional("If-Match", TEXT, "412 if it has changed since.")),
    ],
    Body::Object(
        CHANGE,
        &[
            optional("name", TITLE, ""),
            optional("public", BOOL, ""),
            optional("label", LABEL, "An empty text takes it away."),
        ],
    ),
    &[
        answer(Code::FileModified, "the entry as it is now")
            .with(EntryReply::schema)
            .at(200),
        answer(Code::NotFound, "the caller has no such entry"),
        answer(Code::BadFormat, "it has changed since").at(412),
    ],
);

/// `GET /api/v1/files/{fid}`: what there is to say about an entry that the caller may read.
/// Codes 140, 2.
pub(super) async fn entry(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let file = call
        .as_bearer(Lane::ShortRead, move |services, actor| {
            find(services, actor, fid)
        })
        .await?;
    render(Code::FileFound, &file)
}

/// `PATCH /api/v1/files/{fid}`: changes an entry of the caller's own, and answers how it is then, whether or
/// not anything was to be changed. Codes 141, 143, 2, 1.
pub(super) async fn change_entry(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let conditions = Conditions::of(call.head.headers());
    let is_conditional = is_conditional(call.head.headers());
    let request = call.read_signed_json(CHANGE).await?;
    let change = parse(&request.fields);
    let (code, file) = request
        .as_actor(Lane::Storage, move |services, actor| {
            let change = change?;
            let id = fid.ok_or_else(|| ApiError::new(Code::NotFound))?;
            if is_conditional {
                let before = find(services, actor, fid)?;
                if !conditions.allow_change_of(&etag(&EntryReply::new(&before))?) {
                    return Err(ApiError::because(Code::BadFormat, Unmet::Changed));
                }
            }
            let outcome = services.files.edit(actor, id, &change)?;
            match outcome {
                EditOutcome::Changed | EditOutcome::Unchanged => {
                    Ok((outcome.code(), find(services, actor, fid)?))
                }
                EditOutcome::NotFound => Err(ApiError::new(outcome.code())),
                EditOutcome::NotPublishable => Err(ApiError::because(
                    outcome.code(),
                    "a favourite cannot be made public",
                )),
            }
        })
        .await?;
    render(code, &file)
}

fn fid(call: &Call) -> Option<FileId> {
    call.head.match_info().get("fid").and_then(FileId::parse)
}

fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key("if-match") || headers.contains_key("if-none-match")
}

fn find(services: &Services, actor: &Actor, fid: Option<FileId>) -> Result<StoredFile, ApiError> {
    let found = match fid {
        Some(id) => services.files.find(actor, id)?,
        None => None,
    };
    found.ok_or_else(|| ApiError::new(Code::NotFound))
}

fn parse(fields: &Fields) -> Result<EntryChange, ApiError> {
    let label = match fields.text("label")? {
        None => None,
        // Nothing takes the label away.
        Some("") => Some(None),
        Some(text) => Some(Some(Label::parse(text)?)),
    };
    Ok(EntryChange {
        title: fields.text("name")?.map(Title::parse).transpose()?,
        visibility: fields.boolean("public")?.map(Visibility::from_public),
        label,
    })
}

impl EntryReply {
    fn new(file: &StoredFile) -> Self {
        Self {
            fid: file.id.to_string(),
            name: file.title.as_str().to_owned(),
            size: file.blob.size,
            md5: file.md5.to_string(),
            sha256: file.blob.sha256.to_string(),
            public: file.visibility.is_public(),
            label: file.label.as_ref().map(|label| label.as_str().to_owned()),
            owner: file.owner.to_string(),
            date: file.created_at.as_millis(),
        }
    }
}

/// Strong: a digest of all that is answered.
fn etag(entry: &EntryReply) -> Result<String, ApiError> {
    let text =
        serde_json::to_vec(entry).map_err(|error| ApiError::because(Code::ServerError, error))?;
    let digest = sha2::Sha256::digest(&text);
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("\"{hex}\""))
}

fn render(code: Code, file: &StoredFile) -> Result<HttpResponse, ApiError> {
    let entry = EntryReply::new(file);
    let mut response = reply::object(StatusCode::OK, code, &entry)?;
    reply::insert(response.headers_mut(), ETAG, &etag(&entry)?)?;
    Ok(response)
}
