//! The envelope of every answer: `done`, `code`, `msg`, then the answer's own fields.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use kms_domain::codes::Code;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The fields that every answer begins with, in front of `fields`.
#[derive(Serialize)]
struct Envelope<T> {
    done: bool,
    code: u16,
    msg: &'static str,
    #[serde(flatten)]
    fields: T,
}

/// An answer without fields of its own.
#[derive(Serialize)]
pub(crate) struct NoFields {}

/// The HTTP status of a code.
pub(crate) fn status(code: Code) -> StatusCode {
    // The table holds only valid statuses; a test walks through all of them.
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer with fields of its own.
pub(crate) fn with(code: Code, fields: impl Serialize) -> HttpResponse {
    match text(code, fields) {
        Ok(text) => json(code, text),
        Err(error) => {
            tracing::error!(%error, code = code.number(), "an answer could not be written");
            bare(Code::ServerError)
        }
    }
}

/// An answer of nothing but the envelope.
pub(crate) fn bare(code: Code) -> HttpResponse {
    // Nothing in it can fail to serialise; the text would be empty then.
    json(code, text(code, NoFields {}).unwrap_or_default())
}

/// The JSON text of an answer.
pub(crate) fn text(code: Code, fields: impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        done: code.done(),
        code: code.number(),
        msg: code.message(),
        fields,
    })
}

/// A response around a body that is JSON already.
pub(crate) fn json(code: Code, body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
    let mut response = HttpResponse::new(status(code));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.extensions_mut().insert(code);
    response.set_body(actix_web::body::BoxBody::new(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_real_status() {
        for code in Code::ALL {
            assert_eq!(status(*code).as_u16(), code.status(), "{code:?}");
        }
    }

    #[test]
    fn own_fields_stand_beside_the_envelope() {
        #[derive(Serialize)]
        struct Reply {
            fid: &'static str,
        }
        assert_eq!(
            text(Code::FileLinked, Reply { fid: "x" }).unwrap(),
            r#"{"done":true,"code":131,"msg":"创建成功","fid":"x"}"#
        );
        assert_eq!(
            text(Code::BadFormat, NoFields {}).unwrap(),
            r#"{"done":false,"code":1,"msg":"格式错误"}"#
        );
    }
}
