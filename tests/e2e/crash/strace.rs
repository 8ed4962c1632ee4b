//! A server under strace, which can end it at a chosen system call, or have that call fail.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::harness::Server;
use crate::harness::wait::BOUND;

/// The calls that change what is on the disk. Those that open files do so when they create one.
pub(crate) const WRITING: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "fsync",
    "fdatasync",
    "syncfs",
    "sync_file_range",
    "ftruncate",
    "fallocate",
    "openat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
];

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends in front of it.
    Kill,
    /// The device fails.
    Eio,
    /// The device is full.
    Enospc,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Kill, Self::Eio, Self::Enospc];

    /// Whether it can be put at a call of this name without hitting something else. Threads wake each
    /// other with `write` as well, which never fails, and nobody is prepared for it.
    pub(crate) fn is_safe_at(self, call: &str) -> bool {
        self == Self::Kill || call != "write"
    }

    /// The option that has it happen to the `ordinal`-th `call` of each thread that is looked at.
    pub(crate) fn option(self, call: &str, ordinal: usize) -> String {
        let what = match self {
            Self::Kill => "signal=KILL",
            Self::Eio => "error=EIO",
            Self::Enospc => "error=ENOSPC",
        };
        format!("--inject={call}:{what}:when={ordinal}")
    }
}

/// A call that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    pub(crate) name: String,
    /// Its number among the calls of this name that the thread has made, from 1 on.
    pub(crate) ordinal: usize,
    /// It changes something in the data folder.
    pub(crate) is_on_data: bool,
    /// It is SQLite's sync of the folder of its journal, whose errors it drops. The server does the same
    /// when it starts, and looks at what becomes of it.
    pub(crate) is_repeated: bool,
    /// It is where a fault was put.
    pub(crate) is_hit: bool,
}

/// strace, looking at some threads.
pub(crate) struct Tracer {
    child: Child,
    seen: NamedTempFile,
    attached: Receiver<String>,
}

impl Tracer {
    /// Looks at all threads of a process, those that come later included.
    pub(crate) fn of_process(pid: u32, fault: Option<String>) -> Result<Self, String> {
        Self::attach(&["-f"], &[pid], fault)
    }

    /// Looks at these threads alone.
    pub(crate) fn of_threads(threads: &[u32], fault: Option<String>) -> Result<Self, String> {
        Self::attach(&[], threads, fault)
    }

    fn attach(options: &[&str], targets: &[u32], fault: Option<String>) -> Result<Self, String> {
        let seen = NamedTempFile::new().unwrap();
        let mut command = strace(seen.path());
        command.args(options).args(fault);
        for target in targets {
            command.args(["-p", &target.to_string()]);
        }
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("strace: {error}"))?;
        let (sender, attached) = channel();
        let told = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut tracer = Self {
            child,
            seen,
            attached,
        };
        for _ in targets {
            if let Err(why) = tracer.wait_until_attached() {
                let _ = tracer.child.kill();
                let _ = tracer.child.wait();
                return Err(why);
            }
        }
        Ok(tracer)
    }

    fn wait_until_attached(&mut self) -> Result<(), String> {
        match self.attached.recv_timeout(BOUND) {
            Ok(line) if line.contains("attached") => Ok(()),
            Ok(line) => Err(line),
            Err(RecvTimeoutError::Disconnected) => Err("strace has left".to_owned()),
            Err(RecvTimeoutError::Timeout) => Err("strace does not attach".to_owned()),
        }
    }

    /// Waits a moment for what is done after an answer. Ends early if the process has ended.
    pub(crate) fn linger(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && self.child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Whether the fault has come to a thread by now.
    pub(crate) fn has_met(&self) -> bool {
        let text = fs::read(self.seen.path()).unwrap();
        let text = String::from_utf8_lossy(&text);
        text.contains("(INJECTED)") || text.contains("killed by SIGKILL")
    }

    /// Leaves the process alone, and tells what was seen of it. `data` is its data folder.
    pub(crate) fn detach(mut self, data: &Path) -> Vec<Call> {
        if self.child.try_wait().unwrap().is_none() {
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").args(["-INT", &pid]).status();
        }
        let _: ExitStatus = self.child.wait().unwrap();
        let text = fs::read(self.seen.path()).unwrap();
        calls(&String::from_utf8_lossy(&text), data.to_str().unwrap())
    }
}

/// strace that writes what it sees to `seen`.
pub(crate) fn strace(seen: &Path) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-y", "-e", &format!("trace={}", WRITING.join(",")), "-o"])
        .arg(seen);
    command
}

impl Server {
    /// Its threads and their names.
    pub(crate) fn threads(&self) -> Vec<(u32, String)> {
        let tasks = format!("/proc/{}/task", self.pid());
        let named = fs::read_dir(tasks).unwrap().filter_map(|task| {
            let task = task.unwrap();
            // It may have ended.
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            let thread = task.file_name().to_str()?.parse().ok()?;
            Some((thread, name.trim_end().to_owned()))
        });
        named.collect()
    }

    pub(crate) fn threads_named(&self, wanted: &str) -> Vec<u32> {
        let threads = self.threads().into_iter();
        let named = threads.filter(|(_, name)| name == wanted);
        named.map(|(thread, _)| thread).collect()
    }
}

/// The calls in an output of strace. A line begins with the thread if there are several.
pub(crate) fn calls(text: &str, data: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines() {
        let digits = line.split(' ').next().unwrap_or_default();
        let (thread, line) = match digits.parse() {
            Ok(thread) => (thread, line[digits.len()..].trim_start()),
            Err(_) => (0, line),
        };
        let mut own = calls.iter_mut().rev().filter(|call| call.thread == thread);
        if line.starts_with("<...") {
            if let Some(last) = own.next() {
                last.is_hit |= line.contains("(INJECTED)");
            }
            continue;
        }
        let name = line.split('(').next().unwrap_or_default();
        if !WRITING.contains(&name) {
            continue;
        }
        let before = own.filter(|call| call.name == name).count();
        calls.push(Call {
            thread,
            name: name.to_owned(),
            ordinal: before + 1,
            is_on_data: line.contains(data) && (name != "openat" || line.contains("O_CREAT")),
            is_repeated: name == "fdatasync" && line.contains(&format!("{data}>")),
            is_hit: line.contains("(INJECTED)"),
        });
    }
    calls
}

#[test]
fn calls_are_counted_for_each_thread() {
    let text = "\
12 openat(AT_FDCWD</t>, \"/t/data/a\", O_RDONLY|O_CLOEXEC) = 3</t/data/a>
13 write(5<anon_inode:[eventfd]>, \"\\1\\0\", 8) = 8
12 fdatasync(9</t/data/kms.db-wal> <unfinished ...>
13 write(6</t/data/staging/x>, \"...\"..., 9) = -1 EIO (Input/output error) (INJECTED)
12 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)
12 +++ killed by SIGKILL +++
";
    let call = |thread, name: &str, ordinal, is_on_data, is_hit| Call {
        thread,
        name: name.to_owned(),
        ordinal,
        is_on_data,
        is_repeated: false,
        is_hit,
    };
    assert_eq!(
        calls(text, "/t/data"),
        [
            call(12, "openat", 1, false, false),
            call(13, "write", 1, false, false),
            call(12, "fdatasync", 1, true, true),
            call(13, "write", 2, true, true),
        ]
    );
}
