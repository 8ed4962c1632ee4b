//! The server as a process of its own, in a folder of its own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::blobs::StoredBlob;
use super::client::Place;
use super::wait::{BOUND, until};
use super::{Client, User};

/// How long a server may take to leave after it was told to.
const LEAVING: Duration = Duration::from_secs(20);

/// A running server. When it is dropped, it must have nothing staged and nothing in its log that
/// looks like a panic. It is then killed and not stopped, because stopping takes a third of a second;
/// that is a matter of tests of its own.
pub(crate) struct Server {
    running: Option<Running>,
    settings: Vec<(String, String)>,
    place: Arc<Place>,
    folder: PathBuf,
    // Goes with the server, if it was made for it.
    _own_folder: Option<TempDir>,
    /// What earlier runs on this folder have logged.
    earlier: String,
}

struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// A server as it comes.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A server with some settings, named like the environment variables that carry them.
    #[track_caller]
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().to_owned();
        Self::launched(folder, Some(own), settings)
    }

    /// The same in a folder that outlives the server.
    #[track_caller]
    pub(crate) fn in_folder(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launched(folder.to_owned(), None, settings)
    }

    /// A server on a data folder that `make` has made, which is told its path.
    #[track_caller]
    pub(crate) fn restored(make: impl FnOnce(&Path)) -> Self {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().to_owned();
        make(&folder.join("data"));
        Self::launched(folder, Some(own), &[])
    }

    #[track_caller]
    fn launched(folder: PathBuf, own: Option<TempDir>, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (running, address) = launch(&folder, &settings);
        Self {
            running: Some(running),
            settings,
            place: Arc::new(Place {
                address: Mutex::new(address),
                codes: Mutex::default(),
            }),
            folder,
            _own_folder: own,
            earlier: String::new(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(Arc::clone(&self.place))
    }

    /// Somebody new, signed in.
    #[track_caller]
    pub(crate) fn new_user(&self) -> User {
        self.client().new_user()
    }

    /// The codes that have been answered so far.
    pub(crate) fn codes(&self) -> BTreeSet<u64> {
        self.place.codes.lock().unwrap().clone()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The stored contents.
    pub(crate) fn blobs(&self) -> Vec<StoredBlob> {
        StoredBlob::all(&self.data_dir())
    }

    /// The stored contents, of which there must be `count`: now or, because surplus copies go after
    /// the answer, soon.
    #[track_caller]
    pub(crate) fn blobs_after_all(&self, count: usize) -> Vec<StoredBlob> {
        let mut blobs = self.blobs();
        until(&format!("{count} stored contents"), || {
            blobs = self.blobs();
            blobs.len() == count
        });
        blobs
    }

    /// The only stored content.
    #[track_caller]
    pub(crate) fn only_blob(&self) -> StoredBlob {
        self.blobs_after_all(1).remove(0)
    }

    /// The files of uploads in flight.
    pub(crate) fn staged(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files_below(&self.data_dir().join("staging"), &mut found);
        found
    }

    /// All that was logged on this folder so far.
    pub(crate) fn log(&self) -> String {
        let now = self.running.as_ref().map(|running| {
            let log = running.log.lock().unwrap();
            log.clone()
        });
        self.earlier.clone() + &now.unwrap_or_default()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        let running = self.running.as_mut().unwrap();
        running.child.try_wait().unwrap().is_some()
    }

    /// How the server is started, for who starts it in a way of their own.
    pub(crate) fn how_to_start(&self) -> Command {
        kms_server(&self.folder, &self.settings)
    }

    /// Waits until the log holds `text`.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        until(&format!("{text:?} in the log"), || {
            self.log().contains(text)
        });
    }

    /// Asks the server to leave, without waiting for it.
    #[track_caller]
    pub(crate) fn terminate(&self) {
        let pid = self.running.as_ref().unwrap().child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the server has left, and checks what it leaves behind.
    #[track_caller]
    pub(crate) fn wait_for_exit(&mut self) -> ExitStatus {
        let mut running = self.running.take().unwrap();
        let status = match exit_within(&mut running.child, LEAVING) {
            Some(status) => status,
            None => {
                let _ = running.child.kill();
                let _ = running.child.wait();
                panic!("the server does not leave:\n{}", running.finish());
            }
        };
        self.earlier += &running.finish();
        assert!(self.staged().is_empty(), "staged: {:?}", self.staged());
        self.check_log();
        status
    }

    fn check_log(&self) {
        let log = &self.earlier;
        assert!(!log.contains("panicked"), "something panicked:\n{log}");
    }

    /// Stops the server in an orderly way.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.terminate();
        let status = self.wait_for_exit();
        assert!(status.success(), "{status}:\n{}", self.earlier);
    }

    /// Ends the server as a power cut would, as far as a process can.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        self.earlier += &running.finish();
    }

    /// Starts a stopped server again on the same folder. Its clients find it.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        let (running, address) = launch(&self.folder, &self.settings);
        self.running = Some(running);
        *self.place.address.lock().unwrap() = address;
    }

    /// Runs `kms-server` beside this server, on its folder, with `input` on its standard input.
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> Output {
        run_to_end(&self.folder, &self.settings, arguments, input)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(mut running) = self.running.take() {
                let _ = running.child.kill();
                let _ = running.child.wait();
                eprintln!("--- log of the server\n{}---", running.finish());
            }
        } else if self.running.is_some() {
            until("nothing is staged at the end", || self.staged().is_empty());
            self.kill();
            self.check_log();
        }
    }
}

