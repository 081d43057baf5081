//! The dispatcher: a waiter, a worker, and the place of each interrupt at both.

use core::fmt;
use core::task::Waker;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};

use crate::SourceError;
#[cfg(unix)]
use crate::dispatch::poller::Event;
use crate::dispatch::waiter::{Waiter, WaiterSlot};
use crate::dispatch::worker::{Worker, WorkerSlot};
use crate::interrupt::{attached::Dispatch, serve::Serve};
use crate::policy::placement;
#[cfg(unix)]
use crate::source::Ready;
use crate::source::Source;
use crate::{Error, ErrorKind, InterruptObject, Name, Polling};

/// A thread that waits on sources and serves their interrupts, and, if one of them has a work item, a worker thread
/// that runs it.
///
/// Each interrupt with a source gets one of its own, which ends with it. One that serves many interrupts is made here
/// and given to their builders; it ends with the last of them and the last clone of this handle. A slow ISR delays the
/// other interrupts of the same dispatcher, and no others (rule I16).
///
/// ```
/// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::Software};
///
/// let dispatcher = Dispatcher::new()?;
/// let (source, assert) = Software::edge();
/// let interrupt = Interrupt::builder(())
///     .isr(|_| Claim::Claimed)
///     .source(source)
///     .dispatcher(&dispatcher)
///     .build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct Dispatcher {
    threads: Arc<Threads>,
}

struct Threads {
    waiter: Waiter,
    worker: Worker,
}

impl Dispatcher {
    /// An interrupt with a source gets one of its own.
    pub(crate) const EXISTS: bool = true;

    /// Starts a dispatcher.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dispatcher`] if the system gives no thread or descriptor for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let dispatcher = interrupt_lock::Dispatcher::new()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn new() -> Result<Self, Error> {
        Self::named(&Name::new("interrupts"))
    }

    pub(crate) fn named(name: &Name) -> Result<Self, Error> {
        let waiter = Waiter::start(name).map_err(|source| dispatcher_error(name, source))?;
        Ok(Self { threads: Arc::new(Threads { waiter, worker: Worker::new() }) })
    }

    /// Starts the worker, if it does not run yet: nothing is started on the way from an ISR to its work item.
    pub(crate) fn need_worker(&self, name: &Name) -> Result<(), Error> {
        self.threads.worker.start(name).map_err(|source| dispatcher_error(name, source))
    }

    /// A place for `object`; `alone` says that these threads serve nobody else.
    pub(crate) fn register<T, W>(
        &self,
        object: Weak<InterruptObject<T, W>>,
        polling: Polling,
        silence: Option<Duration>,
        alone: bool,
    ) -> Box<dyn Dispatch>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let object: Weak<dyn Serve> = object;
        Box::new(Registration {
            wake: Arc::new(self.threads.waiter.slot()),
            work: self.threads.worker.slot(&object),
            object,
            polling,
            silence,
            threads: self.threads.clone(),
            alone,
        })
    }
}

impl Threads {
    fn stop(&self) {
        self.waiter.stop();
        self.worker.stop();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

fn dispatcher_error(name: &Name, error: SourceError) -> Error {
    Error::new(name.clone(), ErrorKind::Dispatcher(error))
}

/// One interrupt's place at its dispatcher.
struct Registration {
    object: Weak<dyn Serve>,
    polling: Polling,
    silence: Option<Duration>,
    wake: Arc<WaiterSlot>,
    work: WorkerSlot,
    threads: Arc<Threads>,
    alone: bool,
}

impl Dispatch for Registration {
    fn arm(&self, source: &mut dyn Source) -> Result<(), SourceError> {
        let waiter = &self.threads.waiter;
        waiter.open(&self.wake, &self.object, self.polling, self.silence);
        #[cfg(unix)]
        {
            if let Ready::Descriptor(descriptor) = source.ready() {
                waiter.watch(Event::Signal(self.wake.number()), descriptor)?;
            }
            if let Some(descriptor) = source.removal_descriptor() {
                waiter.watch(Event::Removal(self.wake.number()), descriptor)?;
            }
        }
        // Without descriptors there is only the waker.
        #[cfg(not(unix))]
        let _ = source;
        Ok(())
    }

    fn disarm(&self) {
        self.threads.waiter.close(&self.wake);
    }

    fn waker(&self) -> Waker {
        Waker::from(self.wake.clone())
    }

    fn schedule(&self) {
        self.work.raise();
    }

    fn schedule_anyway(&self, name: &Name) -> bool {
        let there = self.threads.worker.start(name).is_ok();
        if there {
            self.work.raise();
        }
        there
    }

    fn schedule_end(&self, name: &Name) -> bool {
        let there = self.threads.worker.start(name).is_ok();
        if there {
            self.work.keep();
            self.work.raise();
        }
        there
    }

    fn own_thread(&self) -> Result<placement::ThreadId, SourceError> {
        if self.alone {
            return Ok(self.threads.waiter.thread());
        }
        Err(SourceError::Refused("the thread that serves it is not its own: its dispatcher was given".into()))
    }

    fn ended(&self) {
        // A worker that stops looks at nothing any more.
        self.work.forget();
        if self.alone {
            self.threads.stop();
        }
    }

    fn join(&self) {
        if self.alone {
            self.threads.stop();
            self.threads.waiter.join();
            self.threads.worker.join();
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}
