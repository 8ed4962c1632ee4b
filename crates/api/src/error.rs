//! The one error of the HTTP edge, and how it looks on the wire.

use std::error::Error as StdError;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use kms_domain::codes::{Code, Coded};
use kms_domain::throttle::Throttled;
use kms_domain::{PortError, files, users};

use crate::answer;
use crate::intake::{FieldError, ScanError};
use crate::offload::OffloadError;

/// Seconds after which an overloaded server may be asked again.
const RETRY_SECONDS: u64 = 1;

/// Why a request was refused or failed: one code for the client, the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("answered with code {}", .code.number())]
pub(crate) struct ApiError {
    code: Code,
    allow: Option<&'static str>,
    retry_after: Option<u64>,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ApiError {
    /// A refusal that needs no explanation beyond its code.
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            allow: None,
            retry_after: None,
            source: None,
        }
    }

    /// A refusal or failure with its cause.
    pub(crate) fn because(code: Code, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            code,
            allow: None,
            retry_after: None,
            source: Some(source.into()),
        }
    }

    /// Code 1, with the reason for the log.
    pub(crate) fn bad_format(reason: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::because(Code::BadFormat, reason)
    }

    /// Code 10 for a route that knows only these methods.
    pub(crate) const fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            code: Code::MethodNotAllowed,
            allow: Some(allow),
            retry_after: None,
            source: None,
        }
    }

    /// The code on the wire.
    pub(crate) const fn code(&self) -> Code {
        self.code
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        answer::status(self.code)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = answer::bare(self.code);
        if let Some(allow) = self.allow {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allow));
        }
        if matches!(self.code, Code::Busy | Code::Throttled) {
            let seconds = self.retry_after.unwrap_or(RETRY_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Throttled> for ApiError {
    fn from(throttled: Throttled) -> Self {
        Self {
            retry_after: Some(throttled.retry_after_seconds()),
            ..Self::because(throttled.code(), throttled)
        }
    }
}

impl From<OffloadError> for ApiError {
    fn from(error: OffloadError) -> Self {
        let code = match &error {
            OffloadError::Busy => Code::Busy,
            OffloadError::Panicked(_) => Code::ServerError,
        };
        Self::because(code, error)
    }
}

/// Errors that know their own code.
macro_rules! from_coded {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for ApiError {
            fn from(error: $error) -> Self {
                Self::because(error.code(), error)
            }
        }
    )+};
}

from_coded!(
    users::AccountError,
    users::SessionError,
    users::AvatarError,
    files::FileError,
    files::DownloadError,
    files::PushError,
    PortError,
);

/// Errors of parsing, every one of them code 1.
macro_rules! from_parse {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for ApiError {
            fn from(error: $error) -> Self {
                Self::bad_format(error)
            }
        }
    )+};
}

from_parse!(
    FieldError,
    ScanError,
    users::PhoneError,
    users::DisplayNameError,
    users::EmailError,
    users::PasswordError,
    files::TitleError,
    files::LabelError,
    files::DigestError,
);
