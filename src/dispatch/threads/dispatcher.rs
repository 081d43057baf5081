//! The dispatcher: a watcher, a worker, and the registration of each interrupt with both.

use core::fmt;
use core::task::Waker;
use core::time::Duration;
use std::sync::OnceLock;

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
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
use crate::policy::Answer;
use crate::policy::placement;
#[cfg(any(unix, windows))]
use crate::source::Ready;
use crate::source::Source;
use crate::sync;
use crate::sync::PlainMutex;

/// A thread that waits on sources and serves their interrupts, for drivers whose interrupts share one thread.
///
/// By default each interrupt with a source gets a dispatcher of its own, which ends with the interrupt. To let several
/// interrupts share one, create it with [`new`](Self::new) and give it to each
/// [`Builder::dispatcher`](crate::Builder::dispatcher). It ends with the last of these interrupts and the last clone of
/// this handle.
///
/// A second thread, the worker, is started once an interrupt needs it. It runs work items, the deferred closures that a
/// release has left, and wake-ups of devices. An interrupt may use the [worker that the process
/// shares](crate::Builder::shared_worker) instead. A removal that the system asks for gets a thread of its own.
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
    /// They serve one interrupt, and end with it.
    is_own: bool,
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
        Self::start(&Name::new("interrupts"), false, Poller::new)
    }

    /// Starts a dispatcher for the interrupt of that name, and for no other.
    pub(crate) fn own(name: &Name) -> Result<Self, Error> {
        Self::start(name, true, Poller::new)
    }

    fn start(name: &Name, is_own: bool, poller: impl FnOnce() -> Result<Poller, SourceError>) -> Result<Self, Error> {
        let watcher = sync::notice_forks().and_then(|()| Watcher::start(name, poller()?));
        let watcher = watcher.map_err(|source| dispatcher_error(name, source))?;
        Ok(Self { threads: Arc::new(Threads { watcher, worker: Worker::new(), is_own }) })
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

    /// Registers `object` with the two threads.
    pub(crate) fn register<T, W>(&self, object: Weak<InterruptObject<T, W>>, service: Service) -> Box<dyn Dispatch>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let Service { polling, poll_when_silent, works, shared_worker } = service;
        let is_special = polling != Polling::None || poll_when_silent.is_some() || shared_worker.is_some();
        let shared_worker = PlainMutex::new(shared_worker.map(|share| share.0));
        let registration = Registration {
            watcher_slot: Arc::new(self.threads.watcher.slot()),
            worker_slot: OnceLock::new(),
            object,
            threads: self.threads.clone(),
            options: is_special.then(|| Box::new(Options { polling, poll_when_silent, shared_worker })),
        };
        if works {
            registration.worker_slot();
        }
        Box::new(registration)
    }
}

/// How an interrupt is served.
pub(crate) struct Service {
    pub(crate) polling: Polling,
    pub(crate) poll_when_silent: Option<Duration>,
    /// The interrupt has a work item.
    pub(crate) works: bool,
    /// It uses this worker, and not the dispatcher's.
    pub(crate) shared_worker: Option<SharedWorker>,
}

/// A share in the worker of the process, which ends with the last.
pub(crate) struct SharedWorker(Arc<Worker>);

impl SharedWorker {
    /// Returns a share for the interrupt of that name.
    pub(crate) fn join(name: &Name) -> Result<Self, Error> {
        Worker::shared().map(Self).map_err(|source| dispatcher_error(name, source))
    }
}

/// With an io_uring.
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
impl Dispatcher {
    /// Starts a dispatcher that waits with an io_uring, for drivers with many busy interrupts. (Linux on 64-bit processors, with
    /// the feature `io-uring`.)
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
        Self::start(&Name::new("interrupts"), false, Poller::with_io_uring)
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
    watcher_slot: Arc<WatcherSlot>,
    /// Taken while the interrupt is built if it has a work item, so a queueing allocates nothing. Otherwise once something
    /// is left to the worker. In a box, because many interrupts never need one.
    worker_slot: OnceLock<Box<WorkerSlot>>,
    threads: Arc<Threads>,
    /// Most interrupts have none.
    options: Option<Box<Options>>,
}

