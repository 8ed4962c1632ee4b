//! The list of what belongs to a generation. A text, so that it can be read without this program:
//!
//! ```text
//! kms-backup 1
//! release 0.1.0
//! database <sha256> <bytes>
//! <sha256> <bytes>              content, in the order of digests
//! missing <sha256> <bytes>      content that was damaged or missing when the backup was made
//! end <contents> <missing> <bytes of the contents> <SHA-256 of all lines above>
//! ```
//!
//! The order lets any number of manifests be walked through side by side in constant memory.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kms_domain::files::Sha256;
use sha2::Digest as _;

use super::{BackupError, io_failed};

/// What the first line says. A later form gets another number, and is refused here.
const FORMAT: &str = "kms-backup 1";

/// No line is longer; what is, is damage.
const LONGEST_LINE: u64 = 512;

/// A content of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sha256: Sha256,
    pub(super) size: u64,
    /// Whether it is in the pool.
    pub(super) is_there: bool,
}

/// Sums over a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) contents: u64,
    pub(super) missing: u64,
    pub(super) bytes: u64,
}

impl Totals {
    fn add(&mut self, entry: &Entry) {
        if entry.is_there {
            self.contents = self.contents.saturating_add(1);
            self.bytes = self.bytes.saturating_add(entry.size);
        } else {
            self.missing = self.missing.saturating_add(1);
        }
    }
}

/// A manifest on its way. It has no name that counts before it is finished.
pub(super) struct ManifestWriter {
    file: BufWriter<File>,
    path: PathBuf,
    hash: sha2::Sha256,
    totals: Totals,
}

impl ManifestWriter {
    /// Begins the manifest that will be at `path`.
    pub(super) fn begin(
        path: &Path,
        release: &str,
        database: (&Sha256, u64),
    ) -> Result<Self, BackupError> {
        let part = part_of(path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(io_failed(&part, "the file cannot be made"))?;
        let mut writer = Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            hash: sha2::Sha256::new(),
            totals: Totals::default(),
        };
        let (sha256, size) = database;
        writer.line(&format!(
            "{FORMAT}\nrelease {release}\ndatabase {sha256} {size}\n"
        ))?;
        Ok(writer)
    }

    /// The next content, with a greater digest than the one before it.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), BackupError> {
        let Entry { sha256, size, .. } = entry;
        let mark = if entry.is_there { "" } else { "missing " };
        self.totals.add(entry);
        self.line(&format!("{mark}{sha256} {size}\n"))
    }

    fn line(&mut self, text: &str) -> Result<(), BackupError> {
        self.hash.update(text);
        self.file
            .write_all(text.as_bytes())
            .map_err(io_failed(&self.path, "the manifest cannot be written"))
    }

    /// Writes the end and gives the manifest its name, by which the generation is finished. All that
    /// it names must be durable by then.
    pub(super) fn finish(mut self) -> Result<Totals, BackupError> {
        let Totals {
            contents,
            missing,
            bytes,
        } = self.totals;
        let digest = digest_of(self.hash.clone());
        self.line(&format!("end {contents} {missing} {bytes} {digest}\n"))?;
        let path = self.path;
        let named = || -> io::Result<()> {
            let file = self
                .file
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            std::fs::rename(part_of(&path), &path)?;
            crate::disk::sync_folder(path.parent().unwrap_or(Path::new(".")))
        };
        named().map_err(io_failed(&path, "the manifest cannot be finished"))?;
        Ok(self.totals)
    }
}

/// A manifest, read from its beginning to its end.
pub(super) struct ManifestReader {
    file: BufReader<File>,
    path: PathBuf,
    hash: sha2::Sha256,
    totals: Totals,
    line: u64,
    last: Option<Sha256>,
    is_over: bool,
    /// Digest and size of the database.
    pub(super) database: (Sha256, u64),
}

