use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::{FileSummary, Label, ListPosition};
use kms_domain::users::Actor;

use super::listing::{self, Cursor, Page, cut};
use super::query::query;
use crate::app::Services;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    BOOL, Body, COUNT, Described, LABEL, Operation, Parameter, TEXT, answer, described, optional,
    plain,
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
        fid: String,
        /// As given.
        name: String,
        /// Whether others may read it.
        public: bool,
        /// What its owner files it under.
        label: Option<String>,
        /// Milliseconds since 1970-01-01 UTC.
        date: i64,
    }
}

/// What a list is to be restricted to.
#[derive(Clone, Debug, Default)]
struct Filter {
    public: Option<bool>,
    label: Option<Label>,
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Lists one's own entries, newest first",
    &[
        Parameter::Query(optional(
            "cursor",
            TEXT,
            "Where the page begins, as the one before says in `next`.",
        )),
        Parameter::Query(optional(
            "limit",
            COUNT,
            "Entries on the page, 1 to 256; 100 without it.",
        )),
        Parameter::Query(optional(
            "sort",
            TEXT,
            "`newest`, which is the one order so far.",
        )),
        Parameter::Query(optional(
            "public",
            BOOL,
            "Only entries that others may read, or that they may not.",
        )),
        Parameter::Query(optional("label", LABEL, "Only entries with this label.")),
    ],
    Body::None,
    &[answer(Code::Done, "a page; `Link` leads to the next one").with(FilesReply::schema)],
);

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
