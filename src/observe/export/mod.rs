//! Statistics for those outside of the process (rule S4).
//!
//! | file | holds |
//! |---|---|
//! | this one | which interrupts a process lets others see |
//! | `prometheus` | their statistics as text, for Prometheus |
//! | `facade` | the same, for the `metrics` facade |
//! | `publisher` | the text on a Unix socket |

#[cfg(feature = "metrics")]
mod facade;
mod prometheus;
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) mod publisher;

use core::fmt;
use std::string::String;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::error::{Error, ErrorKind};
use crate::lock::RawInterruptLock;
use crate::name::Name;
#[cfg(feature = "metrics")]
use crate::observe::Distributions;
use crate::observe::Stats;
use crate::sync;
use crate::sync::Process;

/// The interrupts whose statistics a process lets others see ([rule S4](crate::guide::contract#s4)): on a Unix socket, as
/// text for Prometheus, through the `metrics` facade.
///
/// A driver [adds](Self::add) each interrupt once. An export keeps no interrupt alive, and an interrupt that has ended goes
/// away from it by itself. Looking at the statistics takes no interrupt lock, so it delays no ISR. Clones are the same
/// export.
///
/// ```
/// use interrupt_lock::{Claim, Export, Interrupt};
///
/// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
/// let export = Export::new();
/// export.add(interrupt.object())?;
/// interrupt.enable()?;
/// interrupt.service();
/// assert!(export.prometheus_text().contains("interrupt_claimed_total{interrupt=\"edu0\"} 1\n"));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct Export(Arc<Shared>);

struct Shared {
    process: Process,
    entries: Mutex<RawInterruptLock, Vec<Arc<Entry>>>,
    /// Held while the facade's share is computed: one at a time.
    #[cfg(feature = "metrics")]
    recording: Mutex<RawInterruptLock, ()>,
}

/// An interrupt of an export.
struct Entry {
    object: Weak<dyn Observed>,
    name: Name,
    /// It has the name of another interrupt that was there before: so many have it now. 1 for the first.
    nth: u32,
    /// What the facade has been told of.
    #[cfg(feature = "metrics")]
    told: Mutex<RawInterruptLock, Option<Distributions>>,
}

/// What an [`Export`] takes: an interrupt. The crate implements it for [`InterruptObject`](crate::InterruptObject).
pub trait Observed: sealed::Sealed + Send + Sync {
    /// Returns what others may see. Takes no interrupt lock.
    #[doc(hidden)]
    fn observe(&self) -> Observation;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What others may see of an interrupt.
#[doc(hidden)]
pub struct Observation {
    pub(crate) name: Name,
    /// Every state there is, in words, and which one it is in.
    pub(crate) states: &'static [&'static str],
    pub(crate) state: &'static str,
    pub(crate) has_ended: bool,
    pub(crate) stats: Stats,
}

/// One interrupt as it is shown.
struct Row {
    seen: Observation,
    entry: Arc<Entry>,
}

impl Export {
    /// Returns an export without interrupts.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Export::new().prometheus_text(), "");
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            process: Process::this(),
            entries: Mutex::from_raw(RawInterruptLock::new(), Vec::new()),
            #[cfg(feature = "metrics")]
            recording: Mutex::from_raw(RawInterruptLock::new(), ()),
        }))
    }

    /// Lets others see an interrupt's statistics, until it ends. An interrupt that is there already is not added again.
    ///
    /// If two interrupts have the same name, the later one is shown with a number beside it. Waits for nothing but another
    /// call on this export.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forked`]: this process was forked from the one that made the export.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Export, Interrupt};
    /// # let [receive, transmit] = [(); 2].map(|()| Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
    /// let export = Export::new();
    /// export.add(receive.object())?;
    /// export.add(transmit.object())?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn add<O: Observed + 'static>(&self, interrupt: &Arc<O>) -> Result<(), Error> {
        let name = interrupt.observe().name;
        if !self.0.process.is_this() {
            return Err(Error::new(name, ErrorKind::Forked));
        }
        // Those that have ended leave their numbers to others.
        drop(self.rows());
        let object: Weak<O> = Arc::downgrade(interrupt);
        let object: Weak<dyn Observed> = object;
        let mut entries = self.0.entries.lock();
        if entries.iter().any(|entry| entry.object.ptr_eq(&object)) {
            return Ok(());
        }
        let is_taken = |nth: &u32| entries.iter().any(|entry| entry.nth == *nth && entry.name == name);
        let nth = (1..=u32::MAX).find(|nth| !is_taken(nth)).unwrap_or(u32::MAX);
        entries.push(Arc::new(Entry {
            object,
            name,
            nth,
            #[cfg(feature = "metrics")]
            told: Mutex::from_raw(RawInterruptLock::new(), None),
        }));
        Ok(())
    }

    /// Returns the statistics as Prometheus reads them: its text exposition format, version 0.0.4.
    ///
    /// For a driver that has a server of its own. `Self::publish` puts the same text on a Unix socket, on Linux.
    ///
    /// Times are in seconds. Histograms have the buckets of [`Distribution::buckets`](crate::Distribution::buckets), added up
    /// as the format wants it, and only for interrupts that are [timed](crate::Builder::timed). In a forked child there are
    /// no interrupts.
    ///
    /// ```
    /// # let export = interrupt_lock::Export::new();
    /// let answer = export.prometheus_text();
    /// let content_type = "text/plain; version=0.0.4; charset=utf-8";
    /// # let _ = (answer, content_type);
    /// ```
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        prometheus::text(&self.rows())
    }

    /// Looks at every interrupt. Forgets those that have ended.
    fn rows(&self) -> Vec<Row> {
        // Perhaps a thread that isn't in this process holds the lock, for ever.
        if !self.0.process.is_this() {
            return Vec::new();
        }
        let entries = self.0.entries.lock().clone();
        let mut rows = Vec::with_capacity(entries.len());
        let mut ended = Vec::new();
        for entry in entries {
            let seen = entry.object.upgrade().map(|object| {
                let seen = object.observe();
                // This may be the last handle to its interrupt.
                sync::free_silently(object);
                seen
            });
            match seen.filter(|seen| !seen.has_ended) {
                Some(seen) => rows.push(Row { seen, entry }),
                None => ended.push(entry),
            }
        }
        if !ended.is_empty() {
            self.0.entries.lock().retain(|entry| !ended.iter().any(|one| Arc::ptr_eq(one, entry)));
        }
        rows
    }
}

impl Default for Export {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Export {
    /// Shows the names of its interrupts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        f.debug_tuple("Export").field(&rows.iter().map(|row| &row.seen.name).collect::<Vec<_>>()).finish()
    }
}
