//! An io_uring that reads eventfds: the kernel reads a count as soon as there is one, and tells of it in memory that it
//! shares with the program.
//!
//! The kernel reads for the thread that has [opened](Ring::open) the ring, and only while that thread is in
//! [`wait`](Ring::wait): so says `DEFER_TASKRUN`. A count that has been read is in memory when `wait` returns.

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, Ordering::Release};
use core::time::Duration;
use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, cqueue, opcode, squeue};
use rustix::io::Errno;

use crate::system::call::{Call, Failure, INTERRUPTIONS, call, once};

// In tests there is less room, so that few descriptors fill it.
/// How many requests are handed to the kernel at once.
const REQUESTS: u32 = if cfg!(test) { 16 } else { 128 };
/// How many completions fit into the shared memory. The kernel keeps more until there is room (`IORING_FEAT_NODROP`).
const COMPLETIONS: u32 = if cfg!(test) { 32 } else { 1024 };
/// How many counts fit into the shared memory, at most. A read that finds no room ends, and is made anew.
const COUNTS: u16 = if cfg!(test) { 64 } else { 1024 };
/// The group of those, among the ring's groups.
const GROUP: u16 = 0;
/// The key of a request that is no [`Armed`]: to end another one.
const NO_KEY: u64 = u64::MAX;

/// An io_uring that reads eventfds.
pub(crate) struct Ring {
    // Dropped before the memory that it shares.
    ring: IoUring,
    counts: Counts,
    /// What is not handed over yet.
    requests: VecDeque<squeue::Entry>,
    armed: Vec<Option<Armed>>,
    /// Places in `armed` that are free.
    free: Vec<usize>,
    /// The last wait has found something, and may have left more to the next.
    is_busy: bool,
}

/// Names what a ring does with one descriptor, until it has told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(usize);

impl Key {
    /// Keys are small numbers. One is used again after its end.
    pub(crate) fn place(self) -> usize {
        self.0
    }
}

/// What has completed.
pub(crate) enum Completion {
    /// So much was read from an eventfd.
    Count(u64),
    /// A descriptor is readable.
    Readable,
    /// The ring does nothing more under the key: that was asked for, or the system refuses to go on, which the failure says.
    Ended(OwnedFd, Option<Failure>),
}

/// What the ring does with one descriptor, until it ends.
struct Armed {
    file: OwnedFd,
    does: Does,
    /// It is to end.
    ends: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    ReadCounts,
    Watch,
}

impl Ring {
    /// Makes a ring. It does nothing before a thread opens it.
    pub(crate) fn new() -> Result<Self, Failure> {
        let ring = call(Call::UringSetup, || {
            let mut builder = IoUring::builder();
            builder.setup_r_disabled().setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
            builder.setup_submit_all().setup_cqsize(COMPLETIONS).build(REQUESTS).map_err(errno)
        })?;
        let mut probe = Probe::new();
        call(Call::UringRegister, || ring.submitter().register_probe(&mut probe).map_err(errno))?;
        if !probe.is_supported(opcode::ReadMulti::CODE) {
            return Err(Failure::new(Call::UringSetup, Errno::OPNOTSUPP));
        }
        // A ring that is not open yet refuses with another error than a filter.
        match call(Call::UringEnter, || ring.submit().map_err(errno)) {
            Err(Failure { errno: Errno::BADFD, .. }) | Ok(_) => {}
            Err(failure) => return Err(failure),
        }
        let counts = Counts::shared_with(&ring)?;
        Ok(Self { ring, counts, requests: VecDeque::new(), armed: Vec::new(), free: Vec::new(), is_busy: false })
    }

    /// Opens the ring, which belongs to the calling thread from now on.
    pub(crate) fn open(&self) -> Result<(), Failure> {
        call(Call::UringRegister, || self.ring.submitter().register_enable_rings().map_err(errno))
    }

    /// Reads the counts of that eventfd, each as soon as there is one.
    pub(crate) fn read_counts(&mut self, eventfd: OwnedFd) -> Key {
        self.arm(eventfd, Does::ReadCounts)
    }

    /// Tells when that descriptor becomes readable, and once more for each later signal.
    pub(crate) fn watch(&mut self, file: OwnedFd) -> Key {
        self.arm(file, Does::Watch)
    }

