use actix_web::{HttpResponse, web};
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{
    ClaimFile, ClaimOutcome, FileError, Md5, Sha256, StoreFile, Title, UploadOutcome,
    UploadSession, Visibility,
};
use kms_domain::users::{Actor, Token};
use serde_json::json;

use crate::answer;
use crate::app::{App, Finish, Services};
use crate::call::{Call, TOKEN, as_actor, begin_as_actor};
use crate::error::ApiError;
use crate::intake::{FieldError, Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, DATA, Described, FID, LABEL, MD5, Operation, SHA256, TITLE, TOKEN_FIELD,
    Tag, answer, described, example, optional, required, sample,
};
use crate::quota;
use crate::receive::Receive;
use crate::staging::Upload;

const BODY: Shape = Shape {
    fields: &[TOKEN, "name", "md5", "sha256", "public"],
    payload: Some("data"),
};

described! {
    struct StoredReply {
        /// The new entry.
        fid: String as FID,
        /// `""`: a new entry has no label yet.
        classify: &'static str as LABEL,
        /// `""` where there is none.
        summary: &'static str,
    }
}

described! {
    struct LinkedReply {
        /// The new entry.
        fid: String as FID,
        /// `""`: a new entry has no label yet.
        classify: &'static str as LABEL,
        /// `""` where there is none.
        summary: &'static str,
        /// Bytes of the content.
        size: u64,
        /// So that a client can check that the bytes are its own.
        sha256: String as SHA256,
    }
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Stores a file, or links to known bytes",
    about: "With `data` it stores the bytes. Without, and with `md5`, it is an instant upload: it makes an entry if the server \
            holds those bytes and this user may have them. Any other reason is code 2, on which the client sends the data.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            required("name", TITLE, ""),
            optional(
                "data",
                DATA,
                "At least one byte. Absent: an instant upload.",
            ),
            optional("md5", MD5, "Required without `data`; must match the bytes."),
            optional("sha256", SHA256, "Must match the bytes."),
            optional("public", BOOL, "Whether others may read it."),
        ],
    ),
    answers: &[
        answer(Code::FileStored, "").with(StoredReply::schema),
        answer(Code::FileLinked, "").with(LinkedReply::schema),
        answer(
            Code::NotFound,
            "the server does not hold these bytes for this user: send them",
        ),
        answer(Code::StorageFull, ""),
    ],
    examples: &[
        example(
            "missing",
            "An instant upload of what the server does not hold",
            Code::NotFound,
        )
        .sends(|| json!({"token": sample::TOKEN, "name": "hello.txt", "md5": sample::MD5})),
        example("store", "The same with its bytes", Code::FileStored)
            .sends(|| json!({"token": sample::TOKEN, "name": "hello.txt", "data": sample::DATA}))
            .gets(|| json!({"fid": sample::FID, "classify": "", "summary": ""})),
        example(
            "link",
            "The same bytes once more, by their MD5",
            Code::FileLinked,
        )
        .sends(|| json!({"token": sample::TOKEN, "name": "again.txt", "md5": sample::MD5}))
        .gets(|| {
            json!({
                "fid": sample::LINKED,
                "classify": "",
                "summary": "",
                "size": 5,
                "sha256": sample::SHA256,
            })
        }),
        example("mismatch", "Bytes that have another MD5", Code::BadFormat).sends(|| {
            json!({
                "token": sample::TOKEN,
                "name": "hello.txt",
                "md5": "00000000000000000000000000000000",
                "data": sample::DATA,
            })
        }),
    ],
};

/// `POST /app/user/upload`: stores a file (with `data`), or links to bytes the server holds
/// already (without). Codes 130, 131, 2, 1.
pub(super) async fn upload(call: Call) -> Result<HttpResponse, ApiError> {
    let limit = call.app.limits.file;
    let (request, upload) = call
        .receive(Receive {
            shape: BODY,
            limit,
            begin,
            is_charged: true,
        })
        .await?;
    let input = Input::parse(&request.fields);
    let Some(upload) = upload else {
        return request
            .begin_as_actor(move |services, actor, finish| claim(services, actor, input?, finish))
            .await
            .map(claimed);
    };
    store(&request.app, request.token(), upload, input)
        .await
        .map(stored)
}

