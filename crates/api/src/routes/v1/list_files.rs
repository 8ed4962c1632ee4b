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
/// An order that can be asked for.
struct Sort {
    name: &'static str,
    /// What its cursors begin with, so that no order takes those of another one for its own.
    mark: char,
    begin: OwnOrder,
    /// The order behind what follows in a cursor. `None`: that is none of this order.
    behind: fn(&str) -> Option<OwnOrder>,
}

/// The first one is taken where none is asked for.
static SORTS: [Sort; 5] = [
    Sort {
        name: "newest",
        mark: 'n',
        begin: OwnOrder::Newest(None),
        behind: |text| Some(OwnOrder::Newest(Some(dated_place(text)?))),
    },
    Sort {
        name: "oldest",
        mark: 'o',
        begin: OwnOrder::Oldest(None),
        behind: |text| Some(OwnOrder::Oldest(Some(dated_place(text)?))),
    },
    Sort {
        name: "name",
        mark: 't',
        begin: OwnOrder::Name(None),
        behind: |text| Some(OwnOrder::Name(Some(named_place(text)?))),
    },
    Sort {
        name: "largest",
        mark: 'l',
        begin: OwnOrder::Largest(None),
        behind: |text| Some(OwnOrder::Largest(Some(number_place(text)?))),
    },
    Sort {
        name: "smallest",
        mark: 's',
        begin: OwnOrder::Smallest(None),
        behind: |text| Some(OwnOrder::Smallest(Some(number_place(text)?))),
    },
];

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
struct Asked {
    sort: &'static Sort,
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

const SORT: Kind = Kind::of(|_| {
    let names = SORTS.each_ref().map(|sort| sort.name);
    json!({"type": "string", "enum": names, "default": names[0]})
});

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
    let next = page.next.as_ref().and_then(|next| asked.sort.cursor(next));
    let list = FilesReply {
        files: page.files.iter().map(FileReply::new).collect(),
        next: next.clone(),
    };
    let Asked { filter, limit, .. } = &asked;
    let public = filter.visibility.map(|it| it.is_public().to_string());
    let mut given = vec![("sort", asked.sort.name)];
    given.extend(public.iter().map(|text| ("public", text.as_str())));
    given.extend(filter.label.iter().map(|label| ("label", label.as_str())));
    listing::answer(&list, "/api/v1/files", *limit, &given, next.as_deref())
}

impl Asked {
    fn parse(call: &Call) -> Result<Self, ApiError> {
        let query = query(call.head.query_string(), QUERY)?;
        let wanted = query.optional_text("sort")?;
        let sort = SORTS
            .iter()
            .find(|sort| wanted.is_none_or(|name| sort.name == name))
            .ok_or_else(|| ApiError::bad_format("there is no such order"))?;
        let cursor = query.optional_text("cursor")?;
        let label = query.optional_text("label")?;
        Ok(Self {
            sort,
            order: sort.read(cursor).ok_or_else(listing::no_cursor)?,
            filter: OwnFilter {
                visibility: query.boolean("public")?.map(Visibility::from_public),
                label: label.map(Label::parse).transpose()?,
            },
            limit: Page::limit_of(&query)?,
        })
    }
}

impl Sort {
    /// The order behind a cursor, or at its beginning. `None`: it is no cursor of this order.
    fn read(&self, cursor: Option<&str>) -> Option<OwnOrder> {
        match cursor {
            Some(text) => (self.behind)(text.strip_prefix(self.mark)?),
            None => Some(self.begin.clone()),
        }
    }

    /// What [`read`](Self::read) reads. `None` at the beginning.
    fn cursor(&self, order: &OwnOrder) -> Option<String> {
        let place = match order {
            OwnOrder::Newest(place) | OwnOrder::Oldest(place) => place.map(dated_cursor),
            OwnOrder::Name(place) => place.as_ref().map(|(title, id)| titled(title, *id)),
            OwnOrder::Largest(place) | OwnOrder::Smallest(place) => {
                place.map(|(size, id)| listing::cursor(size, id))
            }
        };
        place.map(|place| format!("{}{place}", self.mark))
    }
}

fn titled(title: &Title, id: FileId) -> String {
    listing::cursor(URL_SAFE_NO_PAD.encode(title.as_str()), id)
}

fn named_place(text: &str) -> Option<(Title, FileId)> {
    let (encoded, id) = text.split_once('.')?;
    let title = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let place = (Title::parse(&title).ok()?, FileId::parse(id)?);
    (titled(&place.0, place.1) == text).then_some(place)
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
        let title = Title::parse("年度 报告?.pdf").unwrap();
        for millis in [-7, 0, 1_790_000_000_000] {
            let date = Timestamp::from_millis(millis);
            let dated = Some(DatedPlace { date, id });
            let places = [
                OwnOrder::Newest(dated),
                OwnOrder::Oldest(dated),
                OwnOrder::Name(Some((title.clone(), id))),
                OwnOrder::Largest(Some((u64::MAX, id))),
                OwnOrder::Smallest(Some((0, id))),
            ];
            for (sort, place) in SORTS.iter().zip(&places) {
                let text = sort.cursor(place).unwrap();
                for other in &SORTS {
                    let read = other.read(Some(&text));
                    let expected = (other.name == sort.name).then_some(place);
                    assert_eq!(read.as_ref(), expected, "{text} by {}", other.name);
                }
            }
        }
    }

    #[test]
    fn what_no_order_has_written_is_no_cursor() {
        for sort in &SORTS {
            let begin = sort.read(None).unwrap();
            assert_eq!(sort.cursor(&begin), None);
            for text in ["", "x", &format!("{}", sort.mark), ID] {
                assert_eq!(sort.read(Some(text)), None, "{text} by {}", sort.name);
            }
        }
        // No title, not its shortest form, no text, and a control character.
        for key in ["", "YQ==", "YR", "_w", "AA"] {
            assert_eq!(named_place(&format!("{key}.{ID}")), None, "{key}");
        }
        assert!(named_place(&format!("YQ.{ID}")).is_some());
    }
}
