use kms_domain::files::PublicFile;
use serde::Serialize;

/// Other people's entries, as parallel arrays of one length.
#[derive(Serialize)]
pub(super) struct FileListReply<'a> {
    fidlist: Vec<String>,
    namelist: Vec<&'a str>,
    /// Milliseconds since 1970-01-01 UTC.
    datelist: Vec<i64>,
    /// A label is its owner's: of other people's entries nobody is told any.
    classifylist: Vec<&'a str>,
    summarylist: Vec<&'a str>,
    userid: Vec<String>,
    username: Vec<&'a str>,
    /// How many entries this answer lists.
    total: usize,
}

impl<'a> FileListReply<'a> {
    pub(super) fn new(files: &'a [PublicFile]) -> Self {
        let all = || files.iter();
        Self {
            fidlist: all().map(|file| file.id.to_string()).collect(),
            namelist: all().map(|file| file.title.as_str()).collect(),
            datelist: all()
                .map(|file| file.position.created_at.as_millis())
                .collect(),
            classifylist: vec![""; files.len()],
            summarylist: vec![""; files.len()],
            userid: all().map(|file| file.owner.to_string()).collect(),
            username: all().map(|file| file.owner_name.as_str()).collect(),
            total: files.len(),
        }
    }
}
