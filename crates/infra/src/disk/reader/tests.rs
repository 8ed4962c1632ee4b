use kms_domain::files::{BlobKey, BlobStore as _};
use tempfile::TempDir;

use super::*;
use crate::disk::DiskBlobStore;

struct Scene {
    folder: TempDir,
    store: DiskBlobStore,
    key: BlobKey,
    content: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskBlobStore::new(&DataDir::open(folder.path()).unwrap());
        let content: Vec<u8> = (0..3 * BLOCK + 7).map(|at| (at % 251) as u8).collect();
        let key = publish(&store, &content);
        Self {
            folder,
            store,
            key,
            content,
        }
    }

    fn blob(&self) -> PathBuf {
        path_of(&self.folder, &self.key)
    }

    fn sums(&self) -> PathBuf {
        sums::path_of(&self.blob())
    }

    fn open(&self) -> Box<dyn BlobReader> {
        self.store.open(&self.key).unwrap().unwrap()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether the checksums are there and sound.
    fn has_sums(&self) -> bool {
        let (sha256, size) = (sha256_of(&self.content), self.content.len() as u64);
        let sums = Sums::open(&self.sums(), &sha256, size).unwrap();
        sums.is_some_and(|mut sums| sums.get(3).is_some())
    }

    fn flip_bytes(&self, place: usize) {
        let mut bytes = fs::read(self.blob()).unwrap();
        bytes[place] ^= 1;
        fs::write(self.blob(), bytes).unwrap();
    }

    fn staged(&self) -> usize {
        let staging = self.folder.path().join("staging");
        fs::read_dir(staging).unwrap().count()
    }
}

fn path_of(folder: &TempDir, key: &BlobKey) -> PathBuf {
    let key = key.as_str();
    let outer = folder.path().join("blobs").join(&key[..2]);
    outer.join(&key[2..4]).join(key)
}

fn sha256_of(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

fn publish(store: &DiskBlobStore, content: &[u8]) -> BlobKey {
    let mut staged = store.stage().unwrap();
    staged.write(content).unwrap();
    staged.publish(&sha256_of(content)).unwrap()
}

fn is_damage<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

#[test]
fn whatever_happened_to_checksums_sound_bytes_are_read_and_get_new_ones() {
    let scene = Scene::new();
    let other = publish(&scene.store, &scene.content[1..]);
    let other = sums::path_of(&path_of(&scene.folder, &other));
    let sound = fs::read(scene.sums()).unwrap();
    let flipped = |place: usize| {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        bytes
    };
    for bytes in [
        None,
        Some(Vec::new()),
        Some(flipped(0)),
        Some(flipped(60)),
        Some(flipped(71)),
        Some(flipped(72)),
        Some(flipped(sound.len() - 1)),
        Some(sound[..sound.len() - 1].to_vec()),
        Some(fs::read(other).unwrap()),
    ] {
        match &bytes {
            Some(bytes) => fs::write(scene.sums(), bytes).unwrap(),
            None => fs::remove_file(scene.sums()).unwrap(),
        }
        assert!(!scene.has_sums(), "{bytes:?}");
        assert!(scene.read().unwrap() == scene.content, "{bytes:?}");
        assert!(scene.has_sums(), "{bytes:?}");
        assert_eq!(scene.staged(), 0);
    }
}

#[test]
fn damaged_bytes_get_no_new_checksums() {
    let scene = Scene::new();
    scene.flip_bytes(BLOCK);
    fs::remove_file(scene.sums()).unwrap();
    // Sound as the first block is, there is nothing to tell it by.
    assert!(is_damage(scene.open().read(&mut [0; 10])));
    assert!(!scene.sums().exists());
    assert_eq!(scene.staged(), 0);
}

#[test]
fn checksums_that_are_made_anew_for_removed_bytes_do_not_stay() {
    let scene = Scene::new();
    let mut reader = scene.open();
    scene.store.remove(&scene.key).unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == scene.content);
    assert!(!scene.sums().exists());
    assert_eq!(scene.staged(), 0);
}

#[test]
fn a_file_that_loses_its_end_while_it_is_read_is_damaged() {
    let scene = Scene::new();
    let mut reader = scene.open();
    let mut block = vec![0; BLOCK];
    reader.read_exact(&mut block).unwrap();
    let file = fs::OpenOptions::new().write(true).open(scene.blob());
    file.unwrap().set_len(2 * BLOCK_SIZE).unwrap();
    reader.read_exact(&mut block).unwrap();
    assert!(is_damage(reader.read(&mut block)));
}

#[test]
fn a_block_in_memory_is_read_at_once_and_checked() {
    let scene = Scene::new();
    let mut reader = scene.open();
    let mut block = vec![0; BLOCK];
    let first = reader.read_now(&mut block).unwrap();
    assert_eq!(first, None, "its checksums are not in memory yet");
    reader.read_exact(&mut block).unwrap();
    scene.flip_bytes(2 * BLOCK + 9);
    // It was written just now; but not every file system can tell.
    if let Some(read) = reader.read_now(&mut block).unwrap() {
        assert_eq!(read, BLOCK);
        assert!(block == scene.content[BLOCK..2 * BLOCK]);
        assert!(is_damage(reader.read_now(&mut block)));
        assert!(
            block.iter().all(|byte| *byte == 0),
            "wrong bytes do not stay"
        );
        assert_eq!(reader.stream_position().unwrap(), 2 * BLOCK_SIZE);
        reader.seek(SeekFrom::Start(3 * BLOCK_SIZE + 5)).unwrap();
        assert_eq!(reader.read_now(&mut block).unwrap(), Some(2));
    }
}

#[test]
fn a_system_that_cannot_tell_what_is_in_memory_is_asked_once() {
    let scene = Scene::new();
    let file = File::open(scene.blob()).unwrap();
    let (sha256, size) = (sha256_of(&scene.content), scene.content.len() as u64);
    let dir = DataDir::open(tempfile::tempdir().unwrap().path()).unwrap();
    let mut reader = FileReader::new(dir, file, scene.blob(), sha256, size);
    reader.always_waits = true;
    let mut block = vec![0; BLOCK];
    for _ in 0..3 {
        assert_eq!(reader.read_now(&mut block).unwrap(), None);
        assert!(reader.read(&mut block).unwrap() > 0);
    }
}
