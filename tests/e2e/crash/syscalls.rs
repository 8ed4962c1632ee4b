//! The process ends in front of a chosen system call, or that call fails; for each that writes.
//!
//! strace counts the calls of each thread for itself. So a request is watched once as a whole, and then
//! each call of each kind of thread has its turn, with a tracer on the threads of that kind alone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::{Depth, check_folder, check_members};
use super::dice::Dice;
use super::ledger::{Content, Member, Size};
use super::load::{Action, Outcome, Way, perform};
use super::strace::{Call, Fault, Tracer};
use super::{SETTINGS, chosen};
use crate::harness::Server;

/// Points that are tried in a run of all tests, of some hundreds; 0 tries all.
const POINTS: u64 = 45;
/// How long work that comes after an answer is waited for: surplus copies go then.
const AFTERWARDS: Duration = Duration::from_millis(30);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Request {
    Register,
    Login,
    Upload(Way, Size),
    /// Bytes that are known, so that a copy is replaced or goes.
    Again(Way, Size),
    Instant,
    Avatar,
    Rename,
    Logout,
    Revoke,
    Delete,
}

const REQUESTS: [Request; 18] = [
    Request::Register,
    Request::Login,
    Request::Upload(Way::Json, Size::Small),
    Request::Upload(Way::Json, Size::Medium),
    Request::Upload(Way::Json, Size::Large),
    Request::Upload(Way::Multipart, Size::Small),
    Request::Upload(Way::Multipart, Size::Large),
    Request::Upload(Way::Raw, Size::Small),
    Request::Upload(Way::Raw, Size::Medium),
    Request::Upload(Way::Raw, Size::Large),
    Request::Again(Way::Json, Size::Small),
    Request::Again(Way::Raw, Size::Large),
    Request::Instant,
    Request::Avatar,
    Request::Rename,
    Request::Logout,
    Request::Revoke,
    Request::Delete,
];

/// A call that can be hit again: the threads of this name make it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    thread: String,
    call: String,
    ordinal: usize,
}

struct Rig {
    server: Server,
    members: Vec<Member>,
    dice: Dice,
    /// Contents that the first member has stored.
    known: [Content; 2],
}

impl Rig {
    fn new(mut dice: Dice) -> Self {
        let server = Server::with(SETTINGS);
        let mut member = Member::new(server.client());
        let known = [Size::Small, Size::Large].map(|size| Content::fresh(size, &mut dice));
        for action in [
            Action::Register,
            Action::Login,
            Action::Upload(Way::Raw, known[0]),
            Action::Upload(Way::Raw, known[1]),
        ] {
            assert_eq!(perform(&mut member, action), Outcome::Acknowledged);
        }
        Self {
            server,
            members: vec![member],
            dice,
            known,
        }
    }

    fn ask(&mut self, request: Request) -> Outcome {
        let [small, large] = self.known;
        let action = match request {
            Request::Register => {
                self.members.push(Member::new(self.server.client()));
                return perform(self.members.last_mut().unwrap(), Action::Register);
            }
            Request::Login => Action::Login,
            Request::Upload(way, size) => Action::Upload(way, Content::fresh(size, &mut self.dice)),
            Request::Again(way, Size::Small) => Action::Upload(way, small),
            Request::Again(way, _) => Action::Upload(way, large),
            Request::Instant => Action::Instant(small),
            Request::Avatar => Action::Avatar(Content::fresh(Size::Small, &mut self.dice)),
            Request::Rename => Action::Rename,
            Request::Logout => Action::Logout,
            Request::Revoke => Action::Revoke,
            // Never the two that are known.
            Request::Delete => Action::Delete(self.members[0].files.len() - 1),
        };
        perform(&mut self.members[0], action)
    }

    /// The crash, and what must be there after it.
    fn restart_and_check(&mut self) {
        self.server.kill();
        self.server.start_again();
        check_folder(&self.server);
        check_members(&mut self.members, Depth::Sample, &mut self.dice);
        // So that there is a session to revoke, and something to delete.
        if self.members[0].older.is_empty() {
            let outcome = self.ask(Request::Login);
            assert_eq!(outcome, Outcome::Acknowledged);
        }
        while self.members[0].files.len() < self.known.len() + 2 {
            let outcome = self.ask(Request::Upload(Way::Raw, Size::Small));
            assert_eq!(outcome, Outcome::Acknowledged);
        }
    }

