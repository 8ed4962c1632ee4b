//! nginx as a peer that neither hashes, nor asks a database, nor syncs: PUT by its DAV module, and
//! GET by sendfile.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running nginx with a folder of its own.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    prefix: TempDir,
}

/// The version on the PATH, if there is one.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("nginx").arg("-v").output().ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    Some(text.trim().rsplit('/').next()?.to_owned())
}

impl Nginx {
    /// `None` where nginx is not installed.
    pub(crate) fn start() -> Option<Self> {
        version()?;
        let prefix = tempfile::tempdir().unwrap();
        fs::create_dir(prefix.path().join("root")).unwrap();
        // Free when it was asked; nobody else is expected to take it within a moment.
        let address = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address.local_addr().unwrap();
        let is_root = fs::metadata(prefix.path()).unwrap().uid() == 0;
        let config = configuration(address, is_root);
        fs::write(prefix.path().join("nginx.conf"), config).unwrap();
        let child = command(prefix.path()).spawn().unwrap();
        let mut nginx = Self {
            child,
            address,
            prefix,
        };
        nginx.wait_until_it_listens();
        Some(nginx)
    }

    fn wait_until_it_listens(&mut self) {
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("nginx did not start ({status}); is its DAV module there?");
            }
            assert!(Instant::now() < end, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its paths begin at.
    pub(crate) fn root(&self) -> PathBuf {
        self.prefix.path().join("root")
    }

    /// A new folder below the root.
    pub(crate) fn create_folder(&self, name: &str) {
        fs::create_dir(self.root().join(name)).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The signal goes to the master, by the pid in its own file; a kill would leave its workers.
        let mut stop = command(self.prefix.path());
        let stopped = stop.args(["-s", "stop"]).stderr(Stdio::null()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn command(prefix: &Path) -> Command {
    let mut command = Command::new("nginx");
    command
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(prefix)
        .stdin(Stdio::null());
    command
}

/// A worker for each core. Buffers are as large as is good for large bodies.
fn configuration(address: SocketAddr, is_root: bool) -> String {
    // Workers of a master that is root are `nobody` otherwise, who may not write here.
    let user = if is_root { "user root;\n" } else { "" };
    format!(
        "{user}daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 256k;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen {address} backlog=1024;
    root root;
    location / {{ dav_methods PUT; }}
  }}
}}
"
    )
}
