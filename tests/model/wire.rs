//! The sources of the real world: software sources that fail or panic where a sequence says so.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use interrupt_lock::source::{EdgeHandle, LevelHandle, LineMember, Ready, Removal, Software, Source};
use interrupt_lock::{Claim, Info, SourceError};

use crate::operations::{Event, METHODS, Method};

/// Counts when it is freed.
pub struct Counted(Arc<AtomicU64>);

impl Counted {
    pub fn new(freed: &Arc<AtomicU64>) -> Self {
        Self(freed.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[derive(Clone, Copy)]
enum Failure {
    Fails,
    Panics,
}

/// What each method does at its next call, if that is not what the source does.
type Failures = Arc<Mutex<[Option<Failure>; METHODS.len()]>>;

/// A source that fails where a sequence says so.
pub struct Faulty {
    inner: Box<dyn Source>,
    failures: Failures,
    _counted: Counted,
}

/// What asserts a source, and makes it fail.
#[derive(Clone)]
pub struct Wire {
    end: End,
    failures: Failures,
}

#[derive(Clone)]
enum End {
    None,
    Edge(EdgeHandle),
    Level(LevelHandle),
}

/// A source with what asserts it.
pub trait Wired {
    fn split(self) -> (Box<dyn Source>, Wire);
}

impl Wired for (Software, EdgeHandle) {
    fn split(self) -> (Box<dyn Source>, Wire) {
        (Box::new(self.0), Wire { end: End::Edge(self.1), failures: Failures::default() })
    }
}

impl Wired for (Software, LevelHandle) {
    fn split(self) -> (Box<dyn Source>, Wire) {
        (Box::new(self.0), Wire { end: End::Level(self.1), failures: Failures::default() })
    }
}

impl Wired for (LineMember, LevelHandle) {
    fn split(self) -> (Box<dyn Source>, Wire) {
        (Box::new(self.0), Wire { end: End::Level(self.1), failures: Failures::default() })
    }
}

impl Faulty {
    pub fn around(wired: impl Wired, freed: &Arc<AtomicU64>) -> (Option<Self>, Wire) {
        let (inner, wire) = wired.split();
        let failures = wire.failures.clone();
        (Some(Self { inner, failures, _counted: Counted::new(freed) }), wire)
    }

    fn called(&self, method: Method) -> Result<(), SourceError> {
        let failure = self.failures.lock().unwrap()[method as usize].take();
        match failure {
            None => Ok(()),
            Some(Failure::Fails) => Err(SourceError::Refused("as scripted".into())),
            Some(Failure::Panics) => std::panic::resume_unwind(Box::new("as scripted")),
        }
    }
}

impl Wire {
    pub fn none() -> Self {
        Self { end: End::None, failures: Failures::default() }
    }

    pub fn deassert(&self) {
        if let End::Level(level) = &self.end {
            level.deassert();
        }
    }

    pub fn happens(&self, event: Event) {
        match (event, &self.end) {
            (_, End::None) => {}
            (Event::Assert, End::Edge(edge)) => edge.assert(),
            (Event::Assert, End::Level(level)) => level.assert(),
            (Event::Deassert, _) => self.deassert(),
            (Event::RequestRemoval, End::Edge(edge)) => edge.request_removal(),
            (Event::RequestRemoval, End::Level(level)) => level.request_removal(),
            (Event::Remove, End::Edge(edge)) => edge.remove(),
            (Event::Remove, End::Level(level)) => level.remove(),
            (Event::Fails(method), _) => self.failures.lock().unwrap()[method as usize] = Some(Failure::Fails),
            (Event::Panics(method), _) => self.failures.lock().unwrap()[method as usize] = Some(Failure::Panics),
        }
    }
}

impl Source for Faulty {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        self.inner.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.called(Method::Connect)?;
        self.inner.connect(waker)
    }

    /// Disconnects even where it fails.
    fn disconnect(&mut self) -> Result<(), SourceError> {
        let disconnected = self.inner.disconnect();
        self.called(Method::Disconnect).and(disconnected)
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.called(Method::Take)?;
        self.inner.take()
    }

    fn answered(&mut self, claim: Claim) -> bool {
        self.inner.answered(claim)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.called(Method::Unmask)?;
        self.inner.unmask()
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.inner.removal_descriptor()
    }

    /// Has no error to answer: it fails by finding nothing.
    fn removal(&mut self) -> Option<Removal> {
        self.called(Method::Removal).ok()?;
        self.inner.removal()
    }
}
