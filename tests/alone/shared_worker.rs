//! The worker that the interrupts of a process share. In a process of its own each, because there is one such worker.

use std::fs;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{
    Claim, Deferral, Device, Dispatcher, Error, ErrorKind, Interrupt, NoWorkItem, State, Transition, WithWorkItem,
};
use support::alone::in_a_process_of_its_own;
use support::forks::{beside, in_a_child};
use support::log::Log;
use support::slot::{OnDrop, Owner, Slot};
use support::{Gate, comes, kind, until, watchdog};

/// Which threads have run a callback, in order.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<Vec<ThreadId>>>);

impl Threads {
    fn note(&self) {
        self.0.lock().unwrap().push(thread::current().id());
    }

    fn all(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().clone()
    }

    fn wait_for(&self, n: usize) {
        until(|| self.all().len() >= n);
    }
}

/// An interrupt on the shared worker, which queues its work item at each assertion.
struct Nic {
    interrupt: Interrupt<(), WithWorkItem>,
    edge: EdgeHandle,
    isr_on: Threads,
    work_on: Threads,
}

impl Nic {
    fn new(dispatcher: Option<&Dispatcher>, mut work: impl FnMut() + Send + 'static) -> Self {
        let (source, edge) = Software::edge();
        let (isr_on, work_on) = (Threads::default(), Threads::default());
        let (isr, works) = (isr_on.clone(), work_on.clone());
        let builder = Interrupt::builder(())
            .name("nic")
            .isr(move |cx| {
                isr.note();
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                works.note();
                work();
            })
            .source(source)
            .shared_worker();
        let interrupt = match dispatcher {
            None => builder.build(),
            Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        };
        let interrupt = interrupt.unwrap();
        interrupt.enable().unwrap();
        Self { interrupt, edge, isr_on, work_on }
    }

    /// Asserts, and waits until the ISR has run.
    fn assert(&self) {
        let before = self.isr_on.all().len();
        self.edge.assert();
        self.isr_on.wait_for(before + 1);
    }
}

/// A busy shared worker: a work item that runs until the gate is open.
fn busy() -> (Nic, Gate) {
    let gate = Gate::new();
    let its_gate = gate.clone();
    let nic = Nic::new(None, move || its_gate.wait());
    nic.assert();
    nic.work_on.wait_for(1);
    (nic, gate)
}

/// The names of the process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end meanwhile.
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

fn shared_workers() -> usize {
    threads().iter().filter(|name| name.trim_end() == "work shared").count()
}

// Caught: a work item that its dispatcher's worker runs all the same; a worker for each interrupt.
#[test]
fn i16_a_slow_work_item_on_the_shared_worker_delays_others_and_no_isr() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let given = Dispatcher::new().unwrap();
            let (slow, gate) = busy();
            let others = [None, Some(&given)].map(|dispatcher| Nic::new(dispatcher, || ()));
            for nic in &others {
                (0..3).for_each(|_| nic.assert());
                // Queued, and not begun.
                assert!(nic.interrupt.is_work_item_queued());
            }
            gate.open();
            others.iter().for_each(|nic| nic.work_on.wait_for(1));
            let worker = slow.work_on.all()[0];
            for nic in others.iter().chain([&slow]) {
                assert!(nic.work_on.all().iter().all(|&thread| thread == worker));
                assert!(!nic.isr_on.all().contains(&worker), "it waits on a source");
            }
        });
    });
}

// Caught: a dispatcher that starts a worker of its own all the same; a shared worker that goes with its first user; one that
// stays while the last user's object is kept.
#[test]
fn i16_the_shared_worker_ends_with_its_last_user() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let before = threads().len();
            for _ in 0..3 {
                let [first, second] = [(); 2].map(|()| Nic::new(None, || ()));
                for nic in [&first, &second] {
                    nic.assert();
                    nic.work_on.wait_for(1);
                }
                assert_eq!((shared_workers(), threads().len()), (1, before + 3), "{:?}", threads());
                let objects = [&first, &second].map(|nic| nic.interrupt.object().clone());
                drop(first);
                second.assert();
                second.work_on.wait_for(2);
                drop(second);
                // The kernel lists a thread for a moment after its end.
                assert!(comes(|| threads().len() == before), "{:?}", threads());
                assert!(objects.iter().all(|object| object.state() == State::Ended));
            }
        });
    });
}

