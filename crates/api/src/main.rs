//! `kms-server`: reads the configuration, wires the adapters, serves.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks on its standard streams"
)]

mod admin;
mod audit;
mod background;
mod upkeep;
mod wiring;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use background::Background;
use kms_api::cli::{Cli, Command};
use kms_api::config::{Loaded, LogFormat};
use kms_api::{Server, ServerConfig};
use kms_domain::with_causes;
use kms_infra::disk::{DataDir, DiskBlobStore};

/// What ends the program with a message.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let loaded = match cli.load_config() {
        Ok(loaded) => loaded,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    let outcome = match cli.command {
        Command::Config => print_config(&loaded),
        Command::Serve => serve(&loaded),
        Command::User(command) => admin::run(&loaded.config, command),
        Command::Backup(command) => return wiring::backup::run(&loaded.config, &command),
        Command::Audit(command) => audit::run(&loaded.config, &command),
        Command::Gc(command) => upkeep::collect(&loaded.config, command),
        Command::Fsck(command) => return upkeep::check(&loaded.config, command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kms-server: {}", with_causes(&*failure));
            ExitCode::FAILURE
        }
    }
}

fn print_config(loaded: &Loaded) -> Result<(), Failure> {
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    print!("{}", loaded.to_toml());
    Ok(())
}

fn serve(loaded: &Loaded) -> Result<(), Failure> {
    let config = &loaded.config;
    start_log(loaded);
    #[cfg(feature = "sabotage")]
    kms_infra::announce_sabotage();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let data = DataDir::open(&config.data_dir)?;
    let database = wiring::open_own_database(config, &data)?;
    let store = DiskBlobStore::new(&data);
    let services = wiring::services(config, &data, &store, &database);
    let downloads = services.files.downloads.clone();
    let audit = services.audit.clone();
    let once = services.once.clone();
    let app = wiring::app(config, services)?;
    let server = Server::bind(ServerConfig {
        listen: config.listen,
        workers: config.workers,
        connections: config.connections,
        head_timeout: config.head_timeout,
        keep_alive: config.keep_alive,
        answer_timeout: config.answer_timeout,
        shutdown_timeout: config.shutdown_timeout,
        run_id: wiring::run_id()?,
    })
    .map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let address = server.address()?;
    let background = Background::start(
        config,
        wiring::collector(config, &data, &store, &database, false),
        wiring::purger(config, &database),
        once,
        wiring::scrub(&data, &database),
        audit.clone(),
        kms_infra::learner(&database, downloads),
    );
    drop(store);
    let readers = database.clone();
    let on_worker = move || {
        // Without a reader of its own the worker uses the pool's.
        if let Err(error) = readers.dedicate_reader() {
            tracing::warn!(error = %with_causes(&error), "a worker has no reader of its own");
        }
    };
    actix_web::rt::System::new().block_on(async move {
        // Before anybody is told that there is a server: who starts it may end it at once.
        let leave = leave_signal()?;
        greet(&address.to_string(), data.path());
        server.run(app, on_worker, leave).await
    })?;
    drop(background);
    audit.settle_all();
    drop(audit);
    // The last handles on the database go here: what is queued is written, then the lock is freed.
    drop(database);
    tracing::info!("stopped");
    Ok(())
}

/// Three lines for who has just started it: where it listens, where the data is, what to try.
fn greet(address: &str, data: &std::path::Path) {
    let lines = format!(
        "KMS Server {} listens on http://{address}\n\
         Data is kept in {}\n\
         Try: curl -s http://{address}/app/register/testphone -d '{{\"phone\":\"13800138000\"}}'\n",
        env!("CARGO_PKG_VERSION"),
        data.display()
    );
    let mut out = std::io::stdout().lock();
    // A reader at the other end of a pipe waits for these lines; if it has left, we serve anyway.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// Resolves at SIGTERM or at an interrupt from the terminal.
fn leave_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("leaving: finishing what is in flight");
    })
}

fn start_log(loaded: &Loaded) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(loaded.config.log.as_str())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match loaded.config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