    /// The calls that a request makes, found by watching one.
    fn points_of(&mut self, request: Request) -> Result<BTreeSet<Point>, String> {
        self.restart_and_check();
        let mut tracer = Tracer::of_process(self.server.pid(), None)?;
        assert_eq!(self.ask(request), Outcome::Acknowledged, "{request:?}");
        tracer.linger(AFTERWARDS);
        let threads = self.server.threads();
        let calls = tracer.detach(&self.server.data_dir());
        let name_of = |thread| threads.iter().find(|(id, _)| *id == thread);
        let point_of = |call: Call| Point {
            thread: name_of(call.thread).map_or_else(String::new, |(_, name)| name.clone()),
            call: call.name,
            ordinal: call.ordinal,
        };
        let on_data = calls.into_iter().filter(|call| call.is_on_data);
        Ok(on_data.map(point_of).collect())
    }

    /// Has one request meet `fault` at `point`, and checks what is left. Whether it was met.
    fn try_point(&mut self, request: Request, point: &Point, fault: Fault) -> bool {
        let option = Some(fault.option(&point.call, point.ordinal));
        let targets = self.server.threads_named(&point.thread);
        let pid = self.server.pid();
        let tracer = match &targets[..] {
            // It begins with the request.
            [] => Tracer::of_process(pid, option),
            // One that was idle may have ended meanwhile.
            some => Tracer::of_threads(some, option.clone())
                .or_else(|_| Tracer::of_process(pid, option)),
        };
        let mut tracer = tracer.unwrap();
        let outcome = self.ask(request);
        tracer.linger(AFTERWARDS);
        let calls = tracer.detach(&self.server.data_dir());
        let hit = calls.iter().find(|call| call.is_hit);
        let was_met = match fault {
            Fault::Kill => self.server.has_ended(),
            Fault::Eio | Fault::Enospc => hit.is_some(),
        };
        if fault != Fault::Kill {
            if hit.is_some_and(|call| call.is_on_data && !call.is_repeated) && is_sync(&point.call)
            {
                self.expect_no_false_success(request, point, fault, outcome);
            }
            // Whatever is acknowledged from here on is owed as well.
            for next in [Request::Register, Request::Upload(Way::Json, Size::Small)] {
                self.ask(next);
            }
        }
        self.restart_and_check();
        was_met
    }

    fn expect_no_false_success(
        &mut self,
        request: Request,
        point: &Point,
        fault: Fault,
        outcome: Outcome,
    ) {
        let what = format!("{request:?} with {fault:?} at {point:?}");
        // A pack without room for zeros behind its end still takes the record, which is synced for itself.
        if fault == Fault::Enospc && point.thread == "kms-packs" && point.call == "fsync" {
            return;
        }
        assert_ne!(outcome, Outcome::Acknowledged, "{what}");
        if fault == Fault::Eio {
            let again = self.ask(request);
            assert_ne!(again, Outcome::Acknowledged, "{what}, and then again");
        }
    }
}

fn is_sync(call: &str) -> bool {
    matches!(call, "fsync" | "fdatasync" | "syncfs")
}

#[test]
fn what_was_acknowledged_survives_a_fault_at_whichever_system_call() {
    let dice = Dice::announced("system calls", "KMS_SYSCALL_SEED");
    let mut rig = Rig::new(dice);
    let mut points = Vec::new();
    for request in REQUESTS {
        match rig.points_of(request) {
            Ok(found) => {
                eprintln!("system calls: {} of {request:?}", found.len());
                assert!(!found.is_empty(), "{request:?} writes nothing");
                points.extend(found.into_iter().map(|point| (request, point)));
            }
            Err(why) => {
                eprintln!("SKIPPED: no faults at system calls: {why}");
                return;
            }
        }
    }
    let all: Vec<_> = Fault::ALL
        .iter()
        .flat_map(|fault| {
            points
                .iter()
                .map(|(request, point)| (*request, point, *fault))
        })
        .filter(|(_, point, fault)| fault.is_safe_at(&point.call))
        .collect();
    let found = all.len();
    let tried = rig.dice.choose(all, chosen("KMS_SYSCALL_POINTS", POINTS));
    let wanted = tried.len();
    let met = tried
        .iter()
        .filter(|(request, point, fault)| rig.try_point(*request, point, *fault))
        .count();
    eprintln!("system calls: {met} faults met, of {wanted} tried, of {found} there are");
    assert!(met * 2 > wanted, "most faults must be met");
    rig.restart_and_check();
    check_members(&mut rig.members, Depth::All, &mut rig.dice);
}
