//! Callbacks that fork, and go on in the child. In a process of its own each, because a fork copies all of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::Eventfd;
use interrupt_lock::source::{Ready, Source};
use interrupt_lock::{
    Claim, Deferral, Device, ErrorKind, Info, Interrupt, NoWorkItem, SourceError, State, Transition, Trigger,
};
use support::alone::in_a_process_of_its_own;
use support::forks::wait_for;
use support::{kind, watchdog};

/// Kills this child, if it hangs, after so many seconds.
fn patience(seconds: u32) {
    // SAFETY: it only sets a clock.
    unsafe { libc::alarm(seconds) };
}

/// Forks. Returns the child, or nothing in the child.
fn fork() -> Option<i32> {
    // SAFETY: the tests do in the child what a driver may do there.
    match unsafe { libc::fork() } {
        -1 => panic!("fork"),
        0 => None,
        child => Some(child),
    }
}

fn leave() -> ! {
    // SAFETY: it ends the child.
    unsafe { libc::_exit(0) }
}

/// What a source of the parent and its copy in the child are told.
#[derive(Default)]
struct Shared {
    connects: AtomicUsize,
    disconnects: AtomicUsize,
    unmasks: AtomicUsize,
}

/// Memory that a forked child shares.
fn shared_with_children() -> &'static Shared {
    // SAFETY: a new mapping, zeroed, which is a valid `Shared`.
    unsafe {
        let at = libc::mmap(
            core::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(at, libc::MAP_FAILED);
        &*at.cast::<Shared>()
    }
}

/// A level line behind an eventfd, which counts its calls.
struct Watched(Eventfd, &'static Shared);

impl Source for Watched {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Level)
    }
    fn ready(&mut self) -> Ready<'_> {
        self.0.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.1.connects.fetch_add(1, SeqCst);
        self.0.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.1.disconnects.fetch_add(1, SeqCst);
        self.0.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.0.take()
    }
    fn unmask(&mut self) -> Result<(), SourceError> {
        self.1.unmasks.fetch_add(1, SeqCst);
        Ok(())
    }
}

// Caught: a child that takes out what the parent watches.
#[test]
fn i20_an_enable_callback_may_fork_and_fail_in_the_child() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let is_child = Arc::new(AtomicBool::new(false));
            let child = is_child.clone();
            let interrupt = Interrupt::builder(0_u64)
                .isr(|count| {
                    **count += count.assertions();
                    Claim::Claimed
                })
                .on_enable(move |_| match fork() {
                    None => {
                        patience(5);
                        child.store(true, SeqCst);
                        Err("this is the child")
                    }
                    Some(child) => {
                        wait_for(child);
                        Ok(())
                    }
                })
                .source(eventfd)
                .build()
                .unwrap();
            let enabled = interrupt.enable();
            if is_child.load(SeqCst) {
                leave();
            }
            assert_eq!(enabled.unwrap(), Transition::Done);
            device.signal();
            let end = Instant::now() + Duration::from_secs(5);
            while *interrupt.acquire_interrupt_lock() == 0 && Instant::now() < end {
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(*interrupt.acquire_interrupt_lock(), 1, "the parent hears nothing");
        });
    });
}

// Caught: an enable that is done in the child.
#[test]
fn i20_an_enable_whose_callback_has_forked_is_told_so() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let status = Arc::new(AtomicUsize::new(0));
            let (is_child, its_status) = (Arc::new(AtomicBool::new(false)), status.clone());
            let child = is_child.clone();
            let interrupt = Interrupt::<u64, NoWorkItem>::builder(0)
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| match fork() {
                    None => {
                        patience(5);
                        child.store(true, SeqCst);
                    }
                    Some(child) => its_status.store(usize::try_from(wait_for(child)).unwrap(), SeqCst),
                })
                .build()
                .unwrap();
            let enabled = interrupt.enable();
            if is_child.load(SeqCst) {
                let forked = matches!(kind(&enabled), Some(ErrorKind::Forked));
                // SAFETY: it ends the child.
                unsafe { libc::_exit(i32::from(!forked)) };
            }
            enabled.unwrap();
            assert_eq!(status.load(SeqCst), 0, "Ok(Done) for an interrupt that has ended");
        });
    });
}

