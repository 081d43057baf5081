//! Stands in for the dispatcher in a loom model, which has none.

use core::convert::Infallible;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::sync::Weak;

use crate::cause::SourceError;
use crate::dispatch::Polling;
use crate::error::{Error, ErrorKind};
use crate::interrupt::InterruptObject;
use crate::interrupt::attached::Dispatch;
use crate::name::Name;

/// A thread that waits on sources and serves their interrupts. In a loom model there is none.
///
/// A loom model explores only the model's own threads. So those threads call
/// [`service`](crate::InterruptObject::service) and [`run_work_item`](crate::InterruptObject::run_work_item)
/// themselves.
#[derive(Clone, Debug)]
pub struct Dispatcher(Infallible);

impl Dispatcher {
    /// Whether an interrupt with a source can get a dispatcher of its own.
    pub(crate) const EXISTS: bool = false;

    /// Returns an error: a loom model can't start a dispatcher.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::Dispatcher`].
    pub fn new() -> Result<Self, Error> {
        Self::own(&Name::new("interrupts"))
    }

    pub(crate) fn own(name: &Name) -> Result<Self, Error> {
        let why = "a loom model has no dispatcher: call `service()` from a thread of the model";
        Err(Error::new(name.clone(), ErrorKind::Dispatcher(SourceError::Refused(Name::new(why)))))
    }

    pub(crate) fn is_here(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn need_worker(&self, _: &Name) -> Result<(), Error> {
        match self.0 {}
    }

    pub(crate) fn register<T, W>(&self, _: Weak<InterruptObject<T, W>>, _: Service) -> Box<dyn Dispatch> {
        match self.0 {}
    }
}

/// How an interrupt would be served.
#[expect(dead_code, reason = "there is nothing to serve it")]
pub(crate) struct Service {
    pub(crate) polling: Polling,
    pub(crate) poll_when_silent: Option<Duration>,
    pub(crate) works: bool,
    pub(crate) shared_worker: Option<SharedWorker>,
}

/// A share in the worker of the process, of which there is none.
pub(crate) struct SharedWorker(Infallible);

impl SharedWorker {
    pub(crate) fn join(name: &Name) -> Result<Self, Error> {
        let why = "a loom model has no worker: call `run_work_item()` from a thread of the model";
        Err(Error::new(name.clone(), ErrorKind::Dispatcher(SourceError::Refused(Name::new(why)))))
    }
}
