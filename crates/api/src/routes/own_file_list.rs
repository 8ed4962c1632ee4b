use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::users::Actor;

use super::entry_list::{Cell, EntryList, NO_SUMMARY};
use crate::app::Services;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::spool::Spooled;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

/// `POST /app/user/getownfilelist`: the caller's entries, newest first. Code 0.
pub(super) async fn own_file_list(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let list = request.as_actor(Lane::Storage, write).await?;
    Ok(list.answer(&request, Code::Done))
}

fn write(services: &Services, actor: &Actor) -> Result<Spooled, ApiError> {
    let mut list = EntryList::new(
        services,
        [
            "fidlist",
            "namelist",
            "datelist",
            "classifylist",
            "summarylist",
            "public",
        ],
    )?;
    let mut after = None;
    loop {
        let page = services.files.list_own(actor, after)?;
        for file in &page.files {
            list.push([
                Cell::Fid(file.id),
                (&file.title).into(),
                Cell::Date(file.position.created_at),
                (&file.label).into(),
                NO_SUMMARY,
                Cell::Flag(file.visibility.is_public()),
            ])?;
        }
        after = page.next;
        if after.is_none() {
            return list.finish(&[]);
        }
    }
}
