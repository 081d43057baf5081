//! Forked children (rule I20). In a process of its own each, because a fork copies all of it.
//!
//! | file | holds |
//! |---|---|
//! | this one | what a child tries with an interrupt of its parent |
//! | `kernel` | what parent and child share: devices, lines, descriptors |
//! | `busy` | what other threads of the parent were inside of |
//! | `inside` | callbacks that fork, and go on in the child |
//! | `own` | what a child builds itself |
//! | `publisher` | statistics that the parent publishes |

mod busy;
mod inside;
mod kernel;
mod own;
mod publisher;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Weak, mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller, Uio};
use interrupt_lock::simulated::Edu;
use interrupt_lock::source::{EdgeHandle, Ready, Removal, SharedLine, Software, Source};
use interrupt_lock::{
    Affinity, Claim, Deferral, Delivery, Device, Dispatcher, ErrorKind, Info, Interrupt, InterruptLock, NoWorkItem,
    Polling, Queued, RawPiLock, Refusal, Registers, SourceError, State, Transition, WithWorkItem,
};
use lock_api::Mutex;
use support::alone::in_a_process_of_its_own;
use support::forks::{beside, in_a_child, wait_for};
use support::log::Log;
use support::script::Script;
use support::slot::OnDrop;
use support::{Gate, ThreadId, kind, let_it_block, panic_message, until, watchdog};

/// How often callbacks have run, and the source was called, in this process. A child begins with the parent's count, and
/// must not change it.
static CALLBACKS: AtomicUsize = AtomicUsize::new(0);

fn ran() {
    CALLBACKS.fetch_add(1, SeqCst);
}

/// The assertions that the parent has to serve beside.
const ASSERTIONS: u64 = 10_000;

/// What serves the interrupt: a dispatcher of its own, one that it could share, or the driver's own loop.
#[derive(Clone, Copy, Debug)]
enum Served {
    Alone,
    Shared,
    OwnLoop,
}

/// An eventfd that counts its calls.
struct Counted(Eventfd);

impl Source for Counted {
    fn info(&self) -> Info {
        ran();
        self.0.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        ran();
        self.0.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        ran();
        self.0.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        ran();
        self.0.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        ran();
        self.0.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        ran();
        self.0.unmask()
    }

    fn removal(&mut self) -> Option<Removal> {
        ran();
        self.0.removal()
    }
}

struct Nic {
    interrupt: Interrupt<u64, WithWorkItem>,
    device: EventfdSignaller,
    /// While it is shut, the work item runs.
    gate: Gate,
    /// What its ISR owns.
    owned: Weak<()>,
    /// What its work item owns.
    owned_by_work: Weak<()>,
}

impl Nic {
    fn new(served: Served) -> Self {
        let eventfd = Eventfd::new().unwrap();
        let (device, gate) = (eventfd.signaller(), Gate::new());
        let (its_gate, owned, owned_by_work) = (gate.clone(), Arc::new(()), Arc::new(()));
        let ours = [&owned, &owned_by_work].map(Arc::downgrade);
        let builder = Interrupt::builder(0)
            .name("nic")
            .isr(move |count| {
                let _owned = &owned;
                ran();
                **count += count.assertions();
                Claim::Claimed
            })
            .work_item(move |_| {
                let _owned = &owned_by_work;
                ran();
                its_gate.wait();
            })
            .on_enable(|_| ran())
            .on_disable(|_| ran())
            .source(Counted(eventfd));
        let interrupt = match served {
            Served::Alone => builder.build(),
            Served::Shared => builder.dispatcher(&Dispatcher::new().unwrap()).build(),
            Served::OwnLoop => builder.without_dispatcher().build(),
        };
        let [owned, owned_by_work] = ours;
        Self { interrupt: interrupt.unwrap(), device, gate, owned, owned_by_work }
    }
}

/// What a child tries with an interrupt of its parent. Each answers at once, and no callback runs.
fn try_everything(interrupt: &Interrupt<u64, WithWorkItem>, lock_is_free: bool) {
    let before = CALLBACKS.load(SeqCst);
    let forked = |error: Option<&ErrorKind>| assert!(matches!(error, Some(ErrorKind::Forked)), "{error:?}");
    assert_eq!(interrupt.state(), State::Ended);
    forked(kind(&interrupt.check()));
    forked(kind(&interrupt.enable()));
    forked(kind(&interrupt.disable()));
    forked(kind(&interrupt.report_inactive()));
    forked(kind(&interrupt.report_active()));
    forked(kind(&interrupt.clear_fault()));
    forked(kind(&interrupt.move_to(Affinity::All)));
    forked(kind(&interrupt.claims()));
    forked(kind(&interrupt.descriptor()));
    forked(kind(&interrupt.removal_descriptor()));
    forked(kind(&interrupt.run_or_defer(|_| ran())));
    assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Ended));
    assert!(!interrupt.run_work_item());
    assert_eq!(interrupt.service(), Delivery::NotServed);
    if lock_is_free {
        *interrupt.acquire_interrupt_lock() += 1;
        interrupt.synchronize(|count| *count += 1);
        assert!(interrupt.try_acquire_interrupt_lock().is_some());
        interrupt.unmask();
        interrupt.service_removal();
    } else {
        forked(kind(&interrupt.try_acquire_interrupt_lock_for(Duration::from_secs(3600))));
        assert!(interrupt.try_acquire_interrupt_lock().is_none());
        let said = panic_message(|| drop(interrupt.acquire_interrupt_lock()));
        assert!(said.starts_with("nic: it belongs to the process from which this one was forked"), "{said}");
    }
    assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran");
}