impl ManifestReader {
    /// Opens the manifest at `path` and reads its head.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(io_failed(path, "the manifest cannot be opened"))?;
        let mut reader = Self {
            file: BufReader::new(file),
            path: path.to_owned(),
            hash: sha2::Sha256::new(),
            totals: Totals::default(),
            line: 0,
            last: None,
            is_over: false,
            database: (Sha256::from_bytes([0; 32]), 0),
        };
        let format = reader.head_line()?;
        if format != FORMAT {
            return Err(match format.strip_prefix("kms-backup ") {
                Some(_) => BackupError::refused(path, "a newer release made this backup"),
                None => reader.damaged(),
            });
        }
        if !reader.head_line()?.starts_with("release ") {
            return Err(reader.damaged());
        }
        let database = reader.head_line()?;
        let database = database.strip_prefix("database ").and_then(digest_and_size);
        reader.database = database.ok_or_else(|| reader.damaged())?;
        Ok(reader)
    }

    /// Reads a whole manifest, and answers what it sums up to if it is as it was written.
    pub(super) fn check(path: &Path) -> Result<Totals, BackupError> {
        let mut reader = Self::open(path)?;
        while reader.next()?.is_some() {}
        Ok(reader.totals)
    }

    /// The next content. `None`: the end was there, and everything above it is as it was written.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, BackupError> {
        if self.is_over {
            return Ok(None);
        }
        let above = self.hash.clone();
        let text = self.read_line()?;
        if let Some(end) = text.strip_prefix("end ") {
            let Totals {
                contents,
                missing,
                bytes,
            } = self.totals;
            let digest = digest_of(above);
            if end != format!("{contents} {missing} {bytes} {digest}") {
                return Err(self.damaged());
            }
            self.is_over = true;
            return Ok(None);
        }
        let (is_there, text) = match text.strip_prefix("missing ") {
            Some(rest) => (false, rest),
            None => (true, text.as_str()),
        };
        let found = digest_and_size(text).filter(|(sha256, _)| self.last < Some(*sha256));
        let (sha256, size) = found.ok_or_else(|| self.damaged())?;
        self.last = Some(sha256);
        let entry = Entry {
            sha256,
            size,
            is_there,
        };
        self.totals.add(&entry);
        Ok(Some(entry))
    }

    fn head_line(&mut self) -> Result<String, BackupError> {
        self.read_line()
    }

    fn read_line(&mut self) -> Result<String, BackupError> {
        self.line = self.line.saturating_add(1);
        let mut bytes = Vec::new();
        let mut limited = (&mut self.file).take(LONGEST_LINE);
        limited
            .read_until(b'\n', &mut bytes)
            .map_err(io_failed(&self.path, "the manifest cannot be read"))?;
        self.hash.update(&bytes);
        // Without a line break it was cut, and the end was cut off.
        let text = bytes
            .strip_suffix(b"\n")
            .and_then(|line| str::from_utf8(line).ok());
        text.map(str::to_owned).ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> BackupError {
        BackupError::Manifest {
            path: self.path.clone(),
            line: self.line,
        }
    }
}

/// The contents of several manifests in the order of their digests.
pub(super) struct Union(Vec<(ManifestReader, Option<Entry>)>);

impl Union {
    pub(super) fn of(readers: Vec<ManifestReader>) -> Result<Self, BackupError> {
        let mut union = Self(Vec::new());
        for mut reader in readers {
            let first = next_there(&mut reader)?;
            union.0.push((reader, first));
        }
        Ok(union)
    }

    /// The next content that is in the pool.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, BackupError> {
        let heads = self.0.iter().filter_map(|(_, head)| *head);
        let Some(least) = heads.min_by_key(|entry| entry.sha256) else {
            return Ok(None);
        };
        self.pass(&least.sha256)?;
        Ok(Some(least))
    }

    /// Whether one of them says that this content is in the pool. To be asked in the order of digests.
    pub(super) fn names(&mut self, sha256: &Sha256) -> Result<bool, BackupError> {
        let mut is_named = false;
        for (reader, head) in &mut self.0 {
            while let Some(entry) = head.filter(|entry| entry.sha256 <= *sha256) {
                is_named |= entry.sha256 == *sha256;
                *head = next_there(reader)?;
            }
        }
        Ok(is_named)
    }

    fn pass(&mut self, sha256: &Sha256) -> Result<(), BackupError> {
        self.names(sha256).map(drop)
    }
}

fn next_there(reader: &mut ManifestReader) -> Result<Option<Entry>, BackupError> {
    while let Some(entry) = reader.next()? {
        if entry.is_there {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn digest_and_size(text: &str) -> Option<(Sha256, u64)> {
    let (sha256, size) = text.split_once(' ')?;
    let found = (Sha256::parse(sha256).ok()?, size.parse().ok()?);
    // One spelling only.
    (format!("{} {}", found.0, found.1) == text).then_some(found)
}

pub(super) fn digest_of(hash: sha2::Sha256) -> Sha256 {
    Sha256::from_bytes(hash.finalize().into())
}

fn part_of(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

#[cfg(test)]
mod tests;