/// What the driver may have asked for.
struct Options {
    polling: Polling,
    poll_when_silent: Option<Duration>,
    /// The interrupt's share in the worker of the process, until the interrupt ends. Then, of the last, the worker itself.
    shared_worker: PlainMutex<Option<Arc<Worker>>>,
}

impl Registration {
    fn worker_slot(&self) -> &WorkerSlot {
        self.worker_slot.get_or_init(|| {
            let share = self.options.as_ref().map(|options| options.shared_worker.lock());
            let shared = share.as_ref().and_then(|share| share.as_deref());
            Box::new(shared.unwrap_or(&self.threads.worker).slot(&self.object))
        })
    }

    /// Starts the dispatcher's worker, unless it runs. A shared worker does.
    fn has_worker(&self, name: &Name) -> bool {
        let is_shared = self.options.as_ref().is_some_and(|options| options.shared_worker.lock().is_some());
        is_shared || self.threads.worker.start(name).is_ok()
    }

    /// Has the thread wait for the source's descriptor, if it signals by one. `alone`: nothing else ends the thread's waits.
    #[cfg(unix)]
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "only Linux has eventfds"))]
    fn watch_signals(&self, source: &mut dyn Source, alone: bool) -> Result<(), SourceError> {
        let (watcher, number) = (&self.threads.watcher, self.watcher_slot.number());
        #[cfg(target_os = "linux")]
        if let Some(counter) = source.counter() {
            return watcher.poller().watch_counter(number, counter, alone);
        }
        match source.ready() {
            Ready::Descriptor(descriptor) => watcher.watch(Event::Signal(number), descriptor),
            Ready::Waker => Ok(()),
        }
    }
}

impl Options {
    /// Gives up the share in the worker of the process. The last one tells the worker to end, and keeps it for `join`.
    fn leave_shared_worker(&self) {
        let mut share = self.shared_worker.lock();
        let last = share.take().and_then(Arc::into_inner);
        *share = last.map(|worker| {
            worker.stop();
            Arc::new(worker)
        });
    }
}

impl Dispatch for Registration {
    fn arm(&self, source: &mut dyn Source) -> Result<(), SourceError> {
        let watcher = &self.threads.watcher;
        if !watcher.is_here() {
            return Ok(());
        }
        let options = self.options.as_ref();
        let (polling, silence) =
            options.map_or((Polling::None, None), |options| (options.polling, options.poll_when_silent));
        watcher.open(&self.watcher_slot, &self.object, polling, silence);
        #[cfg(unix)]
        {
            let serves_signals_alone = self.threads.is_own && !polling.has_window() && silence.is_none();
            self.watch_signals(source, serves_signals_alone)?;
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

    #[inline]
    fn schedule(&self) {
        self.worker_slot().raise();
    }

    fn schedule_anyway(&self, name: &Name) -> bool {
        let has_worker = self.has_worker(name);
        if has_worker {
            self.worker_slot().raise();
        }
        has_worker
    }

    fn own_thread(&self) -> Result<&placement::ThreadId, SourceError> {
        if self.threads.is_own {
            return Ok(self.threads.watcher.thread());
        }
        Err(SourceError::Refused("the thread that serves it is not its own: its dispatcher was given".into()))
    }

    fn ended(&self) {
        if self.threads.is_own {
            self.threads.stop();
        }
        if let Some(options) = &self.options {
            options.leave_shared_worker();
        }
    }

    fn join(&self) {
        if self.threads.is_own {
            self.threads.stop();
            self.threads.watcher.join();
            self.threads.worker.join();
        }
        let ended = self.options.as_ref().and_then(|options| options.shared_worker.lock().take());
        drop(ended); // waits
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}
