//! What the application must answer: a small model of accounts, sessions and files, beside which any sequence
//! of requests is run.
//!
//! Each request is made of values that are known to be good or bad, so the model can say its code; some are
//! then spoiled by a byte, and of those it is known that they never are a fault of the server, and that a
//! refusal changes nothing. In the end everything that can be seen is compared.

mod accounts;
mod body;
mod check;
mod dice;
mod files;
mod finish;
mod plain_http;
mod state;
mod story;
pub(crate) mod world;

use kms_api::inprocess::serve;

use self::dice::Dice;
use self::story::Story;
use self::world::World;

/// Longest sequence.
const MOST_CALLS: usize = 40;

/// Runs the sequence that these bytes choose, beside the model.
pub(crate) fn run(bytes: &[u8]) {
    let (world, app) = World::new();
    serve(app, |send| {
        let mut story = Story::new(&world, send);
        story.begin();
        let mut dice = Dice(bytes);
        for _ in 0..MOST_CALLS {
            if dice.is_empty() || story.is_over() {
                break;
            }
            story.step(&mut dice);
        }
        story.finish();
    });
    assert_eq!(world.store.staged(), 0, "something is left in staging");
}
