//! What the handles and sources of a set of message vectors share: how many were granted, which are taken, how they are
//! numbered (rule I11).

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::{
    collections::btree_map::{BTreeMap, Entry},
    format,
    os::fd::{AsFd, BorrowedFd},
    string::String,
    sync::Arc,
    vec::Vec,
};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::linux::vfio::reservation::Reservation;
use crate::linux::{eventfd, pci};
use crate::lock::RawInterruptLock;
use crate::source::waitable::Counter;
use crate::system::{Failure, device_failed, refused, vfio};

pub(super) struct VectorSet {
    reservation: Reservation,
    granted: AtomicU32,
    vectors: Mutex<RawInterruptLock, Known>,
}

/// What is known of the vectors.
#[derive(Default)]
struct Known {
    /// Those that have a source, or had to have an eventfd before that.
    signals: BTreeMap<u32, Signal>,
    /// The system's numbers of those that were granted, as far as they are known.
    lines: Vec<Option<u32>>,
}

/// What a vector signals.
struct Signal {
    event: Arc<Counter>,
    taken: bool,
}

// Message numbers are put in and taken out one by one: no panic leaves the set half done.
impl std::panic::RefUnwindSafe for VectorSet {}

impl VectorSet {
    pub(super) fn new(device: Arc<OpenDevice>, mode: Mode, count: u32) -> Result<Self, SourceError> {
        if count == 0 {
            return Err(refused("a set of no vectors was asked for"));
        }
        let reservation = Reservation::new(device, mode)?;
        let granted = allocate(&reservation, count.min(reservation.irqs.count))?;
        let lines = pci::message_vectors(&reservation.device.sysfs);
        let known = Known {
            // The system lists a device's vectors without their messages, but numbers a set in order.
            lines: (0..granted as usize)
                .map(|at| lines.get(at).copied().filter(|_| lines.len() == granted as usize))
                .collect(),
            ..Known::default()
        };
        let vectors = Mutex::from_raw(RawInterruptLock::new(), known);
        Ok(Self { reservation, granted: AtomicU32::new(granted), vectors })
    }

    pub(super) fn device(&self) -> &OpenDevice {
        &self.reservation.device
    }

    pub(super) fn granted(&self) -> u32 {
        self.granted.load(SeqCst)
    }

    /// Returns the system's number of a vector, if it is known.
    pub(super) fn line(&self, vector: u32) -> Option<u32> {
        self.vectors.lock().lines.get(vector as usize).copied().flatten()
    }

    /// Has a vector signal an eventfd, or nothing any more.
    pub(super) fn set_trigger(&self, vector: u32, event: Option<BorrowedFd<'_>>) -> Result<(), Failure> {
        vfio::set_trigger(self.device().device(), self.reservation.index(), vector, event)
    }

    /// Gives a vector to its only source. Returns the eventfd that it signals.
    pub(super) fn take(&self, vector: u32) -> Result<Arc<Counter>, SourceError> {
        let mut known = self.vectors.lock();
        let signal = known.signal(vector)?;
        if signal.taken {
            return Err(refused(format!("its vector {vector} is another source's already")));
        }
        signal.taken = true;
        Ok(signal.event.clone())
    }

    /// Takes a vector back from its source.
    pub(super) fn give_back(&self, vector: u32) {
        self.vectors.lock().signals.remove(&vector);
    }

    /// Adds vectors, one by one, until there are `count` of them, or the device or the system has no more. Returns how many
    /// there are then.
    pub(super) fn grow_to(&self, count: u32) -> Result<u32, SourceError> {
        self.device().check_here()?;
        let wanted = count.min(self.reservation.irqs.count);
        while self.granted() < wanted {
            if !self.reservation.irqs.can_grow {
                return Err(refused(self.why_it_stays()));
            }
            if !self.add(wanted)? {
                break;
            }
        }
        Ok(self.granted())
    }

    fn why_it_stays(&self) -> String {
        let why = match self.reservation.mode {
            Mode::Msix => "this kernel can't add MSI-X vectors to a set that is in use (Linux can since 6.4)",
            _ => "MSI vectors can't be added to a set that is in use",
        };
        format!("{why}: disable its interrupts, drop the set with its sources, and allocate a larger one")
    }

    /// Adds the next vector, unless there are `wanted` by now. Returns `false` if the system has none left.
    fn add(&self, wanted: u32) -> Result<bool, SourceError> {
        let doing = || device_failed("adding a message vector");
        let mut known = self.vectors.lock();
        let next = self.granted();
        if next >= wanted {
            // Another thread has added it.
            return Ok(true);
        }
        // The system allocates a vector as it is connected, and keeps it allocated after that. A message that waits in the
        // device comes at that moment: it is left in the eventfd of the vector's source, which counts it as stale.
        let event = known.signal(next)?.event.clone();
        let before = pci::message_vectors(&self.device().sysfs);
        match self.set_trigger(next, Some(event.as_fd())) {
            Err(failure) if failure.lacks_interrupts() => {
                known.signals.retain(|&vector, signal| vector != next || signal.taken);
                return Ok(false);
            }
            connected => connected.map_err(doing())?,
        }
        self.set_trigger(next, None).map_err(doing())?;
        let mut new = pci::message_vectors(&self.device().sysfs);
        new.retain(|line| !before.contains(line));
        known.lines.push(new.first().copied().filter(|_| new.len() == 1));
        self.granted.store(next + 1, SeqCst);
        Ok(true)
    }
}

impl Known {
    /// What a vector signals, or will signal.
    fn signal(&mut self, vector: u32) -> Result<&mut Signal, SourceError> {
        Ok(match self.signals.entry(vector) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let event = Arc::new(Counter::non_blocking(eventfd::create()?, true));
                place.insert(Signal { event, taken: false })
            }
        })
    }
}

/// Enables `count` vectors, or as many as there are, none of them connected yet. Returns how many.
fn allocate(reservation: &Reservation, mut count: u32) -> Result<u32, SourceError> {
    loop {
        let enabled = vfio::enable_vectors(reservation.device.device(), reservation.index(), count)
            .map_err(device_failed("allocating its message vectors"))?;
        match enabled {
            Ok(()) => return Ok(count),
            Err(fewer) if fewer < count => count = fewer,
            Err(_) => {
                return Err(refused("the system can't say how many message vectors there are"));
            }
        }
    }
}
