//! A cluster of its own: in a temporary folder, on a socket in it, stopped by its own process id.

use crate::Failure;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::session::Session;

/// Where Debian and its relatives put what is not on the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";
/// How long starting and stopping may take.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// The only account of the cluster.
const ROLE: &str = "race";

/// PostgreSQL's programs.
pub(super) struct Tools {
    initdb: PathBuf,
    postgres: PathBuf,
    psql: PathBuf,
}

impl Tools {
    /// All three from one folder: programs of different versions do not go together.
    pub(super) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = fs::read_dir(VERSIONS)
            .map(|versions| versions.flatten().map(|it| it.path().join("bin")).collect())
            .unwrap_or_default();
        folders.sort();
        folders.extend(std::env::split_paths(&path));
        Self::find_in(folders)
    }

    fn find_in(folders: Vec<PathBuf>) -> Option<Self> {
        folders.into_iter().find_map(|folder| {
            let program = |name: &str| Some(folder.join(name)).filter(|it| it.is_file());
            Some(Self {
                initdb: program("initdb")?,
                postgres: program("postgres")?,
                psql: program("psql")?,
            })
        })
    }
}

/// A running cluster. Dropping it stops it as well, for the way out through an error.
pub(super) struct Cluster {
    psql: PathBuf,
    folder: PathBuf,
    /// Whom the programs run as, when that is not who started this one.
    owner: Option<(u32, u32)>,
    server: Child,
    stopped: bool,
}

impl Cluster {
    pub(super) fn start(tools: &Tools) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("kms-pgrace-{}", std::process::id()));
        let owner = make_folder(&folder)?;
        let begun = Self::begin(tools, &folder, owner);
        if begun.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        let mut cluster = begun?;
        cluster.wait_until_it_answers()?;
        Ok(cluster)
    }

    fn begin(tools: &Tools, folder: &Path, owner: Option<(u32, u32)>) -> Result<Self, Failure> {
        let made = run_as(&tools.initdb, folder, owner)
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username", ROLE, "--pgdata", "data"])
            .output()
            .map_err(|error| Failure::Failed(format!("initdb could not be started: {error}")))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(Failure::Failed(format!("initdb failed: {said}")));
        }
        let log = fs::File::create(folder.join("log"))
            .map_err(|error| Failure::Failed(format!("cannot make the log: {error}")))?;
        // Nothing here has to outlive a power cut, so nothing is synced; isolation is the same without.
        let server = run_as(&tools.postgres, folder, owner)
            .args(["-D", "data", "-c", "listen_addresses=", "-c", "fsync=off"])
            .args([
                "-c",
                "autovacuum=off",
                "-c",
                "default_transaction_isolation=read committed",
                "-k",
            ])
            .arg(folder)
            .stderr(log)
            .spawn()
            .map_err(|error| Failure::Failed(format!("postgres could not be started: {error}")))?;
        Ok(Self {
            psql: tools.psql.clone(),
            folder: folder.to_path_buf(),
            owner,
            server,
            stopped: false,
        })
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let asked = self
                .psql()
                .args(["-c", "SELECT 1"])
                .stderr(Stdio::null())
                .output();
            if asked.is_ok_and(|asked| asked.status.success()) {
                return Ok(());
            }
            let ended = self.server.try_wait().is_ok_and(|status| status.is_some());
            if ended || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(Failure::Failed(format!(
                    "postgres does not answer; its log says:\n{log}"
                )));
            }
            sleep(PAUSE);
        }
    }

    /// psql without anybody's settings, connected to this cluster.
    pub(super) fn psql(&self) -> Command {
        let mut command = run_as(&self.psql, &self.folder, self.owner);
        command
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--username", ROLE, "--dbname", "postgres", "--host"])
            .arg(&self.folder);
        command
    }

    /// A new session.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        Session::open(self.psql())
    }

    /// What the server says it is.
    pub(super) fn version(&self) -> Result<String, Failure> {
        let level = self.session()?.ask("SHOW transaction_isolation")?;
        let version = self.session()?.ask("SHOW server_version")?;
        Ok(format!("PostgreSQL {version}, {level}"))
    }

    /// Stops the server and removes the folder.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        // SIGINT: sessions are ended and shared memory is given back, which a kill would leave.
        let told = Command::new("kill")
            .args(["-INT", &self.server.id().to_string()])
            .status();
        let begun = Instant::now();
        while !self.server.try_wait().is_ok_and(|status| status.is_some()) {
            if told.is_err() || begun.elapsed() > PATIENCE {
                let _ = self.server.kill();
                let _ = self.server.wait();
                break;
            }
            sleep(PAUSE);
        }
        fs::remove_dir_all(&self.folder).map_err(|error| {
            Failure::Failed(format!("{} stays behind: {error}", self.folder.display()))
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Makes the folder, and answers whom PostgreSQL has to run as: it refuses to be root.
fn make_folder(folder: &Path) -> Result<Option<(u32, u32)>, Failure> {
    let cannot = |error| Failure::Failed(format!("cannot make {}: {error}", folder.display()));
    fs::create_dir(folder).map_err(cannot)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(cannot)?;
    // Whose a fresh file is tells who we are, without a system call that std does not have.
    if fs::metadata(folder).map_err(cannot)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let Some((user, group)) = somebody_else(&accounts) else {
        return Err(Failure::Failed(
            "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`".to_owned(),
        ));
    };
    chown(folder, Some(user), Some(group)).map_err(cannot)?;
    Ok(Some((user, group)))
}

/// The ids of an account that is there for such things.
fn somebody_else(accounts: &str) -> Option<(u32, u32)> {
    ["postgres", "nobody"].into_iter().find_map(|name| {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next() == Some(name);
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            is_it
                .then_some((user, group))
                .filter(|(user, _)| *user != 0)
        })
    })
}

fn run_as(program: &Path, folder: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // Answers are compared, so they must not be translated; and nobody's defaults lead elsewhere.
    command.env("LC_ALL", "C");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_programs_nothing_is_found() {
        assert!(Tools::find_in(Vec::new()).is_none());
        assert!(Tools::find_in(vec![std::env::temp_dir().join("no-such-folder")]).is_none());
    }

    #[test]
    fn somebody_else_is_never_root() {
        let accounts = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(somebody_else(accounts), Some((65534, 65533)));
        let with = format!("{accounts}postgres:x:101:104:,,,:/var/lib/postgresql:/bin/sh\n");
        assert_eq!(somebody_else(&with), Some((101, 104)));
        assert_eq!(somebody_else("nobody:x:0:0::/:/bin/false\n"), None);
        assert_eq!(somebody_else(""), None);
    }
}