/// Stores an upload for whom `token` names; a small one without leaving the worker, if the store takes
/// it without a device.
pub(super) async fn store(
    app: &web::Data<App>,
    token: Result<Token, ApiError>,
    upload: Upload,
    input: Result<Input, ApiError>,
) -> Result<UploadOutcome, ApiError> {
    if !upload.is_small() || !app.services.files.takes_small_at_once() {
        return as_actor(app, Lane::Storage, token, move |services, actor| {
            let (input, upload) = (input?, upload.finish(services)?);
            let outcome = services.files.store(actor, upload, input.with_bytes())?;
            quota::uploaded(actor.user(), outcome)
        })
        .await;
    }
    begin_as_actor(app, token?, move |services, actor, finish| {
        let (input, upload) = (input?, upload.finish(services)?);
        let user = actor.user();
        let done = move |outcome: Result<_, FileError>| {
            let outcome = outcome.map_err(ApiError::from);
            finish.with(outcome.and_then(|it| quota::uploaded(user, it)));
        };
        services
            .files
            .store_then(actor, upload, input.with_bytes(), done);
        Ok(())
    })
    .await
}

pub(super) fn begin(services: &Services) -> Result<UploadSession, ApiError> {
    Ok(services.files.begin_upload()?)
}

/// What describes a file, in whatever way it comes.
#[derive(Clone)]
pub(super) struct Input {
    title: Title,
    md5: Option<Md5>,
    sha256: Option<Sha256>,
    visibility: Option<Visibility>,
}

impl Input {
    pub(super) fn parse(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            title: Title::parse(fields.required_text("name")?)?,
            md5: fields.optional_text("md5")?.map(Md5::parse).transpose()?,
            sha256: fields
                .optional_text("sha256")?
                .map(Sha256::parse)
                .transpose()?,
            visibility: fields.boolean("public")?.map(Visibility::from_public),
        })
    }

    /// The same where the bytes have one more digest to match, if any.
    pub(super) fn with_digest(mut self, digest: Option<Sha256>) -> Result<Self, ApiError> {
        match (self.sha256, digest) {
            (Some(one), Some(other)) if one != other => {
                return Err(ApiError::bad_format("two digests that no file has"));
            }
            (own, other) => self.sha256 = own.or(other),
        }
        Ok(self)
    }

    /// The digests that it names.
    pub(super) const fn digests(&self) -> (Option<Md5>, Option<Sha256>) {
        (self.md5, self.sha256)
    }

    pub(super) const fn title(&self) -> &Title {
        &self.title
    }

    pub(super) fn with_bytes(self) -> StoreFile {
        StoreFile {
            title: self.title,
            visibility: self.visibility,
            md5: self.md5,
            sha256: self.sha256,
        }
    }
}

pub(super) fn claim(
    services: &Services,
    actor: &Actor,
    input: Input,
    finish: Finish<ClaimOutcome>,
) -> Result<(), ApiError> {
    let request = ClaimFile {
        title: input.title,
        visibility: input.visibility,
        md5: input.md5.ok_or(FieldError::Missing("md5"))?,
        sha256: input.sha256,
    };
    let user = actor.user();
    services.files.claim_then(actor, request, move |outcome| {
        let outcome = outcome.map_err(ApiError::from);
        finish.with(outcome.and_then(|it| quota::claimed(user, it)));
    });
    Ok(())
}

fn stored(outcome: UploadOutcome) -> HttpResponse {
    match outcome {
        UploadOutcome::Stored(receipt) | UploadOutcome::Linked(receipt) => answer::with(
            outcome.code(),
            StoredReply {
                fid: receipt.id.to_string(),
                classify: "",
                summary: "",
            },
        ),
        UploadOutcome::Empty | UploadOutcome::DigestMismatch | UploadOutcome::OverQuota => {
            answer::bare(outcome.code())
        }
    }
}

fn claimed(outcome: ClaimOutcome) -> HttpResponse {
    match outcome {
        ClaimOutcome::Linked(receipt) => answer::with(
            outcome.code(),
            LinkedReply {
                fid: receipt.id.to_string(),
                classify: "",
                summary: "",
                size: receipt.size,
                sha256: receipt.sha256.to_string(),
            },
        ),
        ClaimOutcome::NotHeld | ClaimOutcome::OverQuota => answer::bare(outcome.code()),
    }
}
