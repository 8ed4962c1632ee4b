use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::users::Phone;
use serde_json::json;

use crate::answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{Access, Body, Operation, PHONE, Tag, answer, example, required, sample};

const BODY: Shape = Shape {
    fields: &["phone"],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Tells whether a phone has an account",
    about: "",
    access: Access::Open,
    parameters: &[],
    body: Body::Fields(BODY, &[required("phone", PHONE, "")]),
    answers: &[answer(Code::PhoneTaken, ""), answer(Code::PhoneFree, "")],
    examples: &[
        example(
            "free",
            "A phone that nobody has registered",
            Code::PhoneFree,
        )
        .sends(|| json!({"phone": "+4915112345678"})),
        example("taken", "One that somebody has", Code::PhoneTaken)
            .sends(|| json!({"phone": sample::PHONE})),
    ],
};

/// `POST /app/register/testphone`: whether a phone is taken. Codes 101, 102, 7, 1.
pub(super) async fn test_phone(call: Call) -> Result<HttpResponse, ApiError> {
    let question = call.ask()?;
    let request = call.read(BODY).await?;
    let phone = Phone::parse(request.fields.required_text("phone")?)?;
    let taken = request
        .app
        .run(Lane::ShortRead, move |services| {
            let taken = services.accounts.is_registered(&phone)?;
            question.told(&phone);
            Ok(taken)
        })
        .await?;
    Ok(answer::bare(if taken {
        Code::PhoneTaken
    } else {
        Code::PhoneFree
    }))
}
