use kms_domain::files::FileSummary;

use crate::openapi::{FID, MOMENT, TITLE, described};

described! {
    /// A list as parallel arrays of one length.
    pub(super) struct FileListReply<'a> {
        /// The entries.
        fidlist: Vec<String> as FID,
        /// Their titles.
        namelist: Vec<&'a str> as TITLE,
        /// When they were uploaded.
        datelist: Vec<i64> as MOMENT,
        /// How many entries this answer lists.
        total: usize,
    }
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
