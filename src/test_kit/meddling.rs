//! A source whose device asserts in the worst moment.

use core::sync::atomic::Ordering;
use core::task::Waker;
use std::sync::Arc;

use super::Device;
use super::probe::Probe;
use crate::cause::SourceError;
use crate::claim::Claim;
use crate::info::Info;
use crate::name::Name;
use crate::source::{Assertions, Ready, Removal, Source};

/// When the device asserts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After the drain, before the source is connected.
    BeforeConnection,
    /// As soon as the source is connected.
    AfterConnection,
    /// After the last look, before the source is disconnected.
    BeforeDisconnection,
}

pub struct Meddling<S, D> {
    pub source: S,
    pub probe: Arc<Probe<D>>,
    pub moment: Moment,
}

impl<S, D: Device> Meddling<S, D> {
    fn comes(&self, moment: Moment) {
        if self.moment == moment && self.probe.meddles.load(Ordering::SeqCst) {
            self.probe.open(true);
            self.probe.assert();
        }
    }
}

impl<S: Source, D: Device> Source for Meddling<S, D> {
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
        self.comes(Moment::BeforeConnection);
        self.source.connect(waker)?;
        self.comes(Moment::AfterConnection);
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.comes(Moment::BeforeDisconnection);
        self.source.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.source.take()
    }

    fn answered(&mut self, claim: Claim) -> bool {
        self.source.answered(claim)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.source.unmask()
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.source.removal_descriptor()
    }

    #[cfg(all(target_os = "linux", feature = "io-uring"))]
    fn read_ahead(&mut self) -> Option<Arc<crate::source::ReadAhead>> {
        self.source.read_ahead()
    }

    #[cfg(target_os = "linux")]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        self.source.sysfs()
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.source.time_assertions(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        self.source.removal()
    }
}
