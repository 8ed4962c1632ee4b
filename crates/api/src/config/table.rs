//! The table of settings. A row is all there is to write for a new one: the field of [`Config`], the
//! flag, the environment variable, the key of the file, the help and `.env.example` follow from it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::ByteSize;
use super::error::ConfigError;
use super::setting::{Rule, Setting};
use super::source::{Given, Origins};
use super::value::{DefaultVisibility, InstantUpload, LogFilter, LogFormat, Switch, Value};
use crate::cors::AllowedOrigins;
use crate::network::TrustedProxies;

macro_rules! table {
    ($(
        $group:literal {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr $(, in $range:expr)?;
            )+
        }
    )+) => {
        /// The settings in force. Every value is within its limits when it comes from
        /// [`Config::load`].
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($($(#[doc = $doc])+ pub $key: $type,)+)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self {
                    $($($key: Rule::<$type>::new($default).into_default(),)+)+
                }
            }
        }

        /// The rows, as the help and the documents show them.
        pub(super) fn settings() -> Vec<Setting> {
            vec![$($(
                Setting::new::<$type>(
                    stringify!($key),
                    $group,
                    &[$($doc),+],
                    &Rule::new($default)$(.within($range))?,
                ),
            )+)+]
        }

        /// The value of every setting; a default where none is given or the given one is wrong.
        pub(super) fn take_all(
            given: &[Given],
            origins: &mut Origins,
            errors: &mut Vec<ConfigError>,
        ) -> Config {
            Config {
                $($($key: Rule::<$type>::new($default)$(.within($range))?
                    .take(stringify!($key), given, origins, errors),)+)+
            }
        }

        /// The values as text, in the order of [`settings`].
        pub(super) fn texts(config: &Config) -> Vec<String> {
            vec![$($(Value::text(&config.$key),)+)+]
        }
    };
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Long enough for every purpose, short enough that no date computed from it overflows.
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

