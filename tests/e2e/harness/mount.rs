//! File systems of a test's own, for which it has to run as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted file system, gone at the end.
pub(crate) struct Mount {
    folder: TempDir,
    source: Source,
}

enum Source {
    Memory(String),
    /// An ext4 in an image.
    Image,
}

impl Mount {
    /// A file system in memory. `None`, said aloud, where nothing can be mounted.
    pub(crate) fn memory(options: &str) -> Option<Self> {
        Self::of(Source::Memory(options.to_owned()))
    }

    /// An ext4 of its own that becomes read-only when it finds itself damaged, which is what most
    /// systems mount. `None`, said aloud, where nothing can be mounted.
    pub(crate) fn ext4(mib: u64) -> Option<Self> {
        let mount = Self::of_folder(Source::Image);
        let made = fs::File::create(mount.image()).and_then(|file| file.set_len(mib << 20));
        made.unwrap();
        let image = mount.image();
        let is_there = run("mkfs.ext4", &["-q", "-F", text(&image)]) && mount.mount("rw");
        mount.or_say(is_there)
    }

    fn of(source: Source) -> Option<Self> {
        let mount = Self::of_folder(source);
        let is_there = mount.mount("rw");
        mount.or_say(is_there)
    }

    fn of_folder(source: Source) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mounted")).unwrap();
        Self { folder, source }
    }

    fn or_say(self, is_there: bool) -> Option<Self> {
        if !is_there {
            eprintln!("SKIPPED: no file system can be mounted here (are you root?)");
        }
        is_there.then_some(self)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// Mounts it; `mode` is `rw` or `ro`. For an image this may come after [`Self::unmount`].
    pub(crate) fn mount(&self, mode: &str) -> bool {
        let on = self.path();
        match &self.source {
            Source::Memory(options) => {
                let options = format!("{mode},{options}");
                run(
                    "mount",
                    &["-t", "tmpfs", "-o", &options, "tmpfs", text(&on)],
                )
            }
            Source::Image => {
                let options = format!("{mode},loop,errors=remount-ro");
                run("mount", &["-o", &options, text(&self.image()), text(&on)])
            }
        }
    }

    /// Mounts it in another mode while it is mounted, which the kernel refuses while somebody writes.
    #[track_caller]
    pub(crate) fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        assert!(run("mount", &["-o", &options, text(&self.path())]));
    }

    /// Has an image's file system find itself damaged. It is read-only then, whoever writes, until it
    /// was checked and mounted anew.
    #[track_caller]
    pub(crate) fn find_damage(&self) {
        let device = Command::new("findmnt")
            .args(["-n", "-o", "SOURCE", text(&self.path())])
            .output()
            .unwrap();
        let device = String::from_utf8(device.stdout).unwrap();
        let device = Path::new(device.trim()).file_name().unwrap().to_owned();
        let trigger = Path::new("/sys/fs/ext4")
            .join(device)
            .join("trigger_fs_error");
        // The write itself is answered with an error by some kernels, because of what it does.
        let _ = fs::write(trigger, "1");
        let refused = fs::write(self.path().join("probe"), "").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    }

    /// Checks an image's file system and mounts it anew. Nobody may use it when this is called.
    #[track_caller]
    pub(crate) fn repair(&self) {
        assert!(run("umount", &[text(&self.path())]));
        let image = self.image();
        let checked = Command::new("e2fsck").args(["-p", text(&image)]).output();
        // 1: it was corrected.
        let code = checked.unwrap().status.code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
        assert!(self.mount("rw"));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: after a failed test a process may still be there.
        run("umount", &["-l", text(&self.path())]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
