//! The callbacks of a device.

use alloc::boxed::Box;
use alloc::format;

use crate::{CallbackError, DeviceCallback, sync};

type Boxed = Box<dyn FnMut() -> Result<(), CallbackError> + Send>;

/// Those that were given.
#[derive(Default)]
pub(super) struct Callbacks {
    d0_entry: Option<Boxed>,
    interrupts_enabled: Option<Boxed>,
    disabling_interrupts: Option<Boxed>,
    d0_exit: Option<Boxed>,
}

impl Callbacks {
    fn slot(&mut self, which: DeviceCallback) -> Option<&mut Option<Boxed>> {
        match which {
            DeviceCallback::D0Entry => Some(&mut self.d0_entry),
            DeviceCallback::InterruptsEnabled => Some(&mut self.interrupts_enabled),
            DeviceCallback::DisablingInterrupts => Some(&mut self.disabling_interrupts),
            DeviceCallback::D0Exit => Some(&mut self.d0_exit),
            // Given to each call.
            DeviceCallback::Reset => None,
        }
    }

    pub(super) fn set(&mut self, which: DeviceCallback, callback: Boxed) {
        if let Some(slot) = self.slot(which) {
            *slot = Some(callback);
        }
    }

    /// The callback itself; there may be none.
    pub(super) fn call(&mut self, which: DeviceCallback) -> Result<(), CallbackError> {
        self.slot(which).and_then(Option::as_mut).map_or(Ok(()), catch)
    }
}

/// Has a panic be a failure: there is nothing to be quarantined here.
pub(super) fn catch(callback: impl FnOnce() -> Result<(), CallbackError>) -> Result<(), CallbackError> {
    sync::catch(callback).unwrap_or_else(|message| Err(CallbackError::new(format!("it panicked: {message}"))))
}
