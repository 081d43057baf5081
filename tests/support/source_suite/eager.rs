//! A source whose device asserts as soon as it is connected.

use std::sync::Arc;
use std::task::Waker;

use interrupt_lock::source::{Ready, Removal};
use interrupt_lock::{Info, Name, SourceError, source::Source};

use super::Device;
use super::probe::Probe;

pub struct Eager<S, D> {
    pub source: S,
    pub probe: Arc<Probe<D>>,
}

impl<S: Source, D: Device> Source for Eager<S, D> {
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
        self.source.connect(waker)?;
        self.probe.open(true);
        self.probe.assert();
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.source.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.source.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.source.unmask()
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.source.removal_descriptor()
    }

    fn removal(&mut self) -> Option<Removal> {
        self.source.removal()
    }
}
