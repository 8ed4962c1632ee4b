use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use kms_domain::files::{Scratch, ScratchSpace};
use kms_domain::{PortError, PortErrorKind};

use super::DataDir;
use super::sync::is_full;
use crate::random::random_bytes;

/// Scratches as files without a name on the device of a data folder.
#[derive(Clone, Debug)]
pub struct DiskScratchSpace {
    dir: DataDir,
}

/// What went wrong with a scratch file.
#[derive(Debug, thiserror::Error)]
#[error("{operation} a scratch file")]
struct ScratchError {
    operation: &'static str,
    source: io::Error,
}

impl DiskScratchSpace {
    /// Scratches in the staging area of `dir`, which stays locked as long as the space lives.
    #[must_use]
    pub fn new(dir: &DataDir) -> Self {
        Self { dir: dir.clone() }
    }
}

impl ScratchSpace for DiskScratchSpace {
    /// The file loses its name at once, so that the system frees it when its descriptor is closed,
    /// however that comes. Who dies before that leaves an empty file, which the next start clears
    /// away with the rest of the staging area.
    fn open(&self) -> Result<Box<dyn Scratch>, PortError> {
        let name = format!("scratch-{:032x}", u128::from_be_bytes(random_bytes()?));
        let path = self.dir.staging().join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("create"))?;
        fs::remove_file(&path).map_err(failed("unlink"))?;
        Ok(Box::new(ScratchFile(file)))
    }
}

struct ScratchFile(File);

impl Scratch for ScratchFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        // Reading is by position, so the file's own place is always its end.
        self.0.write_all(bytes).map_err(failed("write"))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.0.read_exact_at(into, offset).map_err(failed("read"))
    }
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> PortError {
    move |source| {
        let kind = if is_full(&source) {
            PortErrorKind::StorageFull
        } else {
            PortErrorKind::Internal
        };
        PortError::new(kind, ScratchError { operation, source })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_scratch_file_has_no_name_and_is_for_its_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let space = DiskScratchSpace::new(&DataDir::open(temp.path()).unwrap());
        let mut scratch = space.open().unwrap();
        scratch.append(b"bytes").unwrap();
        let staged = fs::read_dir(temp.path().join("staging")).unwrap().count();
        assert_eq!(staged, 0);
        // What is left of it is a descriptor of this process.
        let open: Vec<_> = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|fd| {
                let fd = fd.unwrap().path();
                let target = fs::read_link(&fd).ok()?;
                (target.starts_with(temp.path()) && target.to_string_lossy().contains("/scratch-"))
                    .then(|| fs::metadata(fd).unwrap())
            })
            .collect();
        let [found] = open.as_slice() else {
            panic!("{} files", open.len());
        };
        assert_eq!((found.nlink(), found.mode() & 0o777), (0, 0o600));
    }

    #[test]
    fn a_full_device_is_told_apart_from_other_failures() {
        for (error, kind) in [
            (io::ErrorKind::StorageFull, PortErrorKind::StorageFull),
            (io::ErrorKind::QuotaExceeded, PortErrorKind::StorageFull),
            (io::ErrorKind::PermissionDenied, PortErrorKind::Internal),
        ] {
            assert_eq!(failed("write")(error.into()).kind(), kind);
        }
    }

    #[test]
    fn a_staging_area_that_is_gone_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let space = DiskScratchSpace::new(&DataDir::open(temp.path()).unwrap());
        fs::remove_dir(temp.path().join("staging")).unwrap();
        let Err(error) = space.open() else {
            panic!("opened");
        };
        assert_eq!(error.kind(), PortErrorKind::Internal);
    }
}
