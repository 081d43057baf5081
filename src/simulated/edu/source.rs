//! The device's interrupt.

use std::sync::Arc;
use std::task::Waker;

use crate::cause::SourceError;
use crate::info::{Info, Polarity, Share, Trigger};
use crate::simulated::edu::model::Model;
use crate::simulated::edu::shared_model::SharedModel;
use crate::source::{Assertions, Ready, Removal, Software, Source};

/// The [line](super::Edu::line) or the [message](super::Edu::message) of an [`Edu`](super::Edu), as a source for an
/// interrupt.
///
/// It keeps the device in existence. Dropping it frees the line or the message for another source.
///
/// ```
/// use std::task::Waker;
/// use interrupt_lock::{Registers, simulated::Edu, source::Source};
///
/// const RAISE: usize = 0x60;
///
/// let device = Edu::new();
/// let mut message = device.message()?;
/// message.connect(Waker::noop())?;
/// device.registers().write32(RAISE, 1);
/// assert_eq!(message.take()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EduSource {
    software: Software,
    device: Arc<SharedModel>,
}

impl EduSource {
    pub(super) fn new(software: Software, device: Arc<SharedModel>) -> Self {
        Self { software, device }
    }
}

impl Source for EduSource {
    fn info(&self) -> Info {
        let info = self.software.info().with_share(Share::Exclusive);
        if info.trigger == Some(Trigger::Level) { info.with_polarity(Polarity::ActiveLow) } else { info }
    }

    fn ready(&mut self) -> Ready<'_> {
        self.software.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.software.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.software.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.software.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.software.unmask()
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.software.time_assertions(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        self.software.removal()
    }
}

impl Drop for EduSource {
    fn drop(&mut self) {
        // In a forked child the device is the parent's.
        if self.device.is_here() {
            self.device.with(Model::unplug);
        }
    }
}
