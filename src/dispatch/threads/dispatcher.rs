//! The dispatcher: a watcher, a worker, and the registration of each interrupt with both.

use core::fmt;
use core::task::Waker;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};

use crate::cause::SourceError;
use crate::dispatch::Polling;
#[cfg(unix)]
use crate::dispatch::threads::poller::Event;
use crate::dispatch::threads::poller::Poller;
use crate::dispatch::threads::watcher::{Watcher, WatcherSlot};
use crate::dispatch::threads::worker::{Worker, WorkerSlot};
use crate::error::{Error, ErrorKind};
use crate::interrupt::InterruptObject;
use crate::interrupt::attached::Dispatch;
use crate::interrupt::serve::Serve;
use crate::name::Name;
#[cfg(all(target_os = "linux", feature = "io-uring"))]
use crate::policy::Answer;
use crate::policy::placement;
#[cfg(any(unix, windows))]
use crate::source::Ready;
use crate::source::Source;
use crate::sync;

/// A thread that waits on sources and serves their interrupts, for drivers whose interrupts share one thread.
///
/// By default each interrupt with a source gets a dispatcher of its own, which ends with the interrupt. To let several
/// interrupts share one, create it with [`new`](Self::new) and give it to each
/// [`Builder::dispatcher`](crate::Builder::dispatcher). It ends with the last of these interrupts and the last clone of
/// this handle.
///
/// A second thread, the worker, is started once an interrupt needs it. It runs work items, the deferred closures that a
/// release has left, and wake-ups of devices. A removal that the system asks for gets a thread of its own.
///
/// The thread has the interrupt's name, or "interrupts" if it is shared; the worker's name begins with "work". On Linux
/// both block every signal, so signals reach the program's own threads, and inherit the processors and the scheduling of the
/// thread that starts them ([rule I21](crate::guide::contract#i21)), unless a [`Policy`](crate::Policy) asks for others.
///
/// A slow ISR delays the other interrupts of the same dispatcher, and no others ([rule
/// I16](crate::guide::contract#i16)).
///
/// ```
/// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::Software};
///
/// let dispatcher = Dispatcher::new()?;
/// let (source, line) = Software::edge();
/// let interrupt = Interrupt::builder(())
///     .isr(|_| Claim::Claimed)
///     .source(source)
///     .dispatcher(&dispatcher)
///     .build()?;
/// interrupt.enable()?;
/// line.assert(); // the dispatcher's thread runs the ISR
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct Dispatcher {
    threads: Arc<Threads>,
}

/// The two threads, shared by the clones of the handle and the registrations.
struct Threads {
    watcher: Watcher,
    worker: Worker,
}

impl Dispatcher {
    /// Whether an interrupt with a source can get a dispatcher of its own.
    pub(crate) const EXISTS: bool = true;

    /// Starts a dispatcher that several interrupts may share.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dispatcher`] if the system refuses a thread or a descriptor.
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

    /// Starts a dispatcher whose threads have that name.
    pub(crate) fn named(name: &Name) -> Result<Self, Error> {
        Self::waiting_with(name, Poller::new)
    }

    fn waiting_with(name: &Name, poller: impl FnOnce() -> Result<Poller, SourceError>) -> Result<Self, Error> {
        let watcher = sync::notice_forks().and_then(|()| Watcher::start(name, poller()?));
        let watcher = watcher.map_err(|source| dispatcher_error(name, source))?;
        Ok(Self { threads: Arc::new(Threads { watcher, worker: Worker::new() }) })
    }

    /// Whether its threads are in this process: it was not made before a fork.
    pub(crate) fn is_here(&self) -> bool {
        self.threads.watcher.is_here()
    }

    /// Starts the worker, unless it runs. This happens when an interrupt is built, so no thread has to be started
    /// between an ISR and its work item.
    pub(crate) fn need_worker(&self, name: &Name) -> Result<(), Error> {
        self.threads.worker.start(name).map_err(|source| dispatcher_error(name, source))
    }

    /// Registers `object` with the two threads. `is_own` says that they serve no other interrupt.
    pub(crate) fn register<T, W>(
        &self,
        object: Weak<InterruptObject<T, W>>,
        polling: Polling,
        poll_when_silent: Option<Duration>,
        is_own: bool,
    ) -> Box<dyn Dispatch>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let object: Weak<dyn Serve> = object;
        Box::new(Registration {
            watcher_slot: Arc::new(self.threads.watcher.slot()),
            worker_slot: self.threads.worker.slot(&object),
            object,
            polling,
            poll_when_silent,
            threads: self.threads.clone(),
            is_own,
        })
    }
}

