use std::io::Write as _;

use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::FileSummary;
use kms_domain::users::Actor;
use serde_json::json;

use super::file_list::FileListReply;

use crate::answer::{self, NoFields};
use crate::app::Services;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, Operation, TOKEN_FIELD, Tag, and, answer, example, sample,
};
use crate::spool::{Part, Spool, Spooled};

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Lists one's files",
    about: "All of them, newest first, as parallel arrays of one length.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD]),
    answers: &[answer(Code::Done, "the list").with(|| {
        let publics = json!({"type": "array", "items": {"type": "boolean"}});
        and(
            FileListReply::schema(),
            "public",
            publics,
            "Whether others may read each.",
        )
    })],
    examples: &[example("own", "Two files", Code::Done)
        .sends(|| json!({"token": sample::TOKEN}))
        .gets(|| {
            json!({
                "fidlist": [sample::LINKED, sample::FID],
                "namelist": ["again.txt", "hello.txt"],
                "datelist": [sample::LATER, sample::DATE],
                "total": 2,
                "public": [true, true],
            })
        })],
};

/// `POST /app/user/getownfilelist`: the caller's entries, newest first. Code 0.
pub(super) async fn own_file_list(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let list = request.as_actor(Lane::Storage, write).await?;
    Ok(list.answer(&request, Code::Done))
}

/// Writes the answer page by page, so that no list is ever in memory as a whole.
fn write(services: &Services, actor: &Actor) -> Result<Spooled, ApiError> {
    let mut list = OwnFileList::new(Spool::new(&services.scratch))?;
    let mut after = None;
    loop {
        let page = services.files.list_own(actor, after)?;
        for file in &page.files {
            list.push(file)?;
        }
        after = page.next;
        if after.is_none() {
            return list.finish();
        }
    }
}

/// The answer's text, its arrays side by side.
struct OwnFileList {
    spool: Spool,
    total: u64,
    fids: Part,
    names: Part,
    /// Milliseconds since 1970-01-01 UTC.
    dates: Part,
    /// Whether others may read it, for each entry.
    publics: Part,
}

impl OwnFileList {
    fn new(spool: Spool) -> Result<Self, ApiError> {
        let mut head = answer::text(Code::Done, NoFields {}).map_err(unwritten)?;
        // The object is reopened at its brace; the envelope stands in it, so a comma is due.
        head.pop();
        head.push_str(r#","fidlist":["#);
        Ok(Self {
            spool,
            total: 0,
            fids: Part::new(head),
            names: Part::new(r#"],"namelist":["#),
            dates: Part::new(r#"],"datelist":["#),
            publics: Part::default(),
        })
    }

    fn push(&mut self, file: &FileSummary) -> Result<(), ApiError> {
        let comma = if self.total == 0 { "" } else { "," };
        self.total = self.total.saturating_add(1);
        write!(self.fids.held, r#"{comma}"{}""#, file.id).map_err(unwritten)?;
        self.names.held.extend_from_slice(comma.as_bytes());
        serde_json::to_writer(&mut self.names.held, file.title.as_str()).map_err(unwritten)?;
        let date = file.position.created_at.as_millis();
        write!(self.dates.held, "{comma}{date}").map_err(unwritten)?;
        let public = file.visibility.is_public();
        write!(self.publics.held, "{comma}{public}").map_err(unwritten)?;
        for part in [
            &mut self.fids,
            &mut self.names,
            &mut self.dates,
            &mut self.publics,
        ] {
            self.spool.settle(part)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Spooled, ApiError> {
        // How many there are is known only now, and stands in the middle.
        let total = Part::new(format!(r#"],"total":{},"public":["#, self.total));
        self.publics.held.extend_from_slice(b"]}");
        let parts = [self.fids, self.names, self.dates, total, self.publics];
        Ok(self.spool.finish(parts)?)
    }
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::because(Code::ServerError, error)
}
