//! A pair of barriers of unequal cost, for two threads that each write one word and then read the other's.
//!
//! The thread that must be fast passes the light barrier, the thread that is about to wait passes the heavy one. On
//! Linux, `membarrier` makes every thread of the process pass a barrier at once. With it, the light barrier only binds
//! the compiler, and the heavy one pays for both. Without it, each is a fence.
//!
//! Windows has such a call, too, `FlushProcessWriteBuffers`. Wine 8's does nothing, and this crate has not been run on Windows
//! itself yet. So there each barrier is a fence, as on all other systems.
//!
//! The choice between the two is made once, before the first light barrier that is no fence. If `membarrier` fails
//! later (a seccomp filter was installed), both barriers are fences from then on. At that moment another thread may be
//! passing a light barrier that is no fence, and a wake-up may be lost. So from then on each thread that sleeps looks
//! again now and then.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, compiler_fence, fence};
use std::thread;
use std::time::{Duration, Instant};

/// Light barriers only bind the compiler; heavy ones are `membarrier`. It is zero for [`load_after_light_barrier`].
const UNEQUAL: usize = 0;
/// No choice yet: light barriers are fences.
const UNCHOSEN: usize = 1;
/// Both barriers are fences.
const FENCES: usize = 2;
/// Both barriers are fences, but the choice was `UNEQUAL` before.
const FENCES_SINCE: usize = 3;

/// The choice. Each access is Relaxed: see there.
static CHOICE: AtomicUsize = AtomicUsize::new(UNCHOSEN);

/// The longest sleep after light barriers have become fences.
const RECHECK: Duration = Duration::from_millis(10);

/// The barrier of the thread that must be fast: an owner that acquires or releases.
#[inline(always)]
pub(crate) fn light_barrier() {
    // Relaxed: a thread that reads an old `UNCHOSEN` passes a fence too many. A thread that reads an old `UNEQUAL` is
    // the reason for `recheck`.
    if CHOICE.load(Relaxed) == UNEQUAL {
        compiler_fence(SeqCst);
    } else {
        light_fence();
    }
}

/// Passes a [`light_barrier`], and loads `word` after it. If the barrier is no fence and the word is zero, that is one test.
#[inline(always)]
pub(crate) fn load_after_light_barrier(word: &AtomicUsize) -> usize {
    compiler_fence(SeqCst);
    // Relaxed, both: as in `light_barrier`. The word counts only if no fence is needed before it.
    let (choice, found) = (CHOICE.load(Relaxed), word.load(Relaxed));
    if choice | found == 0 { 0 } else { load_again(word) }
}

#[cold]
fn load_again(word: &AtomicUsize) -> usize {
    light_barrier();
    // Relaxed: the barrier orders it.
    word.load(Relaxed)
}

/// As [`light_barrier`], for a thread whose successful compare-exchange comes right before it.
#[inline(always)]
pub(crate) fn light_barrier_after_exchange() {
    if cfg!(target_arch = "x86_64") || cfg!(target_arch = "x86") {
        // The compare-exchange is a locked instruction, which is a full barrier by itself.
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

/// The barrier of the thread that is about to wait.
///
/// For each light barrier of another thread, one of two things is true afterwards. Either that thread has passed it:
/// then the caller sees what that thread wrote before it. Or that thread has yet to pass it: then it sees afterwards
/// what the caller wrote.
#[cold]
pub(crate) fn heavy_barrier() {
    if choose() == UNEQUAL && !membarrier::all_threads() {
        give_up();
    }
    fence(SeqCst);
}

/// As [`heavy_barrier`], but only against [`light_barrier_after_exchange`]. The caller has written by an exchange.
pub(crate) fn heavy_barrier_for_exchanges() {
    if cfg!(target_arch = "x86_64") || cfg!(target_arch = "x86") {
        // Both exchanges are full barriers by themselves: the other thread's and the caller's.
        compiler_fence(SeqCst);
    } else {
        heavy_barrier();
    }
}

/// Returns the choice. The first call makes it.
fn choose() -> usize {
    // Relaxed: the choice publishes nothing, and the exchange lets only one thread make it.
    let choice = CHOICE.load(Relaxed);
    if choice != UNCHOSEN {
        return choice;
    }
    let mine = if membarrier::register() { UNEQUAL } else { FENCES };
    CHOICE.compare_exchange(UNCHOSEN, mine, Relaxed, Relaxed).map_or_else(|theirs| theirs, |_| mine)
}

/// Makes all barriers fences from now on.
fn give_up() {
    // Relaxed: as in `choose`.
    if CHOICE.compare_exchange(UNEQUAL, FENCES_SINCE, Relaxed, Relaxed).is_ok() {
        // Once in a process. After this, each light barrier that began as no fence is over, and the write before it has
        // reached the other processors: none keeps a write back for long.
        thread::sleep(RECHECK);
    }
}

/// Returns when a thread that goes to sleep now has to look again. `None` if it need not.
pub(super) fn recheck() -> Option<Instant> {
    // Relaxed: a thread whose heavy barrier has just changed the choice reads its own change.
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
use crate::system::membarrier;

#[cfg(not(target_os = "linux"))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn all_threads() -> bool {
        false
    }
}

#[cfg(test)]
mod litmus;
#[cfg(all(test, target_os = "linux"))]
mod tests;