// Caught: a last user that tells nobody to end.
#[test]
fn e6_the_last_user_may_be_dropped_on_the_shared_worker() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let owner = Owner::new();
            let work = owner.clone();
            let nic = Nic::new(None, move || work.drop_handle());
            let (object, edge) = (owner.keep(nic.interrupt), nic.edge);
            edge.assert();
            until(|| object.state() == State::Ended);
            assert!(comes(|| shared_workers() == 0), "{:?}", threads());
            drop(object);
            // Nobody else has the object, so it goes on the worker, too.
            let (owner, log) = (Owner::new(), Log::new());
            let (work, freed) = (owner.clone(), log.clone());
            let freed = OnDrop(move || freed.add("freed"));
            let nic = Nic::new(None, move || {
                let _ = &freed;
                work.drop_handle();
            });
            drop(owner.keep(nic.interrupt));
            nic.edge.assert();
            log.wait_for("freed", 1);
            assert!(comes(|| shared_workers() == 0), "{:?}", threads());
            // One that runs there drops another, whose own work item is queued. It runs on the worker before the end.
            let owner = Owner::new();
            let (_busy, gate) = busy();
            let other = Nic::new(None, || ());
            let work = owner.clone();
            let nic = Nic::new(None, move || work.drop_handle());
            let object = owner.keep(other.interrupt);
            nic.interrupt.queue_work_item();
            object.queue_work_item();
            gate.open();
            until(|| object.state() == State::Ended);
            assert_eq!(other.work_on.all(), nic.work_on.all());
        });
    });
}

/// Each of two work items on the shared worker disables the other's interrupt, while both are queued.
// Caught: a flush that leaves the queued work item to the worker, and so waits for itself.
#[test]
fn w7_work_items_of_the_shared_worker_do_not_wait_for_one_another() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (_busy, gate) = busy();
            let answers = Arc::new(Mutex::new(Vec::new()));
            let slots = [(); 2].map(|()| Slot::new());
            let nics: [Nic; 2] = std::array::from_fn(|n| {
                let (other, answers) = (slots[1 - n].clone(), answers.clone());
                Nic::new(None, move || {
                    let answer: Result<Transition, Error> = Slot::<(), WithWorkItem>::get(&other).disable();
                    answers.lock().unwrap().push(answer);
                })
            });
            for (nic, slot) in nics.iter().zip(&slots) {
                slot.set(&nic.interrupt);
                nic.assert();
            }
            gate.open();
            until(|| answers.lock().unwrap().len() == 2);
            let answers = answers.lock().unwrap();
            // The second runs inside the first's call, and its own call would wait for the first.
            assert!(matches!(kind(&answers[0]), Some(ErrorKind::WouldDeadlock { .. })), "{answers:?}");
            assert_eq!(*answers[1].as_ref().unwrap(), Transition::Done);
            assert_eq!(nics[0].work_on.all(), nics[1].work_on.all());
        });
    });
}

