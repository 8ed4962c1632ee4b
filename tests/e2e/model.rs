//! Sequences of requests, restarts, kills and collections that chance makes up, compared step by step
//! with a model in memory that knows nothing of disks. A failure is shrunk to a short sequence.

mod expected;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use self::expected::{Entry, Favourite, Model};
use crate::harness::reply::content_of;
use crate::harness::{Server, User, bytes, collect_all, md5_hex};

const USERS: usize = 2;
/// Around the sizes at which content is stored and checked in another way.
const SIZES: [usize; 6] = [1, 10_000, 49_152, 65_473, 262_144, 300_000];

#[derive(Clone, Debug)]
enum Step {
    Upload {
        user: usize,
        content: usize,
        public: bool,
    },
    Claim {
        user: usize,
        content: usize,
    },
    /// Of the entries there have ever been, one.
    Read {
        user: usize,
        entry: prop::sample::Index,
    },
    ReadPart {
        user: usize,
        entry: prop::sample::Index,
    },
    Delete {
        user: usize,
        entry: prop::sample::Index,
    },
    /// Publishes or withdraws.
    Show {
        user: usize,
        entry: prop::sample::Index,
        public: bool,
    },
    Restore {
        user: usize,
        entry: prop::sample::Index,
    },
    Purge {
        user: usize,
        entry: prop::sample::Index,
    },
    Favour {
        user: usize,
        entry: prop::sample::Index,
    },
    Avatar {
        user: usize,
        content: usize,
    },
    Restart,
    Kill,
    /// With the server stopped, because a collection of its own leaves the young alone.
    Collect,
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..USERS;
    let content = || 0..SIZES.len();
    let entry = any::<prop::sample::Index>;
    prop_oneof![
        5 => (user(), content(), any::<bool>())
            .prop_map(|(user, content, public)| Step::Upload { user, content, public }),
        3 => (user(), content()).prop_map(|(user, content)| Step::Claim { user, content }),
        3 => (user(), entry()).prop_map(|(user, entry)| Step::Read { user, entry }),
        1 => (user(), entry()).prop_map(|(user, entry)| Step::ReadPart { user, entry }),
        3 => (user(), entry()).prop_map(|(user, entry)| Step::Delete { user, entry }),
        3 => (user(), entry(), any::<bool>())
            .prop_map(|(user, entry, public)| Step::Show { user, entry, public }),
        2 => (user(), entry()).prop_map(|(user, entry)| Step::Restore { user, entry }),
        1 => (user(), entry()).prop_map(|(user, entry)| Step::Purge { user, entry }),
        3 => (user(), entry()).prop_map(|(user, entry)| Step::Favour { user, entry }),
        2 => (user(), content()).prop_map(|(user, content)| Step::Avatar { user, content }),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        1 => Just(Step::Collect),
    ]
}