/// With an io_uring.
#[cfg(all(target_os = "linux", feature = "io-uring"))]
impl Dispatcher {
    /// Starts a dispatcher that waits with an io_uring, for drivers with many busy interrupts.
    ///
    /// For each interrupt whose source is an [`Eventfd`](crate::linux::Eventfd) or a VFIO vector, the kernel reads the
    /// eventfd as soon as it is signalled, and many of them in one call. So a delivery needs no call of the system of its
    /// own. All other sources are waited for as by [`new`](Self::new), and gain nothing.
    ///
    /// It is a wish. If the system refuses an io_uring, the dispatcher waits with epoll as any other, and
    /// [`io_uring`](Self::io_uring) returns why. That is so:
    ///
    /// - before Linux 6.7;
    /// - where a filter (seccomp, as in many containers) or the setting `kernel.io_uring_disabled` forbids it.
    ///
    /// A filter that comes later, and refuses the calls of an io_uring, faults the dispatcher's interrupts, as one does that
    /// refuses epoll's ([rule I19](crate::guide::contract#i19)).
    ///
    /// What differs from a dispatcher with epoll:
    ///
    /// - it has four descriptors more, and 50 KiB of memory that it shares with the kernel. The kernel keeps about half a KiB
    ///   for each eventfd that it reads;
    /// - a disable ends the dispatcher's wait, and waits until its thread has noted what the kernel has read. So does a call
    ///   of [`service`](crate::InterruptObject::service) by another thread. On that way the thread runs no callback and takes
    ///   no interrupt lock;
    /// - an eventfd may show nothing to other code although an assertion has yet to be delivered: the kernel has read it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dispatcher`] if the system refuses a thread or a descriptor.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Answer, Claim, Dispatcher, Interrupt, linux::Eventfd};
    ///
    /// let dispatcher = Dispatcher::with_io_uring()?;
    /// if let Answer::Refused(why) = dispatcher.io_uring() {
    ///     println!("waiting with epoll: {why:#}");
    /// }
    /// let mut queues = Vec::new();
    /// for number in 0..32 {
    ///     let queue = Interrupt::builder(number)
    ///         .isr(|_| Claim::Claimed)
    ///         .source(Eventfd::new()?)
    ///         .dispatcher(&dispatcher)
    ///         .build()?;
    ///     queue.enable()?;
    ///     queues.push(queue);
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "io_uring")]
    pub fn with_io_uring() -> Result<Self, Error> {
        Self::waiting_with(&Name::new("interrupts"), Poller::with_io_uring)
    }

    /// Returns what became of the wish for an io_uring: [`Answer::Taken`], or [`Answer::Refused`] with the reason. For a
    /// dispatcher that was started otherwise it is [`Answer::NotAsked`]. Never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Answer, Dispatcher};
    ///
    /// assert_eq!(Dispatcher::new()?.io_uring(), Answer::NotAsked);
    /// assert_ne!(Dispatcher::with_io_uring()?.io_uring(), Answer::NotAsked);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn io_uring(&self) -> Answer {
        self.threads.watcher.poller().io_uring()
    }
}

impl Threads {
    fn stop(&self) {
        self.watcher.stop();
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

/// What connects one interrupt to its dispatcher.
struct Registration {
    object: Weak<dyn Serve>,
    polling: Polling,
    poll_when_silent: Option<Duration>,
    watcher_slot: Arc<WatcherSlot>,
    worker_slot: WorkerSlot,
    threads: Arc<Threads>,
    /// The threads serve no other interrupt.
    is_own: bool,
}

impl Registration {
    /// Waits for the source's descriptor, if it signals by one.
    #[cfg(unix)]
    fn watch_signals(&self, source: &mut dyn Source) -> Result<(), SourceError> {
        let (watcher, number) = (&self.threads.watcher, self.watcher_slot.number());
        #[cfg(all(target_os = "linux", feature = "io-uring"))]
        if let Some(read_ahead) = source.read_ahead()
            && let Ready::Descriptor(eventfd) = source.ready()
        {
            return watcher.poller().watch_or_read(number, eventfd, read_ahead);
        }
        match source.ready() {
            Ready::Descriptor(descriptor) => watcher.watch(Event::Signal(number), descriptor),
            Ready::Waker => Ok(()),
        }
    }
}

impl Dispatch for Registration {
    fn arm(&self, source: &mut dyn Source) -> Result<(), SourceError> {
        let watcher = &self.threads.watcher;
        if !watcher.is_here() {
            return Ok(());
        }
        watcher.open(&self.watcher_slot, &self.object, self.polling, self.poll_when_silent);
        #[cfg(unix)]
        {
            self.watch_signals(source)?;
            if let Some(descriptor) = source.removal_descriptor() {
                watcher.watch(Event::Removal(self.watcher_slot.number()), descriptor)?;
            }
        }
        #[cfg(windows)]
        if let Ready::Event(event) = source.ready() {
            watcher.watch(self.watcher_slot.number(), event, self.waker())?;
        }
        // Elsewhere sources only wake the waker.
        #[cfg(not(any(unix, windows)))]
        let _ = source;
        Ok(())
    }

    fn disarm(&self) -> Result<(), SourceError> {
        // A forked child leaves the parent's sources watched.
        if self.threads.watcher.is_here() { self.threads.watcher.close(&self.watcher_slot) } else { Ok(()) }
    }

    fn waker(&self) -> Waker {
        Waker::from(self.watcher_slot.clone())
    }

    fn schedule(&self) {
        self.worker_slot.raise();
    }

    fn schedule_anyway(&self, name: &Name) -> bool {
        let has_worker = self.threads.worker.start(name).is_ok();
        if has_worker {
            self.worker_slot.raise();
        }
        has_worker
    }

    fn own_thread(&self) -> Result<&placement::ThreadId, SourceError> {
        if self.is_own {
            return Ok(self.threads.watcher.thread());
        }
        Err(SourceError::Refused("the thread that serves it is not its own: its dispatcher was given".into()))
    }

    fn ended(&self) {
        if self.is_own {
            self.threads.stop();
        }
    }

    fn join(&self) {
        if self.is_own {
            self.threads.stop();
            self.threads.watcher.join();
            self.threads.worker.join();
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}
