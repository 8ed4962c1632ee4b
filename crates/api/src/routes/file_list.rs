use kms_domain::files::FileSummary;
use serde::Serialize;

/// A list as parallel arrays of one length.
#[derive(Serialize)]
pub(super) struct FileListReply<'a> {
    fidlist: Vec<String>,
    namelist: Vec<&'a str>,
    /// Milliseconds since 1970-01-01 UTC.
    datelist: Vec<i64>,
    /// How many entries this answer lists.
    total: usize,
}

impl<'a> FileListReply<'a> {
    pub(super) fn new(files: &'a [FileSummary]) -> Self {
        Self {
            fidlist: files.iter().map(|file| file.id.to_string()).collect(),
            namelist: files.iter().map(|file| file.title.as_str()).collect(),
            datelist: files
                .iter()
                .map(|file| file.position.created_at.as_millis())
                .collect(),
            total: files.len(),
        }
    }
}
