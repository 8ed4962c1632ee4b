use actix_web::HttpResponse;
use actix_web::http::Method;
use kms_domain::codes::Code;
use kms_domain::recommend::HotPosition;
use serde::Serialize;
use serde_json::{Value, json};

use super::file_list::FileListReply;
use super::v1::query;
use crate::answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, CURSOR, Described, Field, Operation, Parameter, Tag, and, answer as describe,
    example, optional,
};

const TAG: &str = "tag";

const BODY: Shape = Shape {
    fields: &[TAG],
    payload: None,
};

const TAG_FIELD: Field = optional(
    TAG,
    CURSOR,
    "What the page before answered; `\"\"` for the first one. Anything else is code 1.",
);

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Lists what is hot",
    about: "Public files of everybody, the hottest first, as parallel arrays of one length. A page may be short, and even empty, though there is a next one.",
    access: Access::Open,
    parameters: &[],
    body: Body::Fields(BODY, &[TAG_FIELD]),
    answers: &[describe(Code::Done, "a page").with(SeeReply::schema)],
    examples: &[
        example("wrong", "A tag that was never answered", Code::BadFormat)
            .sends(|| json!({"tag": "the second page"})),
    ],
};

pub(super) const OPERATION_GET: Operation = Operation {
    parameters: &[Parameter::Query(TAG_FIELD)],
    body: Body::None,
    examples: &[
        example("wrong", "A tag that was never answered", Code::BadFormat)
            .asks(|| json!({"tag": "the-second-page"})),
    ],
    ..OPERATION
};

#[derive(Serialize)]
struct SeeReply<'a> {
    #[serde(flatten)]
    files: FileListReply<'a>,
    /// Behind which the next page begins; empty when there is none.
    tag: String,
}

impl SeeReply<'_> {
    fn schema() -> Value {
        let about = "Behind which the next page begins; `\"\"` when there is none.";
        and(
            FileListReply::schema(),
            TAG,
            json!({"type": "string"}),
            about,
        )
    }
}

/// `POST /app/see` and `GET /app/see`: what is hot, for whoever asks. Codes 0, 1.
pub(super) async fn see(call: Call) -> Result<HttpResponse, ApiError> {
    let app = call.app.clone();
    let tag = if call.head.method() == Method::GET {
        of_query(call.head.query_string())?
    } else {
        let request = call.read(BODY).await?;
        request.fields.text(TAG)?.map(str::to_owned)
    };
    let after = match tag.as_deref() {
        None | Some("") => None,
        Some(tag) => {
            let wrong = || ApiError::bad_format("the tag is none that was ever answered");
            Some(HotPosition::parse(tag).ok_or_else(wrong)?)
        }
    };
    let page = app
        .run(Lane::Storage, move |services| {
            let limit = services.recommend.limit;
            Ok(services.recommend.hot(after, limit)?)
        })
        .await?;
    let reply = SeeReply {
        files: FileListReply::new(&page.files),
        tag: page.next.map(|next| next.to_string()).unwrap_or_default(),
    };
    Ok(answer::with(Code::Done, reply))
}

/// The tag of a query.
fn of_query(text: &str) -> Result<Option<String>, ApiError> {
    Ok(query(text, BODY)?.text(TAG)?.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_query_is_found_and_must_be_one() {
        for (query, tag) in [
            ("", None),
            ("a=b", None),
            ("tag", Some("")),
            ("tag=", Some("")),
            ("a=b&tag=c-d&e", Some("c-d")),
            ("Tag=c", None),
        ] {
            assert_eq!(of_query(query).unwrap().as_deref(), tag, "{query:?}");
        }
        assert!(of_query("tag=a&tag=a").is_err());
    }
}
