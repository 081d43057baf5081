//! A dispatcher's thread that serves one eventfd alone sleeps in its `read`. What that call has taken is not in the eventfd any
//! more, and not yet at the source.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::{Claim, Interrupt, NoWorkItem};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use support::{let_it_block, until, watchdog};

/// An interrupt with a dispatcher of its own, which sums its assertions, what asserts it, and a descriptor of its eventfd.
struct Served {
    interrupt: Interrupt<u64, NoWorkItem>,
    device: EventfdSignaller,
    file: OwnedFd,
}

impl Served {
    fn new() -> Self {
        let source = Eventfd::new().unwrap();
        let (device, file) = (source.signaller(), source.as_fd().try_clone_to_owned().unwrap());
        let interrupt = Interrupt::builder(0)
            .isr(|sum| {
                **sum += sum.assertions();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        Self { interrupt, device, file }
    }

    fn sum(&self) -> u64 {
        *self.interrupt.acquire_interrupt_lock()
    }

    /// Asserts once, which is served.
    #[track_caller]
    fn serves(&self) {
        let before = self.sum();
        self.device.signal();
        until(|| self.sum() == before + 1);
    }

    /// Enables it, and returns once its thread sleeps in `read`: how many assertions that took. (One is enough, unless the
    /// thread comes late from the enable before.)
    fn sleeps(&self) -> u64 {
        self.interrupt.enable().unwrap();
        let mut asserted = 0;
        while !is_blocking(&self.file) {
            self.serves();
            asserted += 1;
        }
        let_it_block();
        asserted
    }

    /// Disables it, and returns how many assertions were delivered or went stale.
    fn all(&self) -> u64 {
        self.interrupt.disable().unwrap();
        // What is left is drained.
        self.interrupt.enable().unwrap();
        self.interrupt.disable().unwrap();
        self.sum() + self.interrupt.stats().stale
    }
}

fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn is_blocking(file: &OwnedFd) -> bool {
    !fcntl_getfl(file).unwrap().contains(OFlags::NONBLOCK)
}

fn make_blocking(file: &OwnedFd, blocking: bool) {
    let mut flags = fcntl_getfl(file).unwrap();
    flags.set(OFlags::NONBLOCK, !blocking);
    fcntl_setfl(file, flags).unwrap();
}

/// Signals from several threads, deliveries by other threads, closures, and disables that meet in every order.
// Caught: rings that count as signals; signals that are forgotten because they came with a late ring.
#[test]
fn i3_each_signal_is_counted_once_however_it_is_taken() {
    const CYCLES: u64 = 300;
    watchdog(|| {
        let served = Served::new();
        let (stop, signalled) = (AtomicBool::new(false), AtomicU64::new(0));
        let again = |act: &dyn Fn()| {
            while !stop.load(SeqCst) {
                act();
            }
        };
        thread::scope(|scope| {
            for pause in [0, 20, 150] {
                let (served, again, signalled) = (&served, &again, &signalled);
                scope.spawn(move || {
                    again(&|| {
                        served.device.signal();
                        signalled.fetch_add(1, SeqCst);
                        thread::sleep(Duration::from_micros(pause));
                    });
                });
            }
            scope.spawn(|| {
                again(&|| {
                    served.interrupt.service();
                    thread::sleep(Duration::from_micros(70));
                });
            });
            scope.spawn(|| {
                again(&|| {
                    let _ = served.interrupt.run_or_defer(|sum| *sum += 0);
                    thread::sleep(Duration::from_micros(110));
                });
            });
            for cycle in 0..CYCLES {
                served.interrupt.enable().unwrap();
                thread::sleep(Duration::from_micros(cycle % 7 * 100));
                served.interrupt.disable().unwrap();
            }
            stop.store(true, SeqCst);
        });
        assert_eq!(served.all(), signalled.load(SeqCst));
        let stats = served.interrupt.stats();
        assert_eq!(stats.delivered + stats.coalesced + stats.stale, signalled.load(SeqCst));
    });
}

/// What was signalled before a disable is delivered by it, though the thread may have read it, and waits for the lock.
// Caught: a last look that does not wait for the end of the read.
#[test]
fn e2_what_a_read_has_taken_is_delivered_by_the_disable() {
    const ROUNDS: u64 = 3_000;
    watchdog(|| {
        let served = Served::new();
        for round in 1..=ROUNDS {
            served.interrupt.enable().unwrap();
            served.serves();
            // The thread goes to sleep in `read`.
            spin(Duration::from_micros(30));
            served.device.signal();
            // The disable comes before it wakes up, after it, or in between.
            spin(Duration::from_nanos(round % 300 * 100));
            served.interrupt.disable().unwrap();
            assert_eq!(served.sum(), 2 * round);
        }
        assert_eq!(served.interrupt.stats().stale, 0);
    });
}

/// Before and after, a `read` of other code finds that there is nothing: the eventfd is as it was made.
// Caught: a disable that leaves the eventfd blocking; one that leaves a ring in it.
#[test]
fn i18_the_eventfd_is_blocking_only_while_it_is_enabled() {
    watchdog(|| {
        let served = Served::new();
        assert!(!is_blocking(&served.file));
        for _ in 0..20 {
            served.sleeps();
            served.interrupt.disable().unwrap();
            assert!(!is_blocking(&served.file));
            assert_eq!(rustix::io::read(&served.file, &mut [0; 8]), Err(rustix::io::Errno::AGAIN));
        }
    });
}

/// The thread goes on with epoll.
// Caught: a read that finds nothing, taken for a refusal; a thread that spins, or that is registered nowhere.
#[test]
fn i18_others_make_the_eventfd_non_blocking_while_a_thread_sleeps_in_it() {
    watchdog(|| {
        let (served, mut asserted) = (Served::new(), 0);
        for _ in 0..10 {
            asserted += served.sleeps();
            make_blocking(&served.file, false);
            for _ in 0..5 {
                served.serves();
                let_it_block();
            }
            asserted += 5;
            served.interrupt.disable().unwrap();
            assert_eq!(served.sum(), asserted);
        }
    });
}

/// Each ring may be taken by others. The disable, the deliveries and the end rings until one has come through.
// Caught: a ring that is made once: the disable never ends; rings that count as signals.
#[test]
fn i18_others_who_read_the_eventfd_hold_up_no_disable() {
    for blocking in [false, true] {
        watchdog(move || {
            let served = Served::new();
            let (stop, stolen) = (AtomicBool::new(false), AtomicU64::new(0));
            let mut signalled = 0;
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(SeqCst) {
                        if blocking && !is_blocking(&served.file) {
                            make_blocking(&served.file, true);
                        }
                        let mut count = [0; 8];
                        if rustix::io::read(&served.file, &mut count) == Ok(8) {
                            // Of a ring, no signal is missing.
                            stolen.fetch_add(u64::from_ne_bytes(count) % (1 << 40), SeqCst);
                        }
                    }
                });
                for _ in 0..20 {
                    served.interrupt.enable().unwrap();
                    for _ in 0..10 {
                        served.device.signal();
                        signalled += 1;
                        served.interrupt.service();
                        thread::yield_now();
                    }
                    served.interrupt.disable().unwrap();
                }
                stop.store(true, SeqCst);
                // It may sleep in its read.
                served.device.signal();
                signalled += 1;
            });
            assert_eq!(served.all() + stolen.load(SeqCst), signalled);
        });
    }
}

/// More signals than the rings are made of.
// Caught: a count that is always taken for rings.
#[test]
fn i3_a_count_beyond_the_rings() {
    watchdog(|| {
        let served = Served::new();
        let most = u64::MAX - 1;
        served.interrupt.enable().unwrap();
        rustix::io::write(&served.file, &most.to_ne_bytes()).unwrap();
        until(|| served.sum() == most);
        *served.interrupt.acquire_interrupt_lock() = 0;
        let_it_block();
        // Into the thread's sleep.
        let many = 1_u64 << 62;
        rustix::io::write(&served.file, &many.to_ne_bytes()).unwrap();
        // What the thread notes is a word.
        until(|| served.sum() == many.min(usize::MAX as u64));
    });
}

/// A driver's own look, beside the dispatcher's thread, which sleeps in the `read`.
// Caught: rings that count as signals.
#[test]
fn i3_a_call_of_service_serves_what_was_signalled_before() {
    watchdog(|| {
        let served = Served::new();
        let before = served.sleeps();
        for round in 1..=300 {
            served.device.signal();
            served.interrupt.service();
            assert_eq!(served.sum(), before + round);
            if round % 10 == 0 {
                let_it_block();
            }
        }
    });
}
