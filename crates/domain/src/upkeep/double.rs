//! An inventory that answers what it is told: mockall makes no mocks of what takes closures.

use std::ops::ControlFlow;

use super::{BlobInventory, Inspection, Stored};
use crate::PortError;
use crate::files::BlobKey;

type Each<'a> = dyn FnMut(Stored) -> ControlFlow<()> + 'a;
type Read<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;
type OnList = dyn Fn(&mut Each<'_>) -> Result<(), PortError> + Send + Sync;
type OnInspect =
    dyn Fn(&BlobKey, bool, &mut Read<'_>) -> Result<Inspection, PortError> + Send + Sync;

#[derive(Default)]
pub(crate) struct MockBlobInventory {
    list: Option<Box<OnList>>,
    inspect: Option<Box<OnInspect>>,
    is_away: bool,
}

impl MockBlobInventory {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// As if the disk of the store were away.
    pub(crate) const fn go_away(&mut self) {
        self.is_away = true;
    }

    pub(crate) fn on_list(
        &mut self,
        list: impl Fn(&mut Each<'_>) -> Result<(), PortError> + Send + Sync + 'static,
    ) {
        self.list = Some(Box::new(list));
    }

    pub(crate) fn on_inspect(
        &mut self,
        inspect: impl Fn(&BlobKey, bool, &mut Read<'_>) -> Result<Inspection, PortError>
        + Send
        + Sync
        + 'static,
    ) {
        self.inspect = Some(Box::new(inspect));
    }
}

impl BlobInventory for MockBlobInventory {
    fn list(&self, each: &mut Each<'_>) -> Result<(), PortError> {
        self.list.as_ref().expect("nobody lists")(each)
    }

    fn inspect(
        &self,
        key: &BlobKey,
        bytes: bool,
        read: &mut Read<'_>,
    ) -> Result<Inspection, PortError> {
        self.inspect.as_ref().expect("nobody inspects")(key, bytes, read)
    }

    fn expect_store(&self, _: &BlobKey) -> Result<(), PortError> {
        if self.is_away {
            return Err(PortError::internal("there is no store"));
        }
        Ok(())
    }
}
