use actix_web::{HttpResponse, web};
use kms_domain::codes::Coded;
use kms_domain::files::{
    ClaimFile, ClaimOutcome, FileError, Md5, Sha256, StoreFile, Title, UploadOutcome,
    UploadSession, Visibility,
};
use kms_domain::users::{Actor, Token};
use serde::Serialize;

use crate::answer;
use crate::app::{App, Finish, Services};
use crate::call::{Call, TOKEN, as_actor, begin_as_actor};
use crate::error::ApiError;
use crate::intake::{FieldError, Fields, Shape};
use crate::offload::Lane;
use crate::quota;
use crate::receive::Receive;
use crate::staging::Upload;

const BODY: Shape = Shape {
    fields: &[TOKEN, "name", "md5", "sha256", "public"],
    payload: Some("data"),
};

#[derive(Serialize)]
struct StoredReply {
    fid: String,
    /// A new entry has no label yet.
    classify: &'static str,
    summary: &'static str,
}

#[derive(Serialize)]
struct LinkedReply {
    fid: String,
    classify: &'static str,
    summary: &'static str,
    size: u64,
    sha256: String,
}

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
