//! The power callbacks of a device, and how they are called.

use alloc::boxed::Box;
use alloc::format;

use crate::cause::CallbackError;
use crate::fault::DeviceCallback;
use crate::sync;

type Boxed = Box<dyn FnMut() -> Result<(), CallbackError> + Send>;

/// The callbacks that the driver has registered.
#[derive(Default)]
pub(super) struct Callbacks {
    d0_entry: Option<Boxed>,
    interrupts_enabled: Option<Boxed>,
    disabling_interrupts: Option<Boxed>,
    d0_exit: Option<Boxed>,
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        // Each by itself: it is the driver's.
        let Self { d0_entry, interrupts_enabled, disabling_interrupts, d0_exit } = self;
        for callback in [d0_entry, interrupts_enabled, disabling_interrupts, d0_exit] {
            sync::free_silently(callback.take());
        }
    }
}

impl Callbacks {
    fn slot(&mut self, which: DeviceCallback) -> Option<&mut Option<Boxed>> {
        match which {
            DeviceCallback::D0Entry => Some(&mut self.d0_entry),
            DeviceCallback::InterruptsEnabled => Some(&mut self.interrupts_enabled),
            DeviceCallback::DisablingInterrupts => Some(&mut self.disabling_interrupts),
            DeviceCallback::D0Exit => Some(&mut self.d0_exit),
            // Not registered: each call of `Device::reset` brings its own.
            DeviceCallback::Reset => None,
        }
    }

    pub(super) fn set(&mut self, which: DeviceCallback, callback: Boxed) {
        if let Some(slot) = self.slot(which) {
            *slot = Some(callback);
        }
    }

    /// Calls the callback. Does nothing if none is registered.
    pub(super) fn call(&mut self, which: DeviceCallback) -> Result<(), CallbackError> {
        self.slot(which).and_then(Option::as_mut).map_or(Ok(()), catch)
    }
}

/// Turns a panic into a failure. A device has no fault state, unlike an interrupt.
pub(super) fn catch(callback: impl FnOnce() -> Result<(), CallbackError>) -> Result<(), CallbackError> {
    sync::catch(callback).unwrap_or_else(|message| Err(CallbackError::new(format!("it panicked: {message}"))))
}
