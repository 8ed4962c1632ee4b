use crate::PortError;

/// Room for bytes that are made and read again within one request, and are too many for memory.
/// Every call may block on a device.
pub trait ScratchSpace: Send + Sync {
    /// Opens an empty scratch that shares nothing with any other.
    ///
    /// # Errors
    /// [`PortError`].
    fn open(&self) -> Result<Box<dyn Scratch>, PortError>;
}

/// Bytes that only their owner can see. They are gone when it is dropped, and after a crash at the
/// latest with the next start; nothing of them is durable. Every call may block on a device.
pub trait Scratch: Send {
    /// Appends `bytes`, all of them or an error.
    ///
    /// # Errors
    /// [`PortError`]; the scratch is good for nothing but dropping then.
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError>;

    /// Fills `into` with what was appended, from `offset` bytes after the beginning on. It does not
    /// disturb appending.
    ///
    /// # Errors
    /// [`PortError`], also when so many bytes were not appended; what is in `into` is undefined
    /// then.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), PortError>;
}