/// As `try_everything`, in a grandchild too; and the handle is dropped in each.
fn try_everything_and_drop(nic: &mut Option<Nic>) {
    let try_and_drop = |nic: &mut Option<Nic>| {
        let before = CALLBACKS.load(SeqCst);
        let interrupt = &nic.as_ref().unwrap().interrupt;
        // A thread of the parent may have been inside the lock at the fork. Then the child says so.
        let is_free = interrupt.try_acquire_interrupt_lock().is_some();
        try_everything(interrupt, is_free);
        let owned = nic.as_ref().unwrap().owned.clone();
        drop(nic.take());
        assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran in the drop");
        assert_eq!(owned.upgrade().is_none(), is_free, "what the ISR owns");
    };
    in_a_child(|| try_and_drop(nic));
    try_and_drop(nic);
    // A child may become another program.
    assert!(std::process::Command::new("true").status().unwrap().success());
}

/// Signals beside `forks`, and checks that the parent serves every signal.
fn all_are_served(nic: &mut Option<Nic>, served: Served, forks: impl FnOnce(&mut Option<Nic>)) {
    let device = nic.as_ref().unwrap().device.clone();
    let signals = thread::spawn(move || {
        for n in 0..ASSERTIONS {
            device.signal();
            if n % 64 == 0 {
                thread::yield_now();
            }
        }
    });
    forks(nic);
    signals.join().unwrap();
    let Nic { interrupt, gate, .. } = nic.as_ref().unwrap();
    until(|| {
        if matches!(served, Served::OwnLoop) {
            interrupt.service();
        }
        *interrupt.acquire_interrupt_lock() == ASSERTIONS
    });
    assert_eq!(interrupt.stats().stale, 0);
    gate.open();
    while interrupt.run_work_item() {}
    assert_eq!(interrupt.disable().unwrap(), Transition::Done);
}

/// Runs `test` for each way in which an interrupt is served.
fn for_each_way(test: fn(&mut Option<Nic>, Served)) {
    watchdog(move || {
        for served in [Served::Alone, Served::Shared, Served::OwnLoop] {
            test(&mut Some(Nic::new(served)), served);
        }
    });
}

// Caught: an enable, a delivery, a queueing, a run of the work item in the child; a registration with the parent's epoll
// instance that the drop takes out; a drop that waits for threads that the child does not have, or runs the disable callback.
#[test]
fn i20_a_child_can_do_nothing_with_an_enabled_interrupt() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            nic.as_ref().unwrap().interrupt.enable().unwrap();
            // In a loop of the driver's own, a run is queued at each fork.
            assert_eq!(nic.as_ref().unwrap().interrupt.queue_work_item(), Queued::New);
            nic.as_ref().unwrap().gate.open();
            all_are_served(nic, served, |nic| (0..10).for_each(|_| in_a_child(|| try_everything_and_drop(nic))));
        });
    });
}

// Caught: an enable in the child whose dispatcher is not there.
#[test]
fn i20_a_child_can_do_nothing_before_the_first_enable_either() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            in_a_child(|| try_everything_and_drop(nic));
            nic.as_ref().unwrap().interrupt.enable().unwrap();
            all_are_served(nic, served, |_| ());
        });
    });
}

// Caught: a release in the child that delivers what the parent's dispatcher has left; one that runs a deferred closure; a
// drop inside the section whose end never comes, or comes while the section lasts.
#[test]
fn i20_a_thread_may_fork_in_the_middle_of_a_section() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            let object = nic.as_ref().unwrap().interrupt.object().clone();
            object.enable().unwrap();
            let mut guard = Some(object.acquire_interrupt_lock());
            // A delivery and a closure are left to this thread.
            let deferred = object.run_or_defer(|_| ran()).unwrap();
            assert_eq!(deferred, Deferral::Deferred);
            all_are_served(nic, served, |nic| {
                if !matches!(served, Served::Alone) {
                    assert_eq!(object.service(), Delivery::Pending);
                }
                for drops_inside in [false, true] {
                    in_a_child(|| {
                        let before = CALLBACKS.load(SeqCst);
                        assert_eq!(object.service(), Delivery::NotServed);
                        let said = panic_message(|| drop(object.acquire_interrupt_lock()));
                        assert!(said.contains("already holds the interrupt lock"), "{said}");
                        let owned = nic.as_ref().unwrap().owned.clone();
                        if drops_inside {
                            drop(nic.take());
                        }
                        drop(guard.take());
                        if let Some(nic) = &nic {
                            try_everything(&nic.interrupt, true);
                        }
                        drop(nic.take());
                        assert_eq!(CALLBACKS.load(SeqCst), before, "a callback ran");
                        assert!(owned.upgrade().is_none(), "what the ISR owns");
                    });
                }
                drop(guard.take());
            });
            assert!(CALLBACKS.load(SeqCst) > 0);
        });
    });
}

// Caught: a drop that waits for the work item, or frees it while it runs.
#[test]
fn i20_a_fork_beside_a_busy_worker() {
    in_a_process_of_its_own(|| {
        for_each_way(|nic, served| {
            let object = nic.as_ref().unwrap().interrupt.object().clone();
            object.enable().unwrap();
            assert_eq!(object.queue_work_item(), Queued::New);
            let runs = thread::spawn({
                let object = object.clone();
                move || while matches!(served, Served::OwnLoop) && object.run_work_item() {}
            });
            until(|| object.stats().work_run == 1);
            let owned = nic.as_ref().unwrap().owned_by_work.clone();
            all_are_served(nic, served, |nic| {
                in_a_child(|| {
                    try_everything_and_drop(nic);
                    assert!(owned.upgrade().is_some(), "the run that was under way uses it, in the parent");
                });
            });
            runs.join().unwrap();
        });
    });
}