// Caught: a disable that goes on in the child.
#[test]
fn i20_a_disable_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let is_child = Arc::new(AtomicBool::new(false));
            let child = is_child.clone();
            let interrupt = Interrupt::builder(0_u64)
                .isr(|_| Claim::Claimed)
                .on_disable(move |_| match fork() {
                    None => {
                        patience(5);
                        child.store(true, SeqCst);
                    }
                    Some(child) => _ = wait_for(child),
                })
                .source(eventfd)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let disabled = interrupt.disable();
            if is_child.load(SeqCst) {
                leave();
            }
            assert_eq!(disabled.unwrap(), Transition::Done);
            assert_eq!(interrupt.state(), State::Disabled);
        });
    });
}

// Caught: a flush in the child, which waits for ever.
#[test]
fn i20_a_disable_callback_may_fork_while_a_run_is_queued() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let is_child = Arc::new(AtomicBool::new(false));
            let child = is_child.clone();
            let (tell, status) = mpsc::channel();
            let interrupt = Interrupt::builder(0_u64)
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .on_disable(move |_| match fork() {
                    None => {
                        patience(3);
                        child.store(true, SeqCst);
                    }
                    Some(child) => tell.send(wait_for(child)).unwrap(),
                })
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let _ = interrupt.queue_work_item();
            let disabled = interrupt.disable();
            if is_child.load(SeqCst) {
                leave();
            }
            disabled.unwrap();
            assert_eq!(status.recv().unwrap(), 0, "the child hangs in its disable");
        });
    });
}

// Caught: closures that run in the child, too.
#[test]
fn i20_a_closure_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let told = shared_with_children();
            let is_child = Arc::new(AtomicBool::new(false));
            let interrupt = Interrupt::<u64, NoWorkItem>::builder(0).isr(|_| Claim::Claimed).build().unwrap();
            interrupt.enable().unwrap();
            let guard = interrupt.acquire_interrupt_lock();
            // A release runs 64, an acquisition 64 more. The disable runs the rest.
            for n in 0..200 {
                let is_child = is_child.clone();
                let closure = move |_: &mut u64| match n {
                    150 => match fork() {
                        None => {
                            patience(5);
                            is_child.store(true, SeqCst);
                        }
                        Some(child) => _ = wait_for(child),
                    },
                    _ if is_child.load(SeqCst) => _ = told.disconnects.fetch_add(1, SeqCst),
                    _ => {}
                };
                assert_eq!(interrupt.run_or_defer(closure).unwrap(), Deferral::Deferred);
            }
            drop(guard);
            let disabled = interrupt.disable();
            if is_child.load(SeqCst) {
                leave();
            }
            disabled.unwrap();
            assert_eq!(told.disconnects.load(SeqCst), 0, "closures ran in the child");
        });
    });
}

// Caught: a child that unmasks the line.
#[test]
fn i20_an_isr_may_fork_on_a_level_line() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let told = shared_with_children();
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let (tell, child_of) = mpsc::channel();
            let interrupt = Interrupt::builder(0_u64)
                .isr(move |count| {
                    **count += 1;
                    match fork() {
                        None => patience(5),
                        Some(child) => {
                            // Until the child has gone. This ISR still runs, so the line is masked.
                            wait_for(child);
                            tell.send(told.unmasks.load(SeqCst)).unwrap();
                        }
                    }
                    Claim::Claimed
                })
                .source(Watched(eventfd, told))
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            device.signal();
            assert_eq!(child_of.recv().unwrap(), 0, "unmasked while the ISR runs");
        });
    });
}

// Caught: a child that runs the D0-exit callback.
#[test]
fn i20_a_d0_entry_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let told = shared_with_children();
            let is_child = Arc::new(AtomicBool::new(false));
            let child = is_child.clone();
            let device = Device::builder("nic")
                .on_d0_entry(move || match fork() {
                    None => {
                        patience(5);
                        child.store(true, SeqCst);
                    }
                    Some(child) => _ = wait_for(child),
                })
                .on_d0_exit(move || _ = told.disconnects.fetch_add(1, SeqCst))
                .build();
            let _interrupt =
                Interrupt::<(), NoWorkItem>::builder(()).isr(|_| Claim::Claimed).device(&device).build().unwrap();
            let entered = device.enter_d0();
            if is_child.load(SeqCst) {
                leave();
            }
            entered.unwrap();
            assert_eq!(told.disconnects.load(SeqCst), 0, "the child has taken the parent's device out of D0");
        });
    });
}
