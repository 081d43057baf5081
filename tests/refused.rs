//! Every call of the system that an interrupt's life needs, refused at every use and with every number: the campaign of
//! rule I19. Compiled for `--cfg refused_calls` alone.
//!
//! In each life an interrupt on an eventfd, one on a source that wakes a waker, both with work items, and one beside them
//! with a dispatcher of its own are built, enabled, moved, asserted, disabled, enabled again and dropped. A refusal has to end
//! in an error or a fault that names the call; what was served is counted exactly; the interrupt beside them goes on; once
//! the system refuses nothing any more, a cleared fault and an enable bring the others back. Nothing is left behind.
#![cfg(all(refused_calls, target_os = "linux", feature = "std", not(loom)))]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::refuse::{Plan, refuse_nothing, uses};
use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{
    Affinity, Claim, Dispatcher, Error, ErrorKind, Fault, Interrupt, Policy, Priority, State, WithWorkItem,
};
use libc::{EACCES, EAGAIN, EBADF, EBUSY, EINTR, EINVAL, EIO, EMFILE, ENOENT, ENOMEM, ENOSPC, ENOSYS, EPERM};
use support::{comes, watchdog};

const NUMBERS: [libc::c_int; 13] =
    [EPERM, ENOSYS, EINTR, ENOMEM, EMFILE, EIO, EACCES, EAGAIN, EBADF, EBUSY, EINVAL, ENOENT, ENOSPC];

/// An interrupt of the life, what asserts it, and how often its work item has run.
struct Unit {
    interrupt: Interrupt<u64, WithWorkItem>,
    assert: Box<dyn Fn()>,
    worked: Arc<AtomicU64>,
}

fn eventfd(dispatcher: Option<&Dispatcher>) -> Result<Unit, Error> {
    let eventfd = Eventfd::new()?;
    let device: EventfdSignaller = eventfd.signaller();
    // The device makes calls of its own, which nobody refuses.
    let signal = move || _ = rustix::io::write(&device, &1_u64.to_ne_bytes()).unwrap();
    unit("eventfd", eventfd, Box::new(signal), dispatcher)
}

fn software(dispatcher: Option<&Dispatcher>) -> Result<Unit, Error> {
    let (source, line): (_, EdgeHandle) = Software::edge();
    unit("software", source, Box::new(move || line.assert()), dispatcher)
}

fn unit(
    name: &'static str,
    source: impl interrupt_lock::source::Source + 'static,
    assert: Box<dyn Fn()>,
    dispatcher: Option<&Dispatcher>,
) -> Result<Unit, Error> {
    let worked = Arc::new(AtomicU64::new(0));
    let theirs = worked.clone();
    let builder = Interrupt::builder(0)
        .name(name)
        .isr(|cx| {
            **cx += cx.assertions();
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(move |_| _ = theirs.fetch_add(1, SeqCst))
        .source(source);
    let interrupt = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build()?,
        // What is refused of a policy is in its answer, and fails nothing.
        None => builder.policy(Policy::new().with_affinity(Affinity::All).with_priority(Priority::High)).build()?,
    };
    Ok(Unit { interrupt, assert, worked })
}

impl Unit {
    fn told(&self) -> u64 {
        *self.interrupt.acquire_interrupt_lock()
    }

    /// Asserts once, and waits until the ISR and the work item have run, or until a fault says why not.
    fn asserts(&self) -> bool {
        let (told, worked) = (self.told(), self.worked.load(SeqCst));
        (self.assert)();
        let served = || self.told() > told && self.worked.load(SeqCst) > worked;
        assert!(comes(|| served() || self.interrupt.fault().is_some()), "neither served nor faulted");
        served()
    }
}

/// What has come of a life: a word for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Nothing was noticed: the call has another way, or was not needed.
    Well,
    AnError,
    AFault,
}

/// Checks that an error or a fault names the call.
#[track_caller]
fn names(call: &str, text: &str) {
    assert!(text.contains(call), "{text:?} does not name {call}");
}

fn check(call: &str, error: &Error) -> Came {
    names(call, &format!("{error:#}"));
    match error.kind() {
        ErrorKind::Faulted(_) => Came::AFault,
        _ => Came::AnError,
    }
}

