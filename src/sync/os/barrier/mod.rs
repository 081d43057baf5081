//! A pair of barriers of unequal cost, for two sides that each write one word and then read another.
//!
//! Where the system can have every thread of the process pass a barrier at once (`membarrier` on Linux), the side that
//! must be fast keeps only the compiler in order, and the other pays for both. Elsewhere each pays a fence.
//!
//! Which of the two it is, is chosen once, before the first light barrier that is none. A `membarrier` that fails after
//! that (a seccomp filter that was installed later) switches to fences for good. A light barrier that another thread was
//! passing at that moment may have been none, so from then on nobody sleeps without looking again now and then.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed, Ordering::SeqCst, compiler_fence, fence};
use std::thread;
use std::time::{Duration, Instant};

/// Not chosen yet: light barriers are fences.
const UNCHOSEN: u8 = 0;
/// Both sides are fences.
const FENCES: u8 = 1;
/// Light barriers are none; heavy ones are the system's.
const UNEQUAL: u8 = 2;
/// Both sides are fences, but have not always been.
const FENCES_SINCE: u8 = 3;

/// Relaxed throughout: see each use.
static CHOICE: AtomicU8 = AtomicU8::new(UNCHOSEN);

/// How long a sleep lasts at most once light barriers have changed.
const RECHECK: Duration = Duration::from_millis(10);

/// The barrier of the side that must be fast.
#[inline(always)]
pub(crate) fn light_barrier() {
    // Relaxed: a thread that reads an old `UNCHOSEN` fences once more. One that reads an old `UNEQUAL` is why there are
    // rechecks.
    if CHOICE.load(Relaxed) == UNEQUAL {
        compiler_fence(SeqCst);
    } else {
        light_fence();
    }
}

/// The same, where a successful compare-exchange comes right before it.
#[inline(always)]
pub(crate) fn light_barrier_after_exchange() {
    if cfg!(target_arch = "x86_64") || cfg!(target_arch = "x86") {
        // A locked instruction is a full barrier of the processor's.
        compiler_fence(SeqCst);
    } else {
        light_barrier();
    }
}

#[cold]
fn light_fence() {
    choose();
    fence(SeqCst);
}

/// The barrier of the side that is about to wait. After it, every light barrier of another thread either has passed, and
/// what that thread wrote before it is seen; or is still to come, and what the caller wrote is seen after it.
#[cold]
pub(crate) fn heavy_barrier() {
    if choose() == UNEQUAL && !membarrier::all_threads() {
        give_up();
    }
    fence(SeqCst);
}

/// The same, for who only cares about [`light_barrier_after_exchange`].
pub(crate) fn heavy_barrier_for_exchanges() {
    if cfg!(target_arch = "x86_64") || cfg!(target_arch = "x86") {
        // That is a full barrier without help, and so is the exchange by which the caller has written.
        compiler_fence(SeqCst);
    } else {
        heavy_barrier();
    }
}

/// The choice; makes it if nobody has.
fn choose() -> u8 {
    // Relaxed: the choice publishes nothing, and the exchange lets one choice count.
    let choice = CHOICE.load(Relaxed);
    if choice != UNCHOSEN {
        return choice;
    }
    let mine = if membarrier::register() { UNEQUAL } else { FENCES };
    CHOICE.compare_exchange(UNCHOSEN, mine, Relaxed, Relaxed).map_or_else(|theirs| theirs, |_| mine)
}

/// Fences from now on.
fn give_up() {
    // Relaxed: as in `choose`.
    if CHOICE.compare_exchange(UNEQUAL, FENCES_SINCE, Relaxed, Relaxed).is_ok() {
        // Once in a process. A light barrier that began as none is over after this; its write is not kept back for long.
        thread::sleep(RECHECK);
    }
}

/// When a thread that goes to sleep now has to look again, if it has to.
pub(super) fn recheck() -> Option<Instant> {
    // Relaxed: who has just passed a heavy barrier that changed the choice reads its own change.
    (CHOICE.load(Relaxed) == FENCES_SINCE).then(|| Instant::now() + RECHECK)
}

/// See [`crate::without_membarrier`].
pub(crate) fn without_membarrier() {
    // Relaxed: as in `choose`.
    if CHOICE.compare_exchange(UNCHOSEN, FENCES, Relaxed, Relaxed).is_err() {
        give_up();
    }
}

#[cfg(target_os = "linux")]
mod membarrier {
    use rustix::thread::{MembarrierCommand, membarrier};

    pub(super) fn register() -> bool {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    }

    /// Has every thread of this process pass a barrier.
    pub(super) fn all_threads() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn all_threads() -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
