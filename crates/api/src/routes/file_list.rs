use kms_domain::files::PublicFile;

use crate::openapi::{FID, LABEL, MOMENT, TITLE, UUID, described};

described! {
    /// Other people's entries, as parallel arrays of one length.
    pub(super) struct FileListReply<'a> {
        /// The entries.
        fidlist: Vec<String> as FID,
        /// Their titles.
        namelist: Vec<&'a str> as TITLE,
        /// When they were uploaded.
        datelist: Vec<i64> as MOMENT,
        /// Always `""`: a label is its owner's, and of other people's entries nobody is told any.
        classifylist: Vec<&'a str> as LABEL,
        /// `""` where there is none.
        summarylist: Vec<&'a str>,
        /// Whose they are.
        userid: Vec<String> as UUID,
        /// Their names.
        username: Vec<&'a str>,
        /// How many entries this answer lists.
        total: usize,
    }
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
