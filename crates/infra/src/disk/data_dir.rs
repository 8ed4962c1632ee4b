use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const LOCK: &str = "LOCK";
pub(super) const DATABASE: &str = "kms.db";
/// What a restore builds a data folder in, below the folder that it will be. While it is there,
/// nobody opens the folder.
pub(super) const RESTORING: &str = "restoring";

/// A data folder that this process owns, until the last clone and the last store made from it are
/// gone.
#[derive(Clone, Debug)]
pub struct DataDir(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    path: PathBuf,
    // The lock ends with the descriptor, also when the process is killed.
    _lock: File,
}

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody holds the lock.
    #[error("{0}: another process uses this data folder")]
    InUse(PathBuf),
    /// A restore into the folder was cut short: what is there is not all.
    #[error(
        "{0}: a restore into this folder did not come to its end; remove what is in the folder \
         and restore again"
    )]
    Restoring(PathBuf),
    /// It is not empty, and no data folder either.
    #[error(
        "{0}: this is in the way: the folder around it is neither empty nor a data folder of this \
         server; choose another one"
    )]
    Foreign(PathBuf),
    /// Something is in a folder that must be empty.
    #[error("{0}: the folder is not empty")]
    NotEmpty(PathBuf),
    /// Nothing can be written there.
    #[error(
        "{0}: the file system is mounted read-only, and a server has to write; look into the kernel's \
         log for the reason, have the file system checked, mount it for writing and start again"
    )]
    ReadOnly(PathBuf),
    /// The system refused.
    #[error("{path}: {step}")]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What could not be done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl DataDir {
    /// Takes the lock of the folder at `path`, makes what is missing in it, readable for its owner
    /// alone, and empties the staging area: what lies there belongs to no upload any more.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of another process's folder is touched.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        // A later change of the working directory must not move the store.
        let path = std::path::absolute(path.as_ref())
            .map_err(failed(path.as_ref(), "the path has no absolute form"))?;
        make_folder(&path).map_err(failed(&path, "the data folder cannot be made"))?;
        expect_no_strangers(&path)?;
        let lock = take_lock(&path)?;
        if path.join(RESTORING).exists() {
            return Err(OpenError::Restoring(path));
        }
        let dir = Self(Arc::new(Owned { path, _lock: lock }));
        for folder in [dir.blobs(), dir.packs(), dir.staging(), dir.trash()] {
            make_folder(&folder).map_err(failed(&folder, "the folder cannot be made"))?;
        }
        // By its owner: a lock that a backup of somebody else has made could not be taken.
        let lease = dir.backup_lock();
        super::lease::open(&lease).map_err(failed(&lease, "the lock of backups cannot be made"))?;
        let staging = dir.staging();
        empty(&staging).map_err(failed(&staging, "the staging area cannot be emptied"))?;
        sync_folder(dir.path()).map_err(failed(dir.path(), "the data folder cannot be synced"))?;
        Ok(dir)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where the database is: `<data>/kms.db`.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        Self::database_path_in(self.path())
    }

    /// Where the database of the data folder at `path` is, for who touches its rows only and so
    /// needs no lock.
    #[must_use]
    pub fn database_path_in(path: &Path) -> PathBuf {
        path.join(DATABASE)
    }

    /// Where scrubbing is, as [`set_scrub_position`](Self::set_scrub_position) noted it.
    #[must_use]
    pub fn scrub_position(&self) -> Option<i64> {
        let text = fs::read_to_string(self.path().join("scrub")).ok()?;
        text.trim().parse().ok()
    }

    /// Notes where scrubbing is, so that a restart does not begin anew. If it is lost, it does.
    pub fn set_scrub_position(&self, position: Option<i64>) {
        let path = self.path().join("scrub");
        let noted = match position {
            Some(position) => fs::write(&path, position.to_string()),
            None => fs::remove_file(&path),
        };
        match noted {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(error = %e, "the place of scrubbing could not be noted");
            }
            _ => {}
        }
    }

    pub(super) fn backup_lock(&self) -> PathBuf {
        super::lease::path_in(self.path())
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.path().join("blobs")
    }

    pub(crate) fn packs(&self) -> PathBuf {
        self.path().join("packs")
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.path().join("trash")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.path().join("staging")
    }
}

pub(super) fn failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(path),
        _ => OpenError::Io { path, step, source },
    }
}

