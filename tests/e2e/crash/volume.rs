//! A disk that can be unplugged.
//!
//! The server's file system lies on a loop device over an image, and that image on an ext4 of its own
//! over a second one:
//!
//! ```text
//! outer.img > loop > ext4 > inner.img > loop > ext4 > the data folder
//! ```
//!
//! What the inner file system writes arrives in the page cache of the outer one, which is a disk's
//! volatile cache here: only a flush of the inner device is an fsync of `inner.img`. To cut the power,
//! the outer file system is shut down without writing its journal (`EXT4_IOC_SHUTDOWN`), which throws
//! away all that was not flushed, and fails whatever comes later. Needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const INNER_MIB: u64 = 768;
/// The inner image, and the journal and tables around it.
const OUTER_MIB: u64 = INNER_MIB + 128;

/// `_IOR('X', 125, u32)` with `EXT4_GOING_FLAGS_NOLOGFLUSH`. Whatever can do an ioctl will do: our own
/// crates may not, because that takes `unsafe`.
const CUTTERS: [[&str; 3]; 2] = [
    [
        "python3",
        "-c",
        "import fcntl,os,struct,sys\n\
         fcntl.ioctl(os.open(sys.argv[1],os.O_RDONLY),0x8004587d,struct.pack('I',2))",
    ],
    [
        "perl",
        "-e",
        "open(F,'<',$ARGV[0]) or die; ioctl(F,0x8004587d,pack('I',2)) or die",
    ],
];

/// What the inner file system does about the cache of its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushes {
    /// It flushes when something is synced.
    Sent,
    /// It never does, which is like a disk that only says that it has flushed.
    Withheld,
}

impl Flushes {
    const fn mount_options(self) -> &'static str {
        match self {
            Self::Sent => "loop",
            Self::Withheld => "loop,nobarrier",
        }
    }
}

/// The two file systems, one on the other. Dropped, they are gone.
pub(crate) struct Volume {
    folder: TempDir,
    flushes: Flushes,
    cutter: [&'static str; 3],
}

impl Volume {
    #[track_caller]
    pub(crate) fn new(flushes: Flushes) -> Self {
        let can_run = |cutter: &&[&str; 3]| {
            let tried = Command::new(cutter[0]).arg("--version").output();
            tried.is_ok_and(|output| output.status.success())
        };
        let volume = Self {
            folder: tempfile::tempdir().unwrap(),
            flushes,
            cutter: *CUTTERS
                .iter()
                .find(can_run)
                .expect("no python3 and no perl"),
        };
        fs::create_dir(volume.outer()).unwrap();
        fs::create_dir(volume.inner()).unwrap();
        make(&volume.image(), OUTER_MIB);
        volume.mount_outer();
        make(&volume.inner_image(), INNER_MIB);
        volume.mount_inner();
        volume
    }

    #[track_caller]
    fn mount_outer(&self) {
        mount(&self.image(), &self.outer(), "loop");
    }

    #[track_caller]
    fn mount_inner(&self) {
        let options = self.flushes.mount_options();
        mount(&self.inner_image(), &self.inner(), options);
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("outer.img")
    }

    fn outer(&self) -> PathBuf {
        self.folder.path().join("outer")
    }

    fn inner_image(&self) -> PathBuf {
        self.outer().join("inner.img")
    }

    /// Where the server's file system is mounted.
    pub(crate) fn inner(&self) -> PathBuf {
        self.folder.path().join("inner")
    }

    /// Cuts the power under whatever runs. Everything that writes gets errors from here on.
    #[track_caller]
    pub(crate) fn cut(&self) {
        let [program, option, code] = self.cutter;
        run(program, &[option, code, path(&self.outer())]);
    }

    /// The power is back. Nobody may use the file system any more when this is called.
    #[track_caller]
    pub(crate) fn mount_again(&self) {
        run("umount", &[path(&self.inner())]);
        run("umount", &[path(&self.outer())]);
        self.mount_outer();
        self.mount_inner();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        for mounted in [self.inner(), self.outer()] {
            // Lazily: after a failed test a process may still be there.
            let _ = Command::new("umount").arg("-l").arg(mounted).status();
        }
    }
}

/// An image with an ext4, all of whose space is there, so that the file never changes but in its bytes.
#[track_caller]
fn make(image: &Path, mib: u64) {
    let size = format!("{mib}MiB");
    run("fallocate", &["-l", &size, path(image)]);
    run("mkfs.ext4", &["-q", "-F", path(image)]);
    fs::File::open(image).unwrap().sync_all().unwrap();
}

#[track_caller]
fn mount(image: &Path, on: &Path, options: &str) {
    run("mount", &["-o", options, path(image), path(on)]);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
}