table! {
    "Server" {
        /// The IP address and port to listen on.
        /// Port 0 lets the system choose a free one; 0.0.0.0 listens on every network of the machine.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// The folder that holds the database and the files.
        /// It is made if it is missing. A relative path starts at the working directory.
        data_dir: PathBuf = PathBuf::from("./data");
        /// Threads that serve HTTP; 0 means one for each core.
        workers: usize = 0, in 0..=512;
        /// How long requests in flight may take to finish once the server was told to stop.
        shutdown_timeout: Duration = 30 * SECOND, in Duration::ZERO..=HOUR;
        /// Origins whose pages may read answers in a browser (CORS); without any, no page may.
        cors_origins: AllowedOrigins = AllowedOrigins::default();
        /// Whether the server shows what its routes are: /api/openapi.json, and the page /api/docs.
        docs: Switch = Switch::On;
    }
    "Files" {
        /// The largest file that may be uploaded.
        max_file: ByteSize = ByteSize::gib(4), in ByteSize::bytes(1)..=ByteSize::tib(16);
        /// The largest avatar that may be uploaded.
        max_avatar: ByteSize = ByteSize::mib(5), in ByteSize::bytes(1)..=ByteSize::mib(64);
        /// The largest body of a request that carries neither a file nor an avatar.
        max_body: ByteSize = ByteSize::kib(16), in ByteSize::kib(1)..=ByteSize::mib(1);
        /// Who may read a file whose upload does not say: everybody signed in, or its owner alone.
        default_visibility: DefaultVisibility = DefaultVisibility::Public;
        /// What an instant upload (by hash, without the bytes) may rest on.
        /// public: the caller's own files, and any public file with that MD5.
        /// strong: the caller's own files, and a public file whose SHA-256 the request names too.
        /// own: only the caller's own files. off: instant upload never succeeds.
        instant_upload: InstantUpload = InstantUpload::Public;
        /// The most bytes that all files of one account may have together; 0B means no limit.
        /// Each file counts in full, whoever else has the same bytes.
        /// `kms-server user quota` gives an account limits of its own.
        quota_bytes: ByteSize = ByteSize::bytes(0), in ByteSize::bytes(0)..=ByteSize::tib(1024);
        /// The most files that one account may have; 0 means no limit.
        quota_files: u32 = 0, in 0..=1_000_000_000;
        /// The most entries in a recommended list, and on a page of the hot list.
        recommended_limit: u32 = 100, in 1..=10_000;
        /// How long an upload that is sent again under its Idempotency-Key gets the first answer.
        upload_key_age: Duration = DAY, in SECOND..=TEN_YEARS;
        /// The most such keys of one account; one more makes the oldest forgotten.
        upload_keys: u32 = 1000, in 1..=10_000;
        /// The most files in one zip archive.
        zip_files: usize = 1000, in 1..=10_000;
    }
    "Accounts and sessions" {
        /// The cost of new bcrypt hashes; each step doubles the time that a login takes.
        /// A hash of a lower cost is replaced at the next login of its account.
        bcrypt_cost: u32 = 10, in 10..=16;
        /// The fewest characters in a new password; the most is always 16.
        password_min: usize = 6, in 1..=16;
        /// How long a session lasts without being used.
        session_idle: Duration = 30 * DAY, in SECOND..=TEN_YEARS;
        /// How long a session lasts at most, however much it is used; at least session_idle.
        session_max: Duration = 180 * DAY, in SECOND..=TEN_YEARS;
        /// How often the use of a session is written down; it should be well below session_idle.
        session_touch: Duration = 10 * MINUTE, in Duration::ZERO..=TEN_YEARS;
        /// The most sessions of one account; one more ends the oldest.
        sessions_per_account: u32 = 20, in 1..=1000;
        /// Whether a new password takes the old one beside it (old_password).
        /// Clients that know nothing of that can change no password then.
        require_old_password: bool = false;
    }
    "Connections" {
        /// The most connections that one worker serves at once.
        connections: usize = 2000, in 1..=1_000_000;
        /// How long a client may take to send the head of a request.
        head_timeout: Duration = 5 * SECOND, in SECOND..=HOUR;
        /// How long a client may pause between two pieces of a body.
        body_timeout: Duration = 15 * SECOND, in MILLISECOND..=HOUR;
        /// How long a client may take nothing of its answer.
        answer_timeout: Duration = 60 * SECOND, in MILLISECOND..=HOUR;
        /// How long an idle connection is kept for the next request.
        keep_alive: Duration = 15 * SECOND, in MILLISECOND..=HOUR;
    }
    "Throttles" {
        /// Whether clients are throttled: code 7, with Retry-After.
        throttle: Switch = Switch::On;
        /// Reverse proxies whose X-Forwarded-For tells where a request comes from.
        /// Without them all clients of a proxy look like one. List only proxies that set this header.
        trusted_proxies: TrustedProxies = TrustedProxies::default();
        /// Wrong logins of one account from one network that cost no waiting.
        throttle_login_free: u32 = 10, in 0..=1000;
        /// How long the next login waits after one more wrong one; each further one doubles it.
        throttle_login_wait: Duration = SECOND, in MILLISECOND..=HOUR;
        /// The longest that wrong logins make the next one wait.
        throttle_login_longest: Duration = 15 * MINUTE, in MILLISECOND..=DAY;
        /// How long it takes until one wrong login is forgotten.
        throttle_login_forget: Duration = 10 * MINUTE, in SECOND..=DAY;
        /// Wrong logins of one account a day, from everywhere, after which none is free; 0 means any number.
        /// Also then the first login from a network does not wait.
        throttle_account_daily: u32 = 100, in 0..=1_000_000;
        /// Answers at once that tell one network whether phones have accounts, by whichever route.
        throttle_network_burst: u32 = 3000, in 1..=1_000_000;
        /// Such answers a minute in the long run.
        throttle_network_rate: u32 = 300, in 1..=1_000_000;
        /// Requests of any kind a second from one network, ten times as many at once; 0 means any number.
        throttle_requests: u32 = 0, in 0..=1_000_000;
    }
    "Overload" {
        /// Jobs on the database and the files that run at once; 0 means 8 for each core.
        storage_permits: usize = 0, in 0..=512;
        /// Jobs on the database and the files that may wait for their turn.
        storage_queue: usize = 1024, in 0..=1_000_000;
        /// Password hashes computed at once; 0 means one for each core.
        hashing_permits: usize = 0, in 0..=512;
        /// Password hashes that may wait for their turn.
        hashing_queue: usize = 64, in 0..=1_000_000;
        /// How long a job may wait for its turn before the client is told that the server is busy.
        queue_wait: Duration = 5 * SECOND, in MILLISECOND..=HOUR;
        /// Uploads received at once, those of up to 32 KiB aside; each may take up to 2 MiB of memory.
        uploads: usize = 1024, in 1..=1_000_000;
        /// Uploads received at once before it is known who sends them.
        /// A JSON body may carry its data before its token, so such bytes are set aside at first.
        anonymous_uploads: usize = 64, in 1..=100_000;
        /// Disk space that uploads may take together before it is known who sends them.
        anonymous_bytes: ByteSize = ByteSize::gib(4), in ByteSize::bytes(1)..=ByteSize::tib(16);
    }
    "Database" {
        /// Connections that read the database; one more writes.
        sqlite_readers: u32 = 8, in 1..=64;
        /// How long a connection waits for a lock that another process holds on the database.
        sqlite_busy_timeout: Duration = 5 * SECOND, in Duration::ZERO..=HOUR;
        /// Writes that may share a transaction and its sync; 1 gives each a transaction of its own.
        sqlite_group: usize = 256, in 1..=1024;
    }
    "Upkeep" {
        /// How often content that nothing refers to is collected; 0s means never by itself.
        gc_interval: Duration = HOUR, in Duration::ZERO..=TEN_YEARS;
        /// The age from which content can be collected once nothing refers to it.
        gc_grace: Duration = HOUR, in Duration::ZERO..=TEN_YEARS;
        /// How long a deleted file can be brought back by its owner; 0s means that it is gone at once.
        /// It takes up its owner's quota all the while.
        trash_retention: Duration = 30 * DAY, in Duration::ZERO..=TEN_YEARS;
        /// The age from which files that the database does not know are moved to the trash.
        /// Younger ones may be uploads that are not finished.
        stray_age: Duration = DAY, in Duration::ZERO..=TEN_YEARS;
        /// How long the trash is kept.
        trash_age: Duration = 7 * DAY, in Duration::ZERO..=TEN_YEARS;
        /// Bytes a second that are read to find damaged content before somebody wants it; 0B means none.
        scrub_rate: ByteSize = ByteSize::mib(4), in ByteSize::bytes(0)..=ByteSize::gib(16);
        /// How long is waited after all content was read before it is read again.
        scrub_interval: Duration = DAY, in Duration::ZERO..=TEN_YEARS;
        /// Disk space that is kept for deleting when the disk is full; 0B means none.
        reserve: ByteSize = ByteSize::mib(16), in ByteSize::bytes(0)..=ByteSize::gib(16);
        /// How long events stay in the audit log; 0s means for ever.
        audit_retention: Duration = 180 * DAY, in Duration::ZERO..=TEN_YEARS;
    }
    "Logs" {
        /// Which log lines are written: error, warn, info, debug or trace, also for one part alone.
        log: LogFilter = LogFilter::info();
        /// The form of the log: lines for people, or JSON objects for programs.
        log_format: LogFormat = LogFormat::Text;
    }
}
