use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderMap};
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{EditOutcome, EntryChange, FileId, Label, StoredFile, Title, Visibility};
use kms_domain::users::Actor;
use serde_json::json;
use sha2::Digest as _;

use super::conditional::{Conditions, Validators, Verdict};
use super::problem::Unmet;
use super::reply;
use super::representation::{IF_MATCH, IF_NONE_MATCH};
use crate::app::Services;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, Described, FID, Header, LABEL, MD5, MOMENT, Operation, Parameter, SHA256,
    TITLE, Tag, UUID, answer, described, example, optional, required, sample,
};

const CHANGE: Shape = Shape {
    fields: &["name", "public", "label"],
    payload: None,
};

described! {
    struct EntryReply {
        /// Its id.
        fid: String as FID,
        /// Its title.
        name: String as TITLE,
        /// Bytes.
        size: u64,
        /// Digest of the bytes.
        md5: String as MD5,
        /// Digest of the bytes.
        sha256: String as SHA256,
        /// Whether others may read it.
        public: bool,
        /// What its owner files it under; `null` without one, and for everybody else.
        label: Option<String> as LABEL,
        /// Whose it is.
        owner: String as UUID,
        /// When it was stored.
        date: i64 as MOMENT,
    }
}

const ETAG_HEADER: &[Header] = &[Header {
    name: "ETag",
    about: "Of all that is answered; strong.",
}];

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Tells what there is to say about a file",
    about: "An own entry or a public one.",
    access: Access::Session,
    parameters: &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Header(IF_NONE_MATCH),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::None,
    answers: &[
        answer(Code::FileFound, "the entry")
            .with(EntryReply::schema)
            .headers(ETAG_HEADER),
        answer(Code::FileFound, "the client has it already")
            .at(304)
            .empty()
            .headers(ETAG_HEADER),
        answer(
            Code::NotFound,
            "no such entry for this user, or no id at all",
        ),
        answer(
            Code::BadFormat,
            "the entry is not what the request is conditional on",
        )
        .at(412),
    ],
    examples: &[
        example("entry", "An entry of one's own", Code::FileFound)
            .asks(|| json!({"fid": sample::CREATED}))
            .gets(|| shown(None)),
        example("known", "What the client has already", Code::FileFound)
            .at(304)
            .asks(|| json!({"fid": sample::CREATED, "If-None-Match": "*"})),
    ],
};

/// Changing it.
pub(in crate::routes) const OPERATION_CHANGE: Operation = Operation {
    summary: "Changes an entry of one's own",
    about: "What is not sent stays as it is. An empty `label` takes it away.",
    parameters: &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::Json(
        Some(CHANGE),
        &[
            optional("name", TITLE, ""),
            optional(
                "public",
                BOOL,
                "Whether others may read it. A favourite cannot be public.",
            ),
            optional("label", LABEL, ""),
        ],
    ),
    answers: &[
        answer(Code::FileModified, "")
            .with(EntryReply::schema)
            .headers(ETAG_HEADER),
        answer(Code::FileUnmodified, "")
            .at(200)
            .with(EntryReply::schema)
            .headers(ETAG_HEADER),
        answer(Code::NotFound, "the caller has no such entry"),
        answer(
            Code::BadFormat,
            "the entry is not what the request is conditional on",
        )
        .at(412),
    ],
    examples: &[
        example("label", "A label", Code::FileModified)
            .asks(|| json!({"fid": sample::CREATED}))
            .sends(|| json!({"label": "letters"}))
            .gets(|| shown(Some("letters"))),
        example("same", "What is so already", Code::FileUnmodified)
            .at(200)
            .asks(|| json!({"fid": sample::CREATED}))
            .sends(|| json!({"label": "letters"}))
            .gets(|| shown(Some("letters"))),
        example("stale", "An entry that has changed since", Code::BadFormat)
            .at(412)
            .asks(|| json!({"fid": sample::CREATED, "If-Match": "\"another\""}))
            .sends(|| json!({"label": ""}))
            .gets(|| json!({"detail": "it is not what the request is conditional on any more"})),
    ],
    ..OPERATION
};

fn shown(label: Option<&str>) -> serde_json::Value {
    json!({
        "fid": sample::CREATED,
        "name": "hello.txt",
        "size": 5,
        "md5": sample::MD5,
        "sha256": sample::SHA256,
        "public": false,
        "label": label,
        "owner": sample::USER,
        "date": sample::CREATED_AT,
    })
}

/// `GET /api/v1/files/{fid}`: what there is to say about an entry that the caller may read.
/// 200, 304, 412; codes 140, 2.
pub(super) async fn entry(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.fid();
    let conditions = Conditions::of(call.head.headers());
    let file = call
        .as_bearer(Lane::ShortRead, move |services, actor| {
            find(services, actor, fid)
        })
        .await?;
    let own = Validators {
        etag: etag(&EntryReply::new(&file))?,
        modified: None,
    };
    match conditions.judge(&own) {
        Verdict::Proceed => render(Code::FileFound, &file),
        Verdict::NotModified => reply::not_modified(Code::FileFound, &own.etag),
        Verdict::Failed => Err(ApiError::because(Code::BadFormat, Unmet::Changed)),
    }
}

/// `PATCH /api/v1/files/{fid}`: changes an entry of the caller's own, and answers how it is then, whether or
/// not anything was to be changed. Codes 141, 143, 2, 1.
pub(super) async fn change_entry(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.fid();
    let precondition = Precondition::of(call.head.headers());
    let request = call.read_signed_json(CHANGE).await?;
    let change = parse(&request.fields);
    let (code, file) = request
        .as_actor(Lane::Storage, move |services, actor| {
            let change = change?;
            let id = fid.ok_or_else(|| ApiError::new(Code::NotFound))?;
            let outcome = match precondition.0 {
                None => services.files.edit(actor, id, &change)?,
                Some(conditions) => {
                    let allow = |before: &StoredFile| allow(&conditions, before);
                    services.files.edit_if(actor, id, change, allow)?
                }
            };
            match outcome {
                EditOutcome::Changed | EditOutcome::Unchanged => {
                    Ok((outcome.code(), find(services, actor, fid)?))
                }
                EditOutcome::Moved => Err(ApiError::because(outcome.code(), Unmet::Changed)),
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

/// What an entry is to be like for a request that changes it.
pub(super) struct Precondition(Option<Conditions>);

impl Precondition {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let conditions = Conditions::of(headers);
        Self(conditions.bind_changes().then_some(conditions))
    }

    /// Whether an entry of the caller's own is like that. One that only others may change is not there,
    /// whatever it is like.
    pub(super) fn judge(
        &self,
        services: &Services,
        actor: &Actor,
        id: FileId,
    ) -> Result<(), ApiError> {
        let Some(conditions) = &self.0 else {
            return Ok(());
        };
        match services.files.find_own(actor, id)? {
            Some(before) if allow(conditions, &before) => Ok(()),
            Some(_) => Err(ApiError::because(Code::BadFormat, Unmet::Changed)),
            None => Err(ApiError::new(Code::NotFound)),
        }
    }
}

fn allow(conditions: &Conditions, before: &StoredFile) -> bool {
    etag(&EntryReply::new(before)).is_ok_and(|tag| conditions.allow_change_of(&tag))
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
        given: None,
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