/// Deferred closures that a release has left, and the wake-up of a device.
// Caught: what is left to the worker beside work items, left to the dispatcher's.
#[test]
fn l12_e9_the_shared_worker_does_what_else_is_left_to_a_worker() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            const CLOSURES: usize = 10;
            let reference = Nic::new(None, || ());
            reference.assert();
            reference.work_on.wait_for(1);
            let worker = reference.work_on.all()[0];

            let (slot, ran_on): (Slot<(), NoWorkItem>, _) = (Slot::new(), Threads::default());
            let (source, edge) = Software::edge();
            let (object, ran) = (slot.clone(), ran_on.clone());
            let interrupt = Interrupt::builder(())
                .isr(move |_| {
                    for _ in 0..CLOSURES {
                        let ran = ran.clone();
                        assert_eq!(object.get().run_or_defer(move |()| ran.note()).unwrap(), Deferral::Deferred);
                    }
                    Claim::Claimed
                })
                .source(source)
                .shared_worker()
                .build()
                .unwrap();
            slot.set(&interrupt);
            interrupt.enable().unwrap();
            edge.assert();
            ran_on.wait_for(CLOSURES);
            assert!(ran_on.all()[1..].iter().all(|&thread| thread == worker));

            let entered_on = Threads::default();
            let entered = entered_on.clone();
            let device = Device::builder("button").on_d0_entry(move || entered.note()).build();
            let (source, button) = Software::edge();
            let interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .source(source)
                .device(&device)
                .wake_capable()
                .shared_worker()
                .build()
                .unwrap();
            device.enter_d0().unwrap();
            device.exit_d0().unwrap();
            button.assert();
            entered_on.wait_for(2);
            assert_eq!(entered_on.all()[1], worker);
            until(|| interrupt.state() == State::Enabled);
        });
    });
}

// Caught: a worker that nobody would tell of a queued work item.
#[test]
fn w1_the_shared_worker_needs_a_dispatcher() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let refused = |error: Error| {
                assert!(matches!(error.kind(), ErrorKind::NoDispatcher), "{error}");
                assert_eq!(
                    error.to_string(),
                    "nic: `shared_worker` needs a dispatcher, which an interrupt with a source has by default"
                );
            };
            let nic = || Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).work_item(|_| ()).shared_worker();
            refused(nic().build().map(drop).unwrap_err());
            refused(nic().source(Software::edge().0).without_dispatcher().build().map(drop).unwrap_err());
            // Without a source, but with a dispatcher that was given, the driver queues the work item.
            let interrupt = nic().dispatcher(&Dispatcher::new().unwrap()).build().unwrap();
            interrupt.enable().unwrap();
            interrupt.queue_work_item();
            until(|| interrupt.stats().work_run == 1);
        });
    });
}

// Caught: a drop in the child that ends the parent's worker, or waits for it.
#[test]
fn i20_a_child_has_a_shared_worker_of_its_own() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let log = Log::new();
            let ran = log.clone();
            let mut parents = Some(Nic::new(None, move || ran.add("run")));
            let first = || {
                let nic = Nic::new(None, || ());
                nic.assert();
                nic.work_on.wait_for(1);
            };
            for drops in [false, true] {
                in_a_child(|| {
                    let interrupt = &parents.as_ref().unwrap().interrupt;
                    assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Forked)));
                    if drops {
                        drop(parents.take());
                    }
                    (0..2).for_each(|_| first());
                    drop(parents.take());
                    first();
                });
            }
            let nic = parents.as_ref().unwrap();
            nic.assert();
            log.wait_for("run", 1);
        });
    });
}

/// Of the locks that each process has for itself, that of a distant ancestor is used again.
// Caught: a descendant that takes its ancestor's worker for its own.
#[test]
fn i20_a_distant_descendant_has_a_shared_worker_of_its_own() {
    fn in_a_descendant(generations: u32, body: &dyn Fn()) {
        if generations == 0 { body() } else { in_a_child(|| in_a_descendant(generations - 1, body)) }
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let _ancestors = Nic::new(None, || ());
            for generations in 1..=8 {
                in_a_descendant(generations, &|| {
                    let nic = Nic::new(None, || ());
                    nic.assert();
                    nic.work_on.wait_for(1);
                });
            }
        });
    });
}

// Caught: one lock for parent and child, which a thread of the parent holds for ever: the child's build hangs.
#[test]
fn i20_a_child_starts_a_shared_worker_whatever_others_were_inside_of() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            // The parent starts no thread meanwhile: the standard library has a lock for that.
            let dispatcher = Dispatcher::new().unwrap();
            let _kept = Nic::new(Some(&dispatcher), || ());
            let join = || drop(Nic::new(Some(&dispatcher), || ()));
            beside(join, || (0..100).for_each(|_| in_a_child(|| drop(Nic::new(None, || ())))));
        });
    });
}
