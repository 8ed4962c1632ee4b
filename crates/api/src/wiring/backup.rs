//! The operator's commands about backups, on the terminal. What they do is in `kms_infra::backup`.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kms_api::cli::BackupCommand;
use kms_api::config::Config;
use kms_domain::with_causes;
use kms_infra::SystemClock;
use kms_infra::backup::{
    BackupError, BackupJob, Observer, Problem, Progress, RestoreJob, VerifyJob, back_up, restore,
    verify,
};

/// Finished, but not all is well.
const INCOMPLETE: u8 = 1;
/// Not finished.
const FAILED: u8 = 2;

/// The pause between two lines about progress.
const PACE: Duration = Duration::from_millis(200);

/// Carries out one command.
pub(crate) fn run(config: &Config, command: &BackupCommand) -> ExitCode {
    let mut terminal = Terminal::new();
    let done = match command {
        BackupCommand::Make { into, keep, reread } => back_up(
            &BackupJob {
                data: &config.data_dir,
                into,
                keep: *keep,
                reread: *reread,
                busy_timeout: config.sqlite_busy_timeout,
                clock: &SystemClock,
                release: env!("CARGO_PKG_VERSION"),
            },
            &mut terminal,
        )
        .map(|report| {
            let missing = match report.missing {
                0 => String::new(),
                missing => format!("; {missing} damaged or missing and NOT in it"),
            };
            let removed = match report.removed {
                0 => String::new(),
                removed => format!("; {removed} older removed"),
            };
            format!(
                "backup {} finished: {} files, {}; copied {}, {}{missing}{removed}",
                report.generation,
                report.contents,
                amount(report.bytes),
                report.copied,
                amount(report.copied_bytes)
            )
        }),
        BackupCommand::Verify { backup, generation } => {
            let generation = generation.as_deref();
            let job = VerifyJob { backup, generation };
            verify(&job, &mut terminal).map(|report| {
                let missing = match report.missing {
                    0 => String::new(),
                    missing => format!("; {missing} were missing when they were made"),
                };
                let found = match report.problems.saturating_sub(report.incomplete) {
                    0 => "all as it was written".to_owned(),
                    problems => format!("{problems} NOT as they were written"),
                };
                format!(
                    "verified {} backups, {} files, {}: {found}{missing}",
                    report.generations,
                    report.contents,
                    amount(report.bytes)
                )
            })
        }
        BackupCommand::Restore { backup, generation } => restore(
            &RestoreJob {
                backup,
                generation: generation.as_deref(),
                data: &config.data_dir,
                clock: &SystemClock,
            },
            &mut terminal,
        )
        .map(|report| {
            let lost = match report.lost {
                0 => String::new(),
                lost => format!("; {lost} LOST and flagged as damaged"),
            };
            format!(
                "backup {} restored to {}: {} files, {}{lost}",
                report.generation,
                config.data_dir.display(),
                report.contents,
                amount(report.bytes)
            )
        }),
    };
    terminal.end(done)
}

/// Tells what happens: progress for who looks on, problems and the outcome for everybody.
struct Terminal {
    shows_progress: bool,
    began: Instant,
    shown: Option<Instant>,
    problems: u64,
}

impl Terminal {
    fn new() -> Self {
        Self {
            shows_progress: stderr().is_terminal(),
            began: Instant::now(),
            shown: None,
            problems: 0,
        }
    }

    fn end(&mut self, done: Result<String, BackupError>) -> ExitCode {
        self.clear();
        match done {
            Ok(summary) => {
                println!("{summary}; {} s", self.began.elapsed().as_secs());
                match self.problems {
                    0 => ExitCode::SUCCESS,
                    _ => ExitCode::from(INCOMPLETE),
                }
            }
            Err(error) => {
                eprintln!("kms-server: not finished: {}", with_causes(&error));
                ExitCode::from(FAILED)
            }
        }
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Observer for Terminal {
    fn progress(&mut self, progress: &Progress) {
        if !self.shows_progress || self.shown.is_some_and(|shown| shown.elapsed() < PACE) {
            return;
        }
        self.shown = Some(Instant::now());
        let of = |all: u64, text: String| match all {
            0 => String::new(),
            _ => format!(" of {text}"),
        };
        let seconds = self.began.elapsed().as_secs().max(1);
        eprint!(
            "\r\x1b[K{}: {}{} files, {}{}, {}/s",
            progress.step,
            progress.files,
            of(progress.of_files, progress.of_files.to_string()),
            amount(progress.bytes),
            of(progress.of_bytes, amount(progress.of_bytes)),
            amount(progress.bytes.checked_div(seconds).unwrap_or_default())
        );
        let _ = stderr().flush();
    }

    fn problem(&mut self, problem: &Problem) {
        self.clear();
        self.problems = self.problems.saturating_add(1);
        eprintln!("kms-server: {problem}");
    }
}

/// Bytes, for people.
fn amount(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.iter().find(|(shift, _)| bytes >> shift > 0);
    match unit {
        None => format!("{bytes} bytes"),
        Some((shift, name)) => {
            let tenths = (bytes >> (shift - 10)).saturating_mul(10) >> 10;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}
