//! Sequences of uploads, claims, deletions, failures and decisions that chance makes up, compared step by
//! step with a model that adds up. A failure is shrunk to a short sequence.

use std::cell::Cell;
use std::collections::BTreeMap;

use kms_domain::files::{
    Attached, Claimed, Detached, Limit, NewFile, OwnQuota, UsageRepository, Used,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Repositories;
use super::support::{attach, register};
use super::usage::{own, used};
use crate::builders::{a_blob, a_file, a_scope, sha256_of};

/// What chance does to two accounts.
#[derive(Clone, Debug)]
enum Step {
    Upload(usize, usize, bool),
    Claim(usize, usize, bool),
    /// Of the entries there have ever been, one, by whoever.
    Delete(usize, prop::sample::Index),
    /// An upload under an id that is taken.
    Clash(usize, prop::sample::Index),
    Decide(usize, Option<u64>, Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..2_usize;
    let content = || 0..3_usize;
    let entry = any::<prop::sample::Index>;
    prop_oneof![
        4 => (user(), content(), any::<bool>()).prop_map(|(u, c, p)| Step::Upload(u, c, p)),
        4 => (user(), content(), any::<bool>()).prop_map(|(u, c, n)| Step::Claim(u, c, n)),
        3 => (user(), entry()).prop_map(|(u, e)| Step::Delete(u, e)),
        1 => (user(), entry()).prop_map(|(u, e)| Step::Clash(u, e)),
        2 => (user(), prop::option::of(0..60_u64), prop::option::of(0..6_u64))
            .prop_map(|(u, b, f)| Step::Decide(u, b, f)),
    ]
}

/// What should be there.
#[derive(Default)]
struct Model {
    /// By the position of their files: owner, size and whether it is public.
    entries: BTreeMap<usize, (usize, usize, bool)>,
    ever: Vec<NewFile>,
    decided: [OwnQuota; 2],
}

impl Model {
    fn used(&self, user: usize) -> Used {
        let own = self.entries.values().filter(|entry| entry.0 == user);
        own.fold(Used::default(), |sum, entry| Used {
            bytes: sum.bytes + entry.1 as u64,
            files: sum.files + 1,
        })
    }

    fn has_room(&self, user: usize, size: usize) -> bool {
        let (used, own) = (self.used(user), self.decided[user]);
        let below = |limit, sum| match limit {
            Limit::AtMost(most) => sum <= most,
            Limit::Default | Limit::Unlimited => true,
        };
        below(own.bytes, used.bytes + size as u64) && below(own.files, used.files + 1)
    }

    fn stored(&mut self, file: NewFile, entry: (usize, usize, bool)) {
        self.entries.insert(self.ever.len(), entry);
        self.ever.push(file);
    }
}

fn run(on: &Repositories, case: u32, steps: &[Step]) {
    let users = [register(on, case * 2 + 1), register(on, case * 2 + 2)];
    let content = |n: usize| format!("{case:05}{}", "x".repeat(n * 7)).into_bytes();
    let mut model = Model::default();
    for step in steps {
        match *step {
            Step::Upload(user, c, public) => {
                let bytes = content(c);
                let file = a_file(users[user], &bytes);
                let file = if public { file } else { file.private() }.build();
                let fits = model.has_room(user, bytes.len());
                assert_eq!(attach(on, &file, &bytes) != Attached::OverQuota, fits);
                if fits {
                    model.stored(file, (user, bytes.len(), public));
                }
            }
            Step::Claim(user, c, is_named) => {
                let bytes = content(c);
                let mut entries = model.entries.values();
                let held = entries.any(|it| it.1 == bytes.len() && (it.0 == user || it.2));
                let expected = match (held, model.has_room(user, bytes.len())) {
                    (false, _) => Claimed::NotEligible,
                    (true, false) => Claimed::OverQuota,
                    (true, true) => Claimed::Linked,
                };
                let Some(blob) = on.blobs.find_live(&sha256_of(&bytes)).unwrap() else {
                    assert_eq!(expected, Claimed::NotEligible);
                    continue;
                };
                let mut scope = a_scope(users[user], &bytes);
                scope.sha256 = is_named.then_some(blob.sha256);
                let file = a_file(users[user], &bytes).build();
                let claimed = on.files.claim(&file, &scope, blob.id).unwrap();
                assert_eq!(claimed, expected);
                if claimed == Claimed::Linked {
                    model.stored(file, (user, bytes.len(), true));
                }
            }
            Step::Delete(user, entry) if !model.ever.is_empty() => {
                let n = entry.index(model.ever.len());
                let is_own = model.entries.get(&n).is_some_and(|it| it.0 == user);
                let detached = on.files.detach(users[user], model.ever[n].id).unwrap();
                assert_eq!(detached == Detached::Removed, is_own);
                if is_own {
                    model.entries.remove(&n);
                }
            }
            Step::Clash(user, entry) if !model.entries.is_empty() => {
                let n = entry.index(model.entries.len());
                let taken = *model.entries.keys().nth(n).unwrap();
                let file = a_file(users[user], b"y").id(model.ever[taken].id).build();
                let answer = on.files.attach(&file, &a_blob(b"y").build());
                assert!(!matches!(
                    answer,
                    Ok(Attached::Stored | Attached::Replaced { .. })
                ));
            }
            Step::Delete(..) | Step::Clash(..) => {}
            Step::Decide(user, bytes, files) => {
                let limit = |it: Option<u64>| it.map_or(Limit::Default, Limit::AtMost);
                model.decided[user] = own(limit(bytes), limit(files));
                on.usage
                    .set_quota(users[user], model.decided[user])
                    .unwrap();
            }
        }
        for (n, user) in users.into_iter().enumerate() {
            assert_eq!(used(on, user), model.used(n), "after {step:?}");
        }
    }
    assert_sums(&*on.usage);
}

/// Every account of the database, those of earlier cases too.
fn assert_sums(usage: &dyn UsageRepository) {
    let mut after = None;
    while let Some(counted) = usage.count_next(after).unwrap() {
        assert_eq!(counted.kept, Some(counted.rows));
        after = Some(counted.user);
    }
}

/// Whatever is uploaded, claimed, deleted, refused or decided, step by step. Each case has accounts and
/// contents of its own.
pub fn usage_is_the_sum_of_the_own_rows(on: &Repositories) {
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let case = Cell::new(0);
    let steps = prop::collection::vec(step(), 1..24);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let number = case.replace(case.get() + 1);
        run(on, number, &steps);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