/// One life, in which `plan` is refused. Returns what came of it.
fn life(plan: Plan) -> Came {
    let beside = software(None).unwrap();
    beside.interrupt.enable().unwrap();
    Plan::begin(Some(plan));
    let came = refused_life(plan.call);
    Plan::begin(None);
    // What a refusal of the shared threads has faulted is theirs; the one beside may have been hit by itself.
    let _ = beside.interrupt.clear_fault().unwrap();
    beside.interrupt.enable().unwrap();
    assert!(beside.asserts(), "the one beside: {:?}", beside.interrupt.fault());
    came
}

fn refused_life(call: &str) -> Came {
    let built = Dispatcher::new().and_then(|dispatcher| {
        let units = [eventfd(Some(&dispatcher))?, software(Some(&dispatcher))?, eventfd(None)?, software(None)?];
        Ok(units)
    });
    let units = match built {
        Ok(units) => units,
        Err(error) => return check(call, &error),
    };
    let mut came = Came::Well;
    for _ in 0..2 {
        for unit in &units {
            if let Err(error) = unit.interrupt.enable() {
                came = came.max(check(call, &error));
            }
        }
        for unit in units.iter().filter(|unit| unit.interrupt.state() == State::Enabled) {
            // What is refused of a move is in its answer, too.
            unit.interrupt.move_to(Affinity::OneClose).unwrap();
            for _ in 0..3 {
                if unit.interrupt.fault().is_none() && !unit.asserts() {
                    break;
                }
            }
        }
        for unit in &units {
            if let Err(error) = unit.interrupt.disable() {
                came = came.max(check(call, &error));
            }
            if let Some(fault) = unit.interrupt.fault() {
                let Fault::Source(error) = &fault else { panic!("{fault}") };
                names(call, &format!("{error:#}"));
                came = came.max(Came::AFault);
            }
            assert!(unit.told() >= unit.interrupt.stats().claimed, "an assertion was told less than once");
        }
    }
    // Once the system refuses nothing any more, all come back.
    refuse_nothing();
    for unit in &units {
        let _ = unit.interrupt.clear_fault().unwrap();
        unit.interrupt.enable().unwrap();
        assert!(unit.asserts(), "{:?}", unit.interrupt.fault());
    }
    came
}

fn open() -> (usize, usize) {
    let count = |directory| fs::read_dir(directory).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
fn i19_every_call_refused_at_every_use() {
    watchdog(|| {
        // A life in which nothing is refused tells which calls there are, and how often each is made.
        let nothing = Plan { call: "nothing", from: 1, uses: 0, errno: 0 };
        assert_eq!(life(nothing), Came::Well);
        let before = open();
        Plan::begin(Some(nothing));
        assert_eq!(refused_life("nothing"), Came::Well);
        let made: BTreeMap<_, _> = uses().into_iter().filter(|(_, made)| *made != 0).collect();
        Plan::begin(None);
        println!("{:24} {:>5}  {:>5} {:>5} {:>5}", "call", "uses", "well", "error", "fault");
        for (call, made) in made {
            let mut counts = BTreeMap::new();
            // The first, the second, one in the middle and the last, once; and the first and all that follow.
            let places = [(1, 1), (2, 1), (made / 2 + 1, 1), (made, 1), (1, u64::MAX), (made / 2 + 1, u64::MAX)];
            for (from, uses) in places {
                // `EAGAIN` says that there is nothing to read, or a counter is full and so readable: no refusal.
                let means_nothing = call.contains("read") || call == "write";
                for errno in NUMBERS.into_iter().filter(|&errno| errno != EAGAIN || !means_nothing) {
                    let came = life(Plan { call, from, uses, errno });
                    *counts.entry(came).or_insert(0) += 1;
                    support::step();
                }
            }
            let count = |came| counts.get(&came).copied().unwrap_or(0);
            let (well, error, fault) = (count(Came::Well), count(Came::AnError), count(Came::AFault));
            println!("{call:24} {made:>5}  {well:>5} {error:>5} {fault:>5}");
        }
        let left = || open().0 > before.0 || open().1 > before.1;
        assert!(comes(|| !left()), "{before:?} threads and descriptors have become {:?}", open());
    });
}