impl Running {
    /// The whole log of a process that has ended.
    fn finish(self) -> String {
        for reader in self.readers {
            let _ = reader.join();
        }
        self.log.lock().unwrap().clone()
    }
}

#[track_caller]
fn launch(folder: &Path, settings: &[(String, String)]) -> (Running, SocketAddr) {
    let mut child = kms_server(folder, settings)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let (line, first_line) = mpsc::channel();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let to_log = Arc::clone(&log);
    let readers = vec![
        std::thread::spawn(move || {
            for text in stdout.lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        }),
        std::thread::spawn(move || {
            for text in stderr.lines().map_while(Result::ok) {
                let mut log = to_log.lock().unwrap();
                log.push_str(&text);
                log.push('\n');
            }
        }),
    ];
    let running = Running {
        child,
        log,
        readers,
    };
    match first_line.recv_timeout(BOUND) {
        Ok(line) => {
            let address = line.rsplit("http://").next().unwrap().trim().parse();
            let address = address.unwrap_or_else(|_| panic!("no address in {line:?}"));
            (running, address)
        }
        Err(_) => {
            let mut running = running;
            let _ = running.child.kill();
            let status = running.child.wait();
            panic!("no server ({status:?}):\n{}", running.finish());
        }
    }
}

/// Runs `kms-server` to its end in `folder`.
#[track_caller]
pub(crate) fn run_to_end(
    folder: &Path,
    settings: &[(String, String)],
    arguments: &[impl AsRef<OsStr>],
    input: &str,
) -> Output {
    let mut child = kms_server(folder, settings)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have left without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Some(status) = exit_within(&mut child, BOUND) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("kms-server does not come to an end");
    };
    let mut output = Output {
        status,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    child
        .stdout
        .unwrap()
        .read_to_end(&mut output.stdout)
        .unwrap();
    child
        .stderr
        .unwrap()
        .read_to_end(&mut output.stderr)
        .unwrap();
    output
}

/// The command, untouched by the settings and the configuration file of whoever runs the tests.
fn kms_server(folder: &Path, settings: &[(String, String)]) -> Command {
    // A control is another build of the server, in which a test must find the fault.
    let control = std::env::var_os("E2E_CONTROL_SERVER");
    let program = control.unwrap_or_else(|| env!("CARGO_BIN_EXE_kms-server").into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"KMS_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("KMS_DATA_DIR", folder.join("data"))
        .envs(settings.iter().cloned());
    command
}

fn exit_within(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + bound;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(3));
    }
}

pub(crate) fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    // A folder or file may vanish while we look.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}
