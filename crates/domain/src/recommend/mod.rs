//! What somebody may like, and what everybody likes: the recommended list and the hot list.
//!
//! - **Interactions.** Who did something with a public content: uploaded it, made it a favourite, downloaded
//!   it. One row for each user and content ([`Interaction`]), with a number of its own in the user's order.
//! - **Counters.** Contents that the same people care about, within 50 of each other in their order, are
//!   *neighbours*. For each content they are counted ([`Item`], [`Neighbours`]) while events come in
//!   ([`Learning`]), and are nothing but a function of the interactions: counted anew, they are the same.
//! - **The feed.** What stands near to what a user cares about ([`Profile`]), then what is hot, mixed so that
//!   nobody fills it ([`Mix`]); [`RecommendService::for_user`].
//! - **Heat.** A score that fades by a half in three days without ever being rewritten ([`Heat`]);
//!   [`RecommendService::hot`].
//!
//! **What nobody finds out.** Only what is public when an event is learned adds to anything, only contents
//! with a public entry are ever shown, and of two contents it is said that they belong together only if at
//! least [`LEAST_USERS`] people think so.

mod feed_repository;
mod float;
mod heat;
mod interaction;
mod interaction_repository;
mod item;
mod learner;
mod learning;
mod mix;
mod neighbours;
mod profile;
mod queue;
mod service;

pub use feed_repository::{FeedRepository, HotFile, Offer};
pub use heat::{HALF_LIFE_MILLIS, Heat, HotPosition};
pub use interaction::{Days, Event, Interaction, Kind};
pub use interaction_repository::InteractionRepository;
pub use item::Item;
pub use learner::{Learned, Learner};
pub use learning::{InteractionRows, Learning, WINDOW};
pub use mix::Mix;
pub use neighbours::{MOST_NEIGHBOURS, Neighbour, Neighbours};
pub use profile::{CANDIDATES, LEAST_USERS, PROFILE, Profile, REFINED, Scored};
pub use queue::DownloadQueue;
pub use service::{HotPage, RecommendError, RecommendService};
