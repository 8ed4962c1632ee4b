use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::{FileSummary, Label, ListPosition};
use kms_domain::users::Actor;
use serde_json::json;

use super::listing::{self, CURSOR, Cursor, LIMIT, Page, cut};
use super::query::query;
use crate::app::Services;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, Described, FID, Kind, LABEL, MOMENT, Operation, Parameter, TITLE, Tag,
    answer, described, example, optional, sample,
};

const QUERY: Shape = Shape {
    fields: &["cursor", "limit", "sort", "public", "label"],
    payload: None,
};
/// Pages of the use case that one request looks through for what its filters let pass.
const ROUNDS: usize = 16;

described! {
    struct FilesReply {
        /// Newest first. It may be shorter than asked for, or empty, although there is more.
        files: Vec<FileReply>,
        /// Where the next page begins; `null` at the end.
        next: Option<String>,
    }
}

described! {
    struct FileReply {
        /// Its id.
        fid: String as FID,
        /// Its title.
        name: String as TITLE,
        /// Whether others may read it.
        public: bool,
        /// What it is filed under; `null` without one.
        label: Option<String> as LABEL,
        /// When it was stored.
        date: i64 as MOMENT,
    }
}

/// What a list is to be restricted to.
#[derive(Clone, Debug, Default)]
struct Filter {
    public: Option<bool>,
    label: Option<Label>,
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Lists one's files",
    about: "In pages, newest first. A page may be shorter than asked for, or empty, although there is more; `Link` names the next one.",
    access: Access::Session,
    parameters: &[
        Parameter::Query(CURSOR),
        Parameter::Query(LIMIT),
        Parameter::Query(optional("sort", SORT, "The order.")),
        Parameter::Query(optional(
            "public",
            BOOL,
            "Those alone that others may read, or may not.",
        )),
        Parameter::Query(optional(
            "label",
            LABEL,
            "Those alone that are filed under it.",
        )),
    ],
    body: Body::None,
    answers: &[answer(Code::Done, "a page").with(FilesReply::schema)],
    examples: &[example("list", "Two files", Code::Done)
        .asks(|| json!({"limit": 10}))
        .gets(|| {
            json!({
                "files": [
                    {
                        "fid": sample::LINKED,
                        "name": "again.txt",
                        "public": true,
                        "label": null,
                        "date": sample::LATER,
                    },
                    {
                        "fid": sample::FID,
                        "name": "greeting.txt",
                        "public": true,
                        "label": "letters",
                        "date": sample::DATE,
                    },
                ],
                "next": null,
            })
        })],
};

const SORT: Kind = Kind::of(|_| json!({"type": "string", "enum": ["newest"]}));

/// `GET /api/v1/files`: the caller's own entries, newest first. Codes 0, 1.
pub(super) async fn list_files(call: Call) -> Result<HttpResponse, ApiError> {
    let asked = parse(&call);
    let (page, filter, files, next) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let (page, filter) = asked?;
            let (files, next) = find(services, actor, page, &filter)?;
            Ok((page, filter, files, next))
        })
        .await?;
    let list = FilesReply {
        files: files.iter().map(FileReply::new).collect(),
        next: next.map(Cursor::text),
    };
    let public = filter.public.map(|public| public.to_string());
    let public = public.iter().map(|text| ("public", text.as_str()));
    let label = filter.label.iter().map(|label| ("label", label.as_str()));
    let filters: Vec<_> = public.chain(label).collect();
    listing::answer(&list, "/api/v1/files", page.limit, &filters, next)
}

fn parse(call: &Call) -> Result<(Page, Filter), ApiError> {
    let query = query(call.head.query_string(), QUERY)?;
    if !matches!(query.optional_text("sort")?, None | Some("newest")) {
        return Err(ApiError::bad_format("there is no such order"));
    }
    let filter = Filter {
        public: query.boolean("public")?,
        label: query
            .optional_text("label")?
            .map(Label::parse)
            .transpose()?,
    };
    Ok((Page::of(&query)?, filter))
}

/// A page of what passes the filter. Looks through a bounded number of entries, so that nobody can
/// keep a thread with a filter that nothing passes.
fn find(
    services: &Services,
    actor: &Actor,
    page: Page,
    filter: &Filter,
) -> Result<(Vec<FileSummary>, Option<Cursor>), ApiError> {
    let mut after = page.after.map(ListPosition::from);
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let own = services.files.list_own(actor, after)?;
        found.extend(own.files.into_iter().filter(|file| filter.lets_pass(file)));
        after = own.next;
        if after.is_none() || found.len() > page.limit {
            break;
        }
    }
    Ok(cut(found, page.limit, |file| file.position, after))
}

impl Filter {
    fn lets_pass(&self, file: &FileSummary) -> bool {
        self.public
            .is_none_or(|public| file.visibility.is_public() == public)
            && self
                .label
                .as_ref()
                .is_none_or(|label| file.label.as_ref() == Some(label))
    }
}

impl FileReply {
    fn new(file: &FileSummary) -> Self {
        Self {
            fid: file.id.to_string(),
            name: file.title.as_str().to_owned(),
            public: file.visibility.is_public(),
            label: file.label.as_ref().map(|label| label.as_str().to_owned()),
            date: file.position.created_at.as_millis(),
        }
    }
}
