//! A folder that a restore makes a data folder of, as a whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::data_dir::{DATABASE, LOCK, RESTORING, failed, make_folder, sync_folder, take_lock};

/// A folder that was found empty, and is locked so that it stays so. Dropped before it is finished,
/// it is as empty as it was.
#[derive(Debug)]
pub(crate) struct EmptyFolder {
    path: PathBuf,
    was_there: bool,
    lock_was_there: bool,
    finished: bool,
    _lock: File,
}

impl EmptyFolder {
    /// Takes the folder at `path`, making it if it is missing.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let path =
            std::path::absolute(path).map_err(failed(path, "the path has no absolute form"))?;
        let was_there = path.exists();
        let lock_was_there = path.join(LOCK).exists();
        if was_there {
            expect_empty(&path)?;
        }
        make_folder(&path).map_err(failed(&path, "the data folder cannot be made"))?;
        let lock = take_lock(&path)?;
        let folder = Self {
            was_there,
            lock_was_there,
            finished: false,
            _lock: lock,
            path,
        };
        // Once more: a server may have run in it between the two.
        if let Err(error) = expect_empty(&folder.path) {
            let mut folder = folder;
            folder.finished = true;
            return Err(error);
        }
        let building = folder.building();
        make_folder(&building).map_err(failed(&building, "the folder cannot be made"))?;
        Ok(folder)
    }

    /// The folder in it in which the data folder is to be built.
    pub(crate) fn building(&self) -> PathBuf {
        self.path.join(RESTORING)
    }

    /// Makes what was built the content of the folder. Nothing may be open in it any more.
    pub(crate) fn finish(mut self) -> Result<(), OpenError> {
        let building = self.building();
        // From here on the half that has moved and the half that has not are both needed.
        self.finished = true;
        for name in ["blobs", "packs", DATABASE] {
            let (from, to) = (building.join(name), self.path.join(name));
            fs::rename(&from, &to).map_err(failed(&to, "the name cannot be given"))?;
        }
        let synced = || {
            sync_folder(&building)?;
            sync_folder(&self.path)
        };
        synced().map_err(failed(&self.path, "the folder cannot be synced"))?;
        // What is left is a lock and an empty staging area. With it the mark goes, and only then.
        fs::remove_dir_all(&building)
            .and_then(|()| sync_folder(&self.path))
            .map_err(failed(&building, "the folder cannot be removed"))
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // What stays behind keeps servers away, and so is found.
        let _ = fs::remove_dir_all(self.building());
        // While it is held: who takes it looks afterwards whether it has its name still, so that nobody
        // goes on with a lock that the next one does not meet.
        if !self.lock_was_there {
            let _ = fs::remove_file(self.path.join(LOCK));
        }
        if !self.was_there {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// A lock file alone is nothing: a server that was stopped leaves it, and so does whoever empties a
/// folder with a star.
fn expect_empty(path: &Path) -> Result<(), OpenError> {
    let cannot_list = || failed(path, "the folder cannot be listed");
    if path.join(RESTORING).exists() {
        return Err(OpenError::Restoring(path.to_owned()));
    }
    for entry in fs::read_dir(path).map_err(cannot_list())? {
        if entry.map_err(cannot_list())?.file_name() != LOCK {
            return Err(OpenError::NotEmpty(path.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::DataDir;
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_with_anything_in_it_is_refused_and_left_as_it_is() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("note"), "").unwrap();
        let error = EmptyFolder::take(temp.path()).unwrap_err();
        assert!(matches!(error, OpenError::NotEmpty(_)), "{error:?}");
        assert_eq!(names(temp.path()), ["note"]);
    }

    #[test]
    fn a_folder_that_is_given_up_is_as_it_was() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data");
        drop(EmptyFolder::take(&path).unwrap());
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        drop(EmptyFolder::take(&path).unwrap());
        assert!(names(&path).is_empty());
        fs::write(path.join(LOCK), "").unwrap();
        drop(EmptyFolder::take(&path).unwrap());
        assert_eq!(names(&path), [LOCK]);
    }

    #[test]
    fn of_those_who_come_while_it_is_given_up_one_has_the_folder() {
        let temp = tempfile::tempdir().unwrap();
        for _ in 0..200 {
            // There before, so that it stays when the restore is given up.
            let folder = EmptyFolder::take(temp.path()).unwrap();
            let take = || take_lock(temp.path()).ok();
            let taken = std::thread::scope(|scope| {
                let others: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| (0..50).find_map(|_| take())))
                    .collect();
                drop(folder);
                let ended = others.into_iter().map(|other| other.join().unwrap());
                ended.flatten().collect::<Vec<_>>()
            });
            assert!(taken.len() <= 1, "{taken:?}");
            drop(taken);
            let _ = fs::remove_file(temp.path().join(LOCK));
        }
    }

    #[test]
    fn nobody_opens_the_folder_before_it_is_whole() {
        let temp = tempfile::tempdir().unwrap();
        let folder = EmptyFolder::take(temp.path()).unwrap();
        let error = DataDir::open(temp.path()).unwrap_err();
        assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
        let inner = DataDir::open(folder.building()).unwrap();
        fs::write(inner.database_path(), "rows").unwrap();
        drop(inner);
        // As after a kill: the lock is gone, and nothing else.
        std::mem::forget(folder);
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join(RESTORING)).unwrap();
        for error in [
            DataDir::open(copy.path()).unwrap_err(),
            EmptyFolder::take(copy.path()).unwrap_err(),
        ] {
            assert!(matches!(error, OpenError::Restoring(_)), "{error:?}");
        }
    }

    #[test]
    fn a_finished_folder_has_what_was_built_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        let folder = EmptyFolder::take(temp.path()).unwrap();
        let inner = DataDir::open(folder.building()).unwrap();
        fs::write(inner.database_path(), "rows").unwrap();
        drop(inner);
        folder.finish().unwrap();
        assert_eq!(names(temp.path()), ["LOCK", "blobs", "kms.db", "packs"]);
        DataDir::open(temp.path()).unwrap();
    }
}
