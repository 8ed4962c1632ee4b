use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kms_domain::codes::Code;
use kms_domain::files::{FileId, Label, ListedFile, OwnFilter, OwnOrder, Title, Visibility};
use serde_json::json;

use super::listing::{self, LIMIT, Page, SORTED_CURSOR, dated_cursor, dated_place, number_place};
use super::query::query;
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
/// The names of the orders.
const SORTS: [&str; 5] = ["newest", "oldest", "name", "largest", "smallest"];

described! {
    struct FilesReply {
        /// In the order that was asked for.
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
        /// Bytes.
        size: u64,
        /// Whether others may read it.
        public: bool,
        /// What it is filed under; `null` without one.
        label: Option<String> as LABEL,
        /// When it was stored.
        date: i64 as MOMENT,
    }
}

/// What is asked for.
#[derive(Debug)]
struct Asked {
    sort: Option<&'static str>,
    order: OwnOrder,
    filter: OwnFilter,
    limit: usize,
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Lists one's files",
    about: "In pages, newest first if nothing else is asked for; `Link` names the next one. By name is code point by code point, with ASCII letters as if they were lower case. The orders by name and size, and the filters, look through all of one's files for each page.",
    access: Access::Session,
    parameters: &[
        Parameter::Query(SORTED_CURSOR),
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
                        "size": 5,
                        "public": true,
                        "label": null,
                        "date": sample::LATER,
                    },
                    {
                        "fid": sample::FID,
                        "name": "greeting.txt",
                        "size": 5,
                        "public": true,
                        "label": "letters",
                        "date": sample::DATE,
                    },
                ],
                "next": null,
            })
        })],
};

const SORT: Kind = Kind::of(|_| json!({"type": "string", "enum": SORTS, "default": "newest"}));

/// `GET /api/v1/files`: the caller's own entries. Codes 0, 1.
pub(super) async fn list_files(call: Call) -> Result<HttpResponse, ApiError> {
    let asked = Asked::parse(&call);
    let (asked, page) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let asked = asked?;
            let Asked { order, filter, .. } = &asked;
            let page = services
                .files
                .list_sorted(actor, order, filter, asked.limit)?;
            Ok((asked, page))
        })
        .await?;
    let next = page.next.as_ref().and_then(cursor);
    let list = FilesReply {
        files: page.files.iter().map(FileReply::new).collect(),
        next: next.clone(),
    };
    let Asked { filter, limit, .. } = &asked;
    let public = filter.visibility.map(|it| it.is_public().to_string());
    let mut given: Vec<_> = asked.sort.iter().map(|sort| ("sort", *sort)).collect();
    given.extend(public.iter().map(|text| ("public", text.as_str())));
    given.extend(filter.label.iter().map(|label| ("label", label.as_str())));
    listing::answer(&list, "/api/v1/files", *limit, &given, next.as_deref())
}

impl Asked {
    fn parse(call: &Call) -> Result<Self, ApiError> {
        let query = query(call.head.query_string(), QUERY)?;
        let sort = match query.optional_text("sort")? {
            Some(text) => {
                let known = SORTS.into_iter().find(|sort| *sort == text);
                Some(known.ok_or_else(|| ApiError::bad_format("there is no such order"))?)
            }
            None => None,
        };
        let cursor = query.optional_text("cursor")?;
        let label = query.optional_text("label")?;
        Ok(Self {
            sort,
            order: order(sort, cursor)?,
            filter: OwnFilter {
                visibility: query.boolean("public")?.map(Visibility::from_public),
                label: label.map(Label::parse).transpose()?,
            },
            limit: Page::limit_of(&query)?,
        })
    }
}

/// The order of that name, behind a cursor.
fn order(sort: Option<&str>, cursor: Option<&str>) -> Result<OwnOrder, ApiError> {
    fn place<P>(text: Option<&str>, read: fn(&str) -> Option<P>) -> Result<Option<P>, ApiError> {
        let read = |text| read(text).ok_or_else(listing::no_cursor);
        text.map(read).transpose()
    }
    Ok(match sort {
        Some("oldest") => OwnOrder::Oldest(place(cursor, dated_place)?),
        Some("name") => OwnOrder::Name(place(cursor, named_place)?),
        Some("largest") => OwnOrder::Largest(place(cursor, number_place)?),
        Some("smallest") => OwnOrder::Smallest(place(cursor, number_place)?),
        _ => OwnOrder::Newest(place(cursor, dated_place)?),
    })
}

/// What [`order`] reads. `None` at the beginning.
fn cursor(order: &OwnOrder) -> Option<String> {
    match order {
        OwnOrder::Newest(place) | OwnOrder::Oldest(place) => place.map(dated_cursor),
        OwnOrder::Name(place) => place
            .as_ref()
            .map(|(title, id)| listing::cursor(URL_SAFE_NO_PAD.encode(title.as_str()), *id)),
        OwnOrder::Largest(place) | OwnOrder::Smallest(place) => {
            place.map(|(size, id)| listing::cursor(size, id))
        }
    }
}

fn named_place(text: &str) -> Option<(Title, FileId)> {
    let (title, id) = text.split_once('.')?;
    let title = String::from_utf8(URL_SAFE_NO_PAD.decode(title).ok()?).ok()?;
    let place = (Title::parse(&title).ok()?, FileId::parse(id)?);
    let again = cursor(&OwnOrder::Name(Some(place.clone())));
    (again.as_deref() == Some(text)).then_some(place)
}

impl FileReply {
    fn new(listed: &ListedFile) -> Self {
        let file = &listed.file;
        Self {
            fid: file.id.to_string(),
            name: file.title.as_str().to_owned(),
            size: listed.size,
            public: file.visibility.is_public(),
            label: file.label.as_ref().map(|label| label.as_str().to_owned()),
            date: file.position.created_at.as_millis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kms_domain::Timestamp;
    use kms_domain::files::DatedPlace;

    use super::*;

    const ID: &str = "00000000-0000-4000-8000-00000000000a";

    #[test]
    fn every_order_reads_its_own_cursors_and_those_alone() {
        let id = FileId::parse(ID).unwrap();
        let date = Timestamp::from_millis(-7);
        let dated = Some(DatedPlace { date, id });
        let title = Title::parse("年度 报告?.pdf").unwrap();
        let all = [
            ("newest", OwnOrder::Newest(dated)),
            ("oldest", OwnOrder::Oldest(dated)),
            ("name", OwnOrder::Name(Some((title, id)))),
            ("largest", OwnOrder::Largest(Some((u64::MAX, id)))),
            ("smallest", OwnOrder::Smallest(Some((0, id)))),
        ];
        assert_eq!(all.each_ref().map(|(sort, _)| *sort), SORTS);
        for (sort, place) in all {
            let text = cursor(&place).unwrap();
            assert_eq!(order(Some(sort), Some(&text)).unwrap(), place);
            assert!(order(Some(sort), Some("x")).is_err(), "{sort}");
        }
        assert_eq!(order(None, None).unwrap(), OwnOrder::Newest(None));
        assert_eq!(cursor(&OwnOrder::Name(None)), None);
        // No title, not its shortest form, no text, and what another order has written.
        for key in ["", "YQ==", "YR", "_w", "AA", "-7"] {
            let text = format!("{key}.{ID}");
            assert!(order(Some("name"), Some(&text)).is_err(), "{text}");
        }
        assert!(order(Some("largest"), Some(&format!("-7.{ID}"))).is_err());
    }
}