/// What is emptied and removed in a data folder must be its own. The first opening makes the lock file,
/// and a copy without that has its database.
fn expect_no_strangers(data: &Path) -> Result<(), OpenError> {
    if data.join(LOCK).exists() || data.join(DATABASE).exists() || data.join(RESTORING).exists() {
        return Ok(());
    }
    let listed = || failed(data, "the data folder cannot be listed");
    for entry in fs::read_dir(data).map_err(listed())? {
        let entry = entry.map_err(listed())?;
        // A file system of its own comes with this one.
        if entry.file_name() != "lost+found" {
            return Err(OpenError::Foreign(entry.path()));
        }
    }
    Ok(())
}

/// Whether no process has the folder for itself at this moment. Whoever may not find out is told that one has.
pub(crate) fn is_free(data: &Path) -> bool {
    take_lock(data).is_ok()
}

/// Takes the lock of a folder, and sees to it that it is the one that others will find. A restore that
/// is given up removes the file while it holds it: whoever had opened it before would hold a lock that
/// nobody else meets.
pub(super) fn take_lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join(LOCK);
    loop {
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed(&path, "the lock file cannot be opened"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(data.to_owned())),
            Err(TryLockError::Error(e)) => {
                return Err(failed(&path, "the lock cannot be taken")(e));
            }
        }
        if has_name(&lock, &path).map_err(failed(&path, "the lock file cannot be looked at"))? {
            return Ok(lock);
        }
    }
}

/// Whether `path` is the name of `file`.
fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    let named = match fs::metadata(path) {
        Ok(named) => named,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    let held = file.metadata()?;
    Ok((held.dev(), held.ino()) == (named.dev(), named.ino()))
}

/// Makes a folder and what is missing above it, and makes their names durable.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    make_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => return Err(e),
        _ => {}
    }
    sync_folder(parent)
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_lock_file_that_has_lost_its_name_is_told_from_the_one_that_has_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(LOCK);
        let old = take_lock(temp.path()).unwrap();
        assert!(has_name(&old, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!has_name(&old, &path).unwrap());
        let new = take_lock(temp.path()).unwrap();
        assert!(!has_name(&old, &path).unwrap() && has_name(&new, &path).unwrap());
    }

    #[test]
    fn folders_and_lock_are_made_for_the_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let dir = DataDir::open(&path).unwrap();
        assert_eq!(dir.path(), path);
        assert_eq!(dir.database_path(), path.join("kms.db"));
        for (name, mode) in [
            ("", 0o700),
            ("blobs", 0o700),
            ("packs", 0o700),
            ("staging", 0o700),
            ("trash", 0o700),
            ("LOCK", 0o600),
        ] {
            let found = fs::metadata(path.join(name)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name:?}");
        }
    }

    #[test]
    fn a_second_opener_is_refused_until_the_first_has_gone() {
        let temp = tempfile::tempdir().unwrap();
        let first = DataDir::open(temp.path()).unwrap();
        let clone = first.clone();
        drop(first);
        let error = DataDir::open(temp.path()).unwrap_err();
        assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("another process uses this data folder")
        );
        drop(clone);
        DataDir::open(temp.path()).unwrap();
    }

    #[test]
    fn a_refused_opener_leaves_the_staging_area_of_the_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let _owner = DataDir::open(temp.path()).unwrap();
        let staged = temp.path().join("staging/upload");
        fs::write(&staged, "bytes").unwrap();
        DataDir::open(temp.path()).unwrap_err();
        assert!(staged.exists());
    }

    #[test]
    fn opening_empties_the_staging_area_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        drop(DataDir::open(temp.path()).unwrap());
        fs::write(temp.path().join("staging/left"), "bytes").unwrap();
        fs::create_dir(temp.path().join("staging/folder")).unwrap();
        fs::write(temp.path().join("staging/folder/left"), "bytes").unwrap();
        fs::write(temp.path().join("blobs/kept"), "bytes").unwrap();
        let _dir = DataDir::open(temp.path()).unwrap();
        assert_eq!(
            fs::read_dir(temp.path().join("staging")).unwrap().count(),
            0
        );
        assert!(temp.path().join("blobs/kept").exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("staging/raw")).unwrap();
        fs::write(temp.path().join("staging/raw/x.csv"), "theirs").unwrap();
        let error = DataDir::open(temp.path()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
        assert!(temp.path().join("staging/raw/x.csv").exists());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_copy_without_its_lock_and_a_fresh_file_system_are_taken() {
        for name in ["kms.db", "lost+found"] {
            let temp = tempfile::tempdir().unwrap();
            fs::write(temp.path().join(name), "").unwrap();
            DataDir::open(temp.path()).unwrap();
        }
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_it() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("blobs"), "").unwrap();
        let error = DataDir::open(temp.path()).unwrap_err();
        assert!(error.to_string().contains("blobs"), "{error}");
    }
}
