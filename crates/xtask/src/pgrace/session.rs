//! One session: a psql that is told one statement at a time, so that it can be left waiting in the middle.

use crate::Failure;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a statement that nothing holds up may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);
/// SQLSTATE of a violated foreign key.
const FOREIGN_KEY: &str = "23503";

pub(super) struct Session {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    backend: String,
    begun: u64,
    /// The end of the statement that was begun, when it was heard before anybody asked.
    ended: Option<(Ended, String)>,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It took effect on so many rows.
    Rows(String),
    /// The foreign key refused it.
    Refused,
}

impl Session {
    pub(super) fn open(mut psql: Command) -> Result<Self, Failure> {
        let failed = |error| Failure::Failed(format!("psql could not be started: {error}"));
        // Errors come back as SQLSTATE; their texts are of no use.
        let mut child = psql
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Failed("psql has no pipes".to_owned()));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let all = BufReader::new(output).lines();
            for line in all.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut session = Self {
            child,
            input,
            lines,
            backend: String::new(),
            begun: 0,
            ended: None,
        };
        session.backend = session.ask("SELECT pg_backend_pid()")?;
        Ok(session)
    }

    /// Begins a statement without waiting for it.
    pub(super) fn begin(&mut self, sql: &str) -> Result<(), Failure> {
        self.begun += 1;
        let number = self.begun;
        writeln!(
            self.input,
            "{sql};\n\\echo ended {number} :SQLSTATE :ROW_COUNT"
        )
        .and_then(|()| self.input.flush())
        .map_err(|error| Failure::Failed(format!("psql is gone: {error}")))
    }

    /// The end of the statement that was begun.
    pub(super) fn end(&mut self) -> Result<Ended, Failure> {
        Ok(self.end_within(PATIENCE)?.0)
    }

    /// The end of the statement that was begun, which takes `longer` than others.
    pub(super) fn end_after(&mut self, longer: Duration) -> Result<Ended, Failure> {
        Ok(self.end_within(PATIENCE + longer)?.0)
    }

    /// A statement from beginning to end.
    pub(super) fn run(&mut self, sql: &str) -> Result<Ended, Failure> {
        self.begin(sql)?;
        self.end()
    }

    /// A statement that must not be refused, and its answer.
    pub(super) fn ask(&mut self, sql: &str) -> Result<String, Failure> {
        self.begin(sql)?;
        match self.end_within(PATIENCE)? {
            (Ended::Rows(_), answer) => Ok(answer),
            (Ended::Refused, _) => Err(Failure::Failed(format!("refused: {sql}"))),
        }
    }

    /// Whether the statement that was begun waits for another session, as `observer` sees it. Returns when either is
    /// known: it waits for a lock, or it has ended.
    pub(super) fn waits(&mut self, observer: &mut Self) -> Result<bool, Failure> {
        let question = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event_type = 'Lock'",
            self.backend
        );
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            self.ended = self.poll(PAUSE)?;
            if self.ended.is_some() {
                return Ok(false);
            }
            if observer.ask(&question)? == "1" {
                return Ok(true);
            }
        }
        Err(Failure::Failed(
            "a statement neither waits nor ends".to_owned(),
        ))
    }

    fn end_within(&mut self, patience: Duration) -> Result<(Ended, String), Failure> {
        match self.ended.take() {
            Some(ended) => Ok(ended),
            None => self
                .poll(patience)?
                .ok_or_else(|| Failure::Failed("a statement does not end".to_owned())),
        }
    }

    /// The end of the statement that was begun and what it answered. `None`: nothing was heard for so long.
    fn poll(&mut self, patience: Duration) -> Result<Option<(Ended, String)>, Failure> {
        let end = format!("ended {} ", self.begun);
        let mut answer = Vec::new();
        loop {
            let line = match self.lines.recv_timeout(patience) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Failed("psql is gone".to_owned()));
                }
            };
            let Some(how) = line.strip_prefix(&end) else {
                answer.push(line);
                continue;
            };
            let ended = match how.split_once(' ') {
                Some(("00000", rows)) => Ended::Rows(rows.to_owned()),
                Some((FOREIGN_KEY, _)) => Ended::Refused,
                _ => {
                    return Err(Failure::Failed(format!(
                        "unexpected end of a statement: {how}"
                    )));
                }
            };
            return Ok(Some((ended, answer.join("\n"))));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What is open is rolled back; a psql without input would end by itself, but not before a statement does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