    fn arm(&mut self, file: OwnedFd, does: Does) -> Key {
        if does == Does::ReadCounts {
            self.counts.add_reader();
        }
        let armed = Armed { file, does, ends: false };
        let place = self.free.pop().unwrap_or(self.armed.len());
        if place == self.armed.len() {
            self.armed.push(None);
            // So that nothing is allocated when an end is told.
            self.free.reserve(self.armed.len());
        }
        self.requests.push_back(armed.request(place));
        self.armed[place] = Some(armed);
        Key(place)
    }

    /// Ends what the ring does under that key. The kernel reads nothing more under it once the next wait has begun.
    pub(crate) fn end(&mut self, key: Key) {
        if let Some(Some(armed)) = self.armed.get_mut(key.0) {
            armed.ends = true;
            self.requests.push_back(opcode::AsyncCancel::new(key.0 as u64).build().user_data(NO_KEY));
        }
    }

    /// Hands over requests, as many as there is room for.
    fn hand_over(&mut self) {
        let mut queue = self.ring.submission();
        while let Some(request) = self.requests.front() {
            // SAFETY: the descriptor that the request names is open until the request has ended, because `armed` owns it.
            // The memory that it names is the group of `counts`, which outlives the ring.
            if unsafe { queue.push(request) }.is_err() {
                return;
            }
            self.requests.pop_front();
        }
    }

    /// Whether a look would find anything. It needs no call of the system.
    pub(crate) fn has_news(&mut self) -> bool {
        let queue = self.ring.submission();
        let news = !queue.is_empty() || queue.taskrun() || queue.cq_overflow();
        drop(queue);
        news || self.is_busy || !self.ring.completion().is_empty()
    }

    /// Waits until something completes, or for `time`; without one for ever. It may find nothing, and return sooner than
    /// asked for.
    pub(crate) fn wait(&mut self, time: Option<Duration>) -> Result<(), Failure> {
        self.hand_over();
        // All of them, before the kernel reads: an end may be among those for which there was no room.
        while !self.requests.is_empty() {
            match self.submit() {
                // Completions have to be taken first. The next wait hands over the others.
                Err(Failure { errno: Errno::BUSY, .. }) => return Ok(()),
                submitted => submitted?,
            }
            self.hand_over();
        }
        if time == Some(Duration::ZERO) {
            return if self.has_news() { self.enter(0, None) } else { Ok(()) };
        }
        self.enter(1, time)
    }

    /// Has the kernel take the requests that were handed over, and makes room. The kernel reads nothing meanwhile.
    #[cold]
    fn submit(&mut self) -> Result<(), Failure> {
        let requests = self.ring.submission().len() as u32;
        // SAFETY: no argument is given, so none is read.
        let submit = || unsafe { self.ring.submitter().enter::<()>(requests, 0, 0, None) };
        call(Call::UringEnter, || submit().map_err(errno)).map(drop)
    }

    fn enter(&self, completions: usize, time: Option<Duration>) -> Result<(), Failure> {
        let submitter = self.ring.submitter();
        let timespec = time.map(Timespec::from);
        for _ in 0..INTERRUPTIONS {
            let entered = once(Call::UringEnter, || {
                match &timespec {
                    Some(time) => submitter.submit_with_args(completions, &SubmitArgs::new().timespec(time)),
                    None => submitter.submit_and_wait(completions),
                }
                .map_err(errno)
            });
            match entered {
                Err(Failure { errno: Errno::INTR, .. }) if time.is_none() => {}
                // The time is over, or the caller looks at the clock. Or completions have to be taken first.
                Err(Failure { errno: Errno::TIME | Errno::INTR | Errno::BUSY, .. }) => return Ok(()),
                entered => return entered.map(drop),
            }
        }
        Err(Failure::new(Call::UringEnter, Errno::INTR))
    }

    /// Takes what has completed.
    pub(crate) fn completions(&mut self, mut each: impl FnMut(Key, Completion)) {
        let Self { ring, counts, requests, armed, free, is_busy } = self;
        *is_busy = false;
        for entry in ring.completion() {
            *is_busy = true;
            let (result, flags) = (entry.result(), entry.flags());
            // The completion of a request to end another one has no place, and no result.
            let place = entry.user_data() as usize;
            match cqueue::buffer_select(flags).map(|place| counts.take(place)) {
                // Also if it was read before an end that has been asked for.
                Some(count) if result == 8 => each(Key(place), Completion::Count(count)),
                None if result > 0 => each(Key(place), Completion::Readable),
                _ => {}
            }
            if cqueue::more(flags) {
                continue;
            }
            let Some(ended) = armed.get_mut(place) else { continue };
            let errno = Errno::from_raw_os_error(-result.min(-1));
            if let Some(armed) = ended.as_ref().filter(|armed| !armed.ends)
                && (result >= 0 || errno == Errno::NOBUFS)
            {
                requests.push_back(armed.request(place));
            } else if let Some(Armed { file, does, ends }) = ended.take() {
                free.push(place);
                if does == Does::ReadCounts {
                    counts.remove_reader();
                }
                let why = (!ends).then(|| Failure::new(Call::UringEnter, errno));
                each(Key(place), Completion::Ended(file, why));
            }
        }
    }
}