struct Scene {
    server: Server,
    users: Vec<User>,
    contents: Vec<Vec<u8>>,
    model: Model,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        Self {
            users: (0..USERS).map(|_| server.new_user()).collect(),
            server,
            contents: (0..).zip(SIZES).map(|(n, size)| bytes(n, size)).collect(),
            model: Model::default(),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Upload {
                user,
                content,
                public,
            } => {
                let (sender, bytes) = (&self.users[user], &self.contents[content]);
                let fid = if public {
                    sender.publish("title", bytes)
                } else {
                    sender.hide("title", bytes)
                };
                let entry = Entry {
                    owner: user,
                    content,
                    public,
                };
                self.model.stored(fid, entry);
            }
            Step::Claim { user, content } => {
                let md5 = md5_hex(&self.contents[content]);
                let answer = self.users[user].instant("title", &md5);
                if self.model.may_claim(user, content) {
                    let entry = Entry {
                        owner: user,
                        content,
                        public: true,
                    };
                    let fid = answer.expect_code(131).text("fid").to_owned();
                    self.model.stored(fid, entry);
                } else {
                    answer.expect_bare(2);
                }
            }
            Step::Read { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let answer = self.users[user].get_file(&fid);
                match self.model.readable(user, &fid) {
                    Some(content) => {
                        let found = answer.expect_code(140).data();
                        assert!(found == self.contents[content], "{fid}");
                    }
                    None => {
                        answer.expect_bare(2);
                    }
                }
            }
            Step::ReadPart { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let range = [("Range", "bytes=-700")];
                let reply = self.users[user].fetch("GET", &content_of(&fid), &range, ());
                match self.model.readable(user, &fid) {
                    Some(content) => {
                        let whole = &self.contents[content];
                        let start = whole.len().saturating_sub(700);
                        assert!(reply.expect_status(206).body == whole[start..], "{fid}");
                    }
                    None => {
                        reply.expect_problem(404, 2);
                    }
                }
            }
            Step::Delete { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let reply = self.users[user].delete(&fid);
                if self.model.is_own(user, &fid) {
                    reply.expect_status(204);
                    let entry = self.model.entries.remove(&fid).unwrap();
                    self.model.trash.insert(fid, entry);
                } else if let Some(favourite) = self.model.favourite_to_give_up(user, &fid) {
                    reply.expect_status(204);
                    self.model.favourites.remove(&favourite);
                } else {
                    reply.expect_problem(404, 2);
                }
            }
            Step::Show {
                user,
                entry,
                public,
            } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let fields = json!({"fid": fid, "public": public});
                let answer = self.users[user].post("/app/user/modifyfile", fields);
                let is_favourite = self.model.favourites.contains_key(&fid);
                let is_seen = self.model.readable(user, &fid).is_some();
                let code = match self.model.entries.get_mut(&fid) {
                    Some(entry) if entry.owner == user => {
                        let was = std::mem::replace(&mut entry.public, public);
                        if was == public { 143 } else { 141 }
                    }
                    _ if is_favourite && is_seen && public => 1,
                    _ if is_favourite && is_seen => 143,
                    _ => 2,
                };
                answer.expect_bare(code);
            }
            Step::Restore { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let fields = json!({"restore": fid});
                let answer = self.users[user].post("/app/user/trash", fields);
                if self.model.is_own_trash(user, &fid) {
                    answer.expect_bare(0);
                    let entry = self.model.trash.remove(&fid).unwrap();
                    self.model.entries.insert(fid, entry);
                } else {
                    answer.expect_bare(2);
                }
            }
            Step::Purge { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let fields = json!({"purge": fid});
                let answer = self.users[user].post("/app/user/trash", fields);
                if self.model.is_own_trash(user, &fid) {
                    answer.expect_bare(0);
                    if !self.model.trash.remove(&fid).unwrap().public {
                        self.model.lost.insert(fid);
                    }
                } else {
                    answer.expect_bare(2);
                }
            }
            Step::Favour { user, entry } => {
                let Some(fid) = self.chosen(entry) else {
                    return;
                };
                let fields = json!({"fid": fid});
                let answer = self.users[user].post("/app/user/favorite", fields);
                let known = self.model.favourite_of(user, &fid);
                let source = self.model.entries.get(&fid);
                match (known, source.filter(|it| it.owner == user || it.public)) {
                    (Some(known), _) => assert_eq!(answer.expect_code(161).fid(), known),
                    (None, Some(source)) => {
                        let favourite = Favourite {
                            owner: user,
                            source: fid,
                            source_owner: source.owner,
                            content: source.content,
                        };
                        let fid = answer.expect_code(160).fid();
                        self.model.ever.push(fid.clone());
                        self.model.favourites.insert(fid, favourite);
                    }
                    (None, None) => {
                        answer.expect_bare(2);
                    }
                }
            }
            Step::Avatar { user, content } => {
                let answer = self.users[user].set_avatar(&self.contents[content]);
                answer.expect_code(120);
                self.model.avatars[user] = Some(content);
            }
            Step::Restart => {
                self.server.stop();
                self.server.start_again();
            }
            Step::Kill => {
                self.server.kill();
                self.server.start_again();
            }
            Step::Collect => {
                self.server.stop();
                collect_all(&self.server);
                self.model.forget_lost();
                assert_eq!(self.server.blobs().len(), self.model.contents());
                self.server.start_again();
            }
        }
    }

    fn chosen(&self, entry: prop::sample::Index) -> Option<String> {
        let ever = &self.model.ever;
        (!ever.is_empty()).then(|| entry.get(ever).clone())
    }

    /// Everything that the model has, and nothing else.
    fn check(&self) {
        for (number, user) in self.users.iter().enumerate() {
            let mut listed: Vec<_> = user.own().into_iter().map(|entry| entry.fid).collect();
            listed.sort();
            let own = self.model.entries.iter();
            let own = own.filter(|(_, entry)| entry.owner == number);
            let expected: Vec<_> = own.map(|(fid, _)| fid.clone()).collect();
            assert_eq!(listed, expected);
            for (fid, entry) in &self.model.entries {
                if entry.owner == number {
                    assert!(user.read(fid) == self.contents[entry.content], "{fid}");
                }
            }
            let listed = |route, fids: Vec<String>| {
                let answer = user.post(route, json!({})).expect_code(0);
                let list = answer.json["fidlist"].as_array().unwrap();
                let mut list: Vec<_> = list.iter().map(|it| it.as_str().unwrap()).collect();
                list.sort_unstable();
                assert_eq!(list, fids, "{route}");
            };
            let trash = self.model.trash.iter();
            let trash = trash.filter(|(_, entry)| entry.owner == number);
            listed(
                "/app/user/trash",
                trash.map(|(fid, _)| fid.clone()).collect(),
            );
            let favourites = self.model.favourites.iter();
            let seen = favourites.filter(|(_, it)| it.owner == number && self.model.is_seen(it));
            let seen: Vec<_> = seen.map(|(fid, _)| fid.clone()).collect();
            for fid in &seen {
                let content = self.model.favourites[fid].content;
                assert!(user.read(fid) == self.contents[content], "{fid}");
            }
            listed("/app/user/favorite", seen);
            let avatar = user.get_avatar();
            match self.model.avatars[number] {
                Some(content) => {
                    assert!(avatar.expect_code(121).data() == self.contents[content]);
                }
                None => {
                    avatar.expect_bare(2);
                }
            }
        }
    }
}

/// How many sequences; the nightly run asks for more.
#[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
fn cases() -> u32 {
    let chosen = std::env::var("KMS_MODEL_CASES").ok();
    chosen.map_or(8, |cases| cases.parse().expect("a number of sequences"))
}

#[test]
fn whatever_is_done_in_whatever_order_the_server_does_what_the_model_does() {
    let config = Config {
        cases: cases(),
        // A server and two accounts for each try.
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 1..40);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let outcome = std::panic::catch_unwind(|| {
            let mut scene = Scene::new();
            for step in &steps {
                scene.run(step);
            }
            scene.check();
            scene.run(&Step::Kill);
            scene.run(&Step::Collect);
            scene.check();
            let output = scene.server.command(&["fsck"], "");
            assert!(output.status.success(), "{output:?}");
        });
        outcome.map_err(|_| TestCaseError::fail("the server did something else"))
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
