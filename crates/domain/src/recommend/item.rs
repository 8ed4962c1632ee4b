use super::{Heat, Neighbours};

/// What is counted about one content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// How many people have an interaction with it.
    pub users: u64,
    /// The weights of all its neighbours together, forgotten ones included: how much it has to do with
    /// everything else.
    pub mass: u64,
    /// The heat of all its events. `None`: there were none.
    pub heat: Option<Heat>,
    /// Its neighbours.
    pub neighbours: Neighbours,
}

impl Item {
    /// Adds an event to the heat.
    pub(super) fn warm(&mut self, event: Heat) {
        self.heat = Some(self.heat.map_or(event, |heat| heat.plus(event)));
    }
}
