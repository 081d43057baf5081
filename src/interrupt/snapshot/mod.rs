//! What a stuck driver's watchdog asks of an interrupt: a snapshot that waits for nothing (rule S1).
//!
//! | file | holds |
//! |---|---|
//! | this one | the snapshot, and how an operator reads it |
//! | `take` | how it is taken |

mod take;

use core::fmt;
use core::panic::Location;
use core::time::Duration;

use crate::answer::State;
use crate::fault::{Callback, Fault};
use crate::name::Name;

/// What an interrupt is doing at this moment, for the watchdog of a driver that seems stuck, and for logs: from
/// [`snapshot`](crate::InterruptObject::snapshot).
///
/// It stands for what the debugger extension `!wdfinterrupt` shows. `{}` prints one line for an operator. What is not known is `None`. The parts are read one after the other while the
/// interrupt goes on, so they may be some instructions apart. For an interrupt that is stuck they agree.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
/// interrupt.enable()?;
/// assert_eq!(interrupt.snapshot().to_string(), "edu0: enabled");
///
/// let guard = interrupt.acquire_interrupt_lock();
/// interrupt.service(); // left to the owner of the lock, which is this thread
/// let snapshot = interrupt.snapshot();
/// let owner = snapshot.owner.as_ref().unwrap();
/// assert!(owner.is_caller);
/// assert!(owner.taken_at.unwrap().file().ends_with(".rs"));
/// assert_eq!(snapshot.pending, 1);
/// println!("{snapshot}"); // edu0: enabled; its lock is held by thread 4711 (edu), acquired at …
/// # drop(guard);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The interrupt's name.
    pub name: Name,
    /// Its state.
    pub state: State,
    /// Who holds the interrupt lock; `None` if it is free. A lock that several interrupts share is held for any of them.
    pub owner: Option<Owner>,
    /// Who makes a transition: enable, disable, inactive, active, clearing a fault, the end. `None` if no thread does.
    pub transition: Option<Owner>,
    /// The callback that runs with the interrupt lock held.
    ///
    /// Known for interrupts that are built with [`overdue_after`](crate::Builder::overdue_after), and the ISR also for those
    /// that are [timed](crate::Builder::timed).
    pub callback: Option<Running>,
    /// The work item, if it runs. That is known of every interrupt.
    pub work_item: Option<Running>,
    /// A work item is queued, and its run has not begun.
    pub work_queued: bool,
    /// Assertions that are left to the owner of the lock, which runs the ISR as it releases. Of an interrupt with a source,
    /// the deliveries that are.
    pub pending: u64,
    /// Deliveries that wait for the lock: each is a thread that serves the interrupt. Of a shared lock, those of all its
    /// interrupts.
    pub deliveries_waiting: u64,
    /// Other threads wait for the lock.
    pub threads_waiting: bool,
    /// Something is left to the owner of the lock: a delivery, a deferred closure, a fault, a removal, the end.
    pub left_to_owner: bool,
    /// Assertions that are withheld, because the interrupt is inactive or asleep.
    pub withheld: u64,
    /// It is kept masked until the work item has run, or until the driver unmasks it.
    pub kept_masked: bool,
    /// The system has asked for the device back.
    pub removal_requested: bool,
    /// The fault that has taken it out of service. Also `None` if another thread changes it at this moment: the state is
    /// [`State::Faulted`] all the same.
    pub fault: Option<Fault>,
}

/// The thread that holds a lock: part of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// The thread. `None` if the system doesn't tell: elsewhere than on Linux with glibc, if the thread has ended, or if it
    /// belongs to the process from which this one was forked.
    pub thread: Option<OsThread>,
    /// It is the thread that takes the snapshot.
    pub is_caller: bool,
    /// The line of code that acquired the lock. For a delivery it is one of this crate.
    pub taken_at: Option<&'static Location<'static>>,
}

/// A thread, as the operating system knows it: part of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OsThread {
    /// Its number, as in `/proc` and in a debugger.
    pub id: u32,
    /// Its name, as far as the system keeps it: on Linux the first 15 bytes.
    pub name: Option<Name>,
}

/// A callback that is running: part of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Running {
    /// Which callback.
    pub callback: Callback,
    /// The thread that runs it, as far as it is known (see [`Owner::thread`]).
    pub thread: Option<OsThread>,
    /// For how long it has been running.
    ///
    /// Known for interrupts that are built with [`overdue_after`](crate::Builder::overdue_after); there the time during
    /// which the process was stopped does not count. Known of the ISR, to a millisecond, also if the interrupt is
    /// [timed](crate::Builder::timed). Otherwise nobody reads a clock as a callback begins: to see that an interrupt does not
    /// move, compare the counters of two looks ([`stats`](crate::InterruptObject::stats)).
    pub running_for: Option<Duration>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.state.word())?;
        if let Some(owner) = &self.owner {
            write!(f, "; its lock is held by {owner}")?;
        }
        if let Some(owner) = &self.transition {
            write!(f, "; a transition is made by {owner}")?;
        }
        for running in [&self.callback, &self.work_item].into_iter().flatten() {
            write!(f, "; {running}")?;
        }
        if self.work_queued {
            f.write_str("; a work item is queued")?;
        }
        for (count, what) in [
            (self.pending, "left to the owner of the lock"),
            (self.deliveries_waiting, "waiting for the lock"),
            (self.withheld, "withheld"),
        ] {
            if count != 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        for (is_so, what) in [
            (self.threads_waiting, "threads wait for the lock"),
            (self.left_to_owner && self.pending == 0, "something is left to the owner of the lock"),
            (self.kept_masked, "it is kept masked"),
            (self.removal_requested, "the system asks for the device back"),
        ] {
            if is_so {
                write!(f, "; {what}")?;
            }
        }
        match &self.fault {
            Some(fault) => write!(f, "; {fault:#}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.thread {
            Some(thread) => write!(f, "{thread}"),
            None => f.write_str("a thread"),
        }?;
        if self.is_caller {
            f.write_str(", which asks")?;
        }
        match self.taken_at {
            Some(at) => write!(f, ", acquired at {at}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OsThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.id)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} runs", self.callback)?;
        if let Some(thread) = &self.thread {
            write!(f, " on {thread}")?;
        }
        match self.running_for {
            Some(time) => write!(f, ", for {time:.1?} so far"),
            None => Ok(()),
        }
    }
}
