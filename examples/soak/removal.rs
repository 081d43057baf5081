//! Devices that go away: a source that reports it, and a switch for the ISR.

#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use interrupt_lock::source::{Assertions, Ready, Removal, Source};
use interrupt_lock::{Claim, Info, Name, SourceError};

use crate::watch::lock;

/// How a device goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The system asks for it, and it still answers.
    Requested = 1,
    /// It is gone, and its source says so.
    Surprise = 2,
    /// It is gone, and only its ISR can see it.
    Silent = 3,
}

/// Takes one device away, once.
#[derive(Default)]
pub struct Switch {
    way: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Switch {
    pub fn way(&self) -> Option<Way> {
        // SeqCst: pairs with the exchange in `remove`, before the waker: an ISR may see it earlier than the source tells.
        [None, Some(Way::Requested), Some(Way::Surprise), Some(Way::Silent)][usize::from(self.way.load(SeqCst))]
    }

    /// Returns whether the device was still there.
    pub fn remove(&self, way: Way) -> bool {
        // SeqCst: see `way`.
        let first = self.way.compare_exchange(0, way as u8, SeqCst, SeqCst).is_ok();
        if first && way != Way::Silent {
            self.wake();
        }
        first
    }

    fn wake(&self) {
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A source whose device may go away.
pub struct Removable<S> {
    source: S,
    switch: Arc<Switch>,
}

impl<S> Removable<S> {
    pub fn new(source: S, switch: &Arc<Switch>) -> Self {
        Self { source, switch: switch.clone() }
    }

    fn still(&self) -> Result<(), SourceError> {
        if self.switch.way() == Some(Way::Surprise) { Err(SourceError::Removed) } else { Ok(()) }
    }
}

impl<S: Source> Source for Removable<S> {
    fn info(&self) -> Info {
        self.source.info()
    }

    fn name(&self) -> Name {
        self.source.name()
    }

    fn ready(&mut self) -> Ready<'_> {
        self.source.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.still()?;
        self.source.connect(waker)?;
        *lock(&self.switch.waker) = Some(waker.clone());
        if self.removal().is_some() {
            self.switch.wake();
        }
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        lock(&self.switch.waker).take();
        self.source.disconnect()?;
        self.still()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.still()?;
        self.source.take()
    }

    fn answered(&mut self, claim: Claim) -> bool {
        self.source.answered(claim)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.source.unmask()?;
        self.still()
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        self.source.removal_descriptor()
    }

    #[cfg(target_os = "linux")]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        self.source.sysfs()
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.source.time_assertions(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        match self.switch.way()? {
            Way::Requested => Some(Removal::Requested),
            Way::Surprise => Some(Removal::Surprise),
            Way::Silent => None,
        }
    }
}