impl Armed {
    fn request(&self, place: usize) -> squeue::Entry {
        let file = Fd(self.file.as_raw_fd());
        match self.does {
            Does::ReadCounts => opcode::ReadMulti::new(file, 0, GROUP).build(),
            Does::Watch => opcode::PollAdd::new(file, libc::POLLIN as u32).multi(true).build(),
        }
        .user_data(place as u64)
    }
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::INVAL)
}

/// The memory into which the kernel reads counts, and the list of the places in it that are free, which the kernel reads.
///
/// There are as many places as readers. With more, the kernel would go on reading one eventfd that is signalled without a
/// pause, and let the caller wait until it has filled them all.
struct Counts {
    counts: Box<[Cell<u64>]>,
    free: NonNull<BufRingEntry>,
    /// The end of that list, which wraps around.
    end: u16,
    /// How many eventfds are read.
    readers: usize,
    /// Places of which the kernel does not know.
    kept: Vec<u16>,
}

// SAFETY: `free` points to memory that it owns, as a box does.
unsafe impl Send for Counts {}

impl Counts {
    /// The list is aligned to a page of the system's, of which 64 KiB is the largest.
    const LAYOUT: Layout = match Layout::from_size_align(COUNTS as usize * size_of::<BufRingEntry>(), 1 << 16) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two"),
    };

    fn shared_with(ring: &IoUring) -> Result<Self, Failure> {
        // SAFETY: the layout's size is not zero.
        let free = NonNull::new(unsafe { alloc_zeroed(Self::LAYOUT) }.cast());
        let free = free.unwrap_or_else(|| handle_alloc_error(Self::LAYOUT));
        let (places, kept) = ((0..COUNTS).map(|_| Cell::new(0)).collect(), (0..COUNTS).collect());
        let counts = Self { counts: places, free, end: 0, readers: 0, kept };
        // SAFETY: the memory is as large as `COUNTS` entries, and outlives the ring: see `Ring`.
        let share = || unsafe {
            ring.submitter().register_buf_ring_with_flags(free.as_ptr().expose_provenance() as u64, COUNTS, GROUP, 0)
        };
        call(Call::UringRegister, || share().map_err(errno))?;
        Ok(counts)
    }

    fn add_reader(&mut self) {
        self.readers += 1;
        if self.places() < self.readers
            && let Some(place) = self.kept.pop()
        {
            self.give(place);
        }
    }

    /// With the next count that is taken there is one place less.
    fn remove_reader(&mut self) {
        self.readers -= 1;
    }

    /// How many places the kernel has or has filled.
    fn places(&self) -> usize {
        self.counts.len() - self.kept.len()
    }

    /// Returns the count at that place, into which the kernel may read again.
    fn take(&mut self, place: u16) -> u64 {
        let count = self.counts[usize::from(place)].get();
        if self.places() > self.readers {
            self.kept.push(place);
        } else {
            self.give(place);
        }
        count
    }

    /// The kernel may read into that place.
    fn give(&mut self, place: u16) {
        let address = self.counts[usize::from(place)].as_ptr().expose_provenance() as u64;
        // SAFETY: the index is below `COUNTS`. The kernel only reads the list, and only while this thread is in a call.
        let entry = unsafe { &mut *self.free.as_ptr().add(usize::from(self.end % COUNTS)) };
        entry.set_addr(address);
        entry.set_len(8);
        entry.set_bid(place);
        self.end = self.end.wrapping_add(1);
        // SAFETY: the list's end is in its first entry, in a field of which `entry` has written nothing.
        let end = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.free.as_ptr()).cast_mut()) };
        // Release: pairs with the kernel's Acquire, which then sees the entry.
        end.store(self.end, Release);
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and nothing uses it any more: the kernel read it only while the
        // thread of the ring waited, and has its own hold of the pages.
        unsafe { dealloc(self.free.as_ptr().cast(), Self::LAYOUT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{duplicate, eventfd, signal, take_count};
    use std::os::fd::AsFd;

    fn open() -> Option<Ring> {
        let ring = Ring::new().ok()?;
        ring.open().unwrap();
        Some(ring)
    }

    /// Waits until the ring has told of so many ends, and returns the sum of the counts.
    fn sum_until(ring: &mut Ring, expected: u64) -> u64 {
        let mut sum = 0;
        while sum < expected {
            ring.wait(None).unwrap();
            ring.completions(|_, completion| match completion {
                Completion::Count(count) => sum += count,
                Completion::Readable => panic!("nothing is watched"),
                Completion::Ended(_, why) => panic!("{why:?}"),
            });
        }
        sum
    }

    // Caught: a read that is not made anew after it found no room: the rest is never read.
    #[test]
    fn i3_a_count_that_finds_no_room_is_read_later() {
        let Some(mut ring) = open() else { return };
        let eventfds: Vec<_> = (0..2 * COUNTS).map(|_| eventfd().unwrap()).collect();
        for eventfd in &eventfds {
            ring.read_counts(duplicate(eventfd.as_fd()).unwrap());
        }
        for round in 1..=2 {
            eventfds.iter().for_each(|eventfd| signal(eventfd).unwrap());
            // The kernel goes on, and nobody takes.
            for _ in 0..eventfds.len() {
                ring.wait(Some(Duration::from_nanos(1))).unwrap();
            }
            assert_eq!(sum_until(&mut ring, eventfds.len() as u64), eventfds.len() as u64, "in round {round}");
        }
    }

    /// How many counts the ring reads while nobody takes them.
    fn reads_ahead(ring: &mut Ring, of: &OwnedFd) -> usize {
        for _ in 0..5 {
            signal(of).unwrap();
            ring.wait(Some(Duration::from_millis(1))).unwrap();
        }
        let (mut counts, mut sum) = (0, 0);
        ring.completions(|_, completion| {
            if let Completion::Count(count) = completion {
                counts += 1;
                sum += count;
            }
        });
        assert_eq!(sum + sum_until(ring, 5 - sum), 5);
        counts
    }

    // Caught: more room than readers: the kernel goes on with one that is signalled without a pause; a reader that keeps its
    // room beyond its end.
    #[test]
    fn i3_no_eventfd_is_read_ahead_for_long() {
        let Some(mut ring) = open() else { return };
        let eventfds = [(); 3].map(|()| eventfd().unwrap());
        let keys = eventfds.each_ref().map(|eventfd| ring.read_counts(duplicate(eventfd.as_fd()).unwrap()));
        assert_eq!(reads_ahead(&mut ring, &eventfds[0]), 3);
        keys[1..].iter().for_each(|&key| ring.end(key));
        for _ in 0..2 {
            // Both are told to have ended.
            ring.wait(Some(Duration::from_millis(1))).unwrap();
            ring.completions(|_, _| ());
        }
        ring.read_counts(duplicate(eventfds[1].as_fd()).unwrap());
        assert_eq!(reads_ahead(&mut ring, &eventfds[0]), 3, "no place was free to take back");
        assert_eq!(reads_ahead(&mut ring, &eventfds[0]), 2);
    }

    // Caught: an end that is not handed over: the ring reads on.
    #[test]
    fn e2_nothing_is_read_after_an_end() {
        let Some(mut ring) = open() else { return };
        let (ended, other) = (eventfd().unwrap(), eventfd().unwrap());
        let key = ring.read_counts(duplicate(ended.as_fd()).unwrap());
        ring.read_counts(duplicate(other.as_fd()).unwrap());
        signal(&ended).unwrap();
        assert_eq!(sum_until(&mut ring, 1), 1);
        ring.end(key);
        signal(&ended).unwrap();
        signal(&other).unwrap();
        let (mut sum, mut has_ended) = (0, false);
        while sum == 0 || !has_ended {
            ring.wait(None).unwrap();
            ring.completions(|of, completion| match completion {
                Completion::Count(count) => {
                    assert_ne!(of, key);
                    sum += count;
                }
                Completion::Readable => panic!("nothing is watched"),
                Completion::Ended(_, why) => has_ended = of == key && why.is_none(),
            });
        }
        assert_eq!(take_count(&ended, true), Ok(1));
    }
}
