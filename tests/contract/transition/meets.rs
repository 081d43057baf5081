//! Rules that meet: a fault or a removal that comes while a transition waits for the lock, and what `disable` leaves
//! behind, whatever it returns (E2, I5, I12, I13).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{
    Claim, Deferral, Delivery, ErrorKind, Interrupt, NoWorkItem, Refusal, State, Transition, WithWorkItem,
};
use support::log::Log;
use support::{Gate, asleep, kind, watchdog};

type Logged = Arc<Interrupt<(), NoWorkItem>>;

/// An interrupt without a source, which logs its callbacks.
fn logged(log: &Log, claim: Claim) -> Logged {
    let [isr, enable, disable, removal] = [(); 4].map(|()| log.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            isr.add("isr");
            claim
        })
        .on_enable(move |_| enable.add("enable"))
        .on_disable(move |_| disable.add("disable"))
        .on_removal(move |_| removal.add("removal"))
        .build();
    Arc::new(interrupt.unwrap())
}

/// A fault comes while an enable waits for the lock: the enable sees it. It is never faulted and enabled at once.
// Caught: an enable that looks for a fault before it has the lock.
#[test]
fn i12_a_fault_that_comes_before_an_enable_gets_the_lock() {
    watchdog(|| {
        let log = Log::new();
        let interrupt = logged(&log, Claim::Claimed);
        let held = interrupt.acquire_interrupt_lock();
        assert_eq!(interrupt.run_or_defer(|_| panic!("on purpose")).unwrap(), Deferral::Deferred);
        let enables = asleep("enables", {
            let interrupt = interrupt.clone();
            move || interrupt.enable()
        });
        drop(held);
        let answer = enables.join().unwrap();
        assert!(matches!(kind(&answer), Some(ErrorKind::Faulted(_))), "{answer:?}");
        assert_eq!(interrupt.state(), State::Faulted);
        assert_eq!([interrupt.disable().unwrap(), interrupt.disable().unwrap()], [Transition::Already; 2]);
        assert!(interrupt.clear_fault().unwrap().is_some());
        assert_eq!((interrupt.state(), interrupt.service()), (State::Disabled, Delivery::NotServed));
        assert_eq!(log.take(), [""; 0]);
    });
}

/// The same for a disable: it finds the interrupt out of service, and runs no callback.
// Caught: a disable that decides before it has the lock.
#[test]
fn i12_a_fault_that_comes_before_a_disable_gets_the_lock() {
    watchdog(|| {
        let log = Log::new();
        let interrupt = logged(&log, Claim::Claimed);
        interrupt.enable().unwrap();
        let held = interrupt.acquire_interrupt_lock();
        assert_eq!(interrupt.run_or_defer(|_| panic!("on purpose")).unwrap(), Deferral::Deferred);
        let disables = asleep("disables", {
            let interrupt = interrupt.clone();
            move || interrupt.disable()
        });
        drop(held);
        assert_eq!(disables.join().unwrap().unwrap(), Transition::Already);
        assert_eq!((interrupt.state(), log.take()), (State::Faulted, vec!["enable".to_owned()]));
    });
}

/// The last ISR run of a disable panics: no disable callback runs, and the disable returns the fault.
// Caught: a disable callback of an interrupt that is faulted already; a fault that the answer does not tell.
#[test]
fn i12_a_fault_in_the_last_isr_run_of_a_disable() {
    watchdog(|| {
        let (source, line) = Software::edge();
        let log = Log::new();
        let disable = log.clone();
        let interrupt = Interrupt::builder(())
            .isr(|_| panic!("on purpose"))
            .on_disable(move |_| disable.add("disable"))
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Faulted(_))));
        assert_eq!((interrupt.state(), log.take()), (State::Faulted, vec![]));
    });
}

/// The ISR finds the device gone while a transition waits for the lock. Each transition says so, and the removal callback
/// alone has run.
// Caught: a transition that decides before it has the lock.
#[test]
fn i13_a_removal_that_comes_before_a_transition_gets_the_lock() {
    let transitions: [fn(&Logged) -> bool; 4] = [
        |interrupt| matches!(kind(&interrupt.enable()), Some(ErrorKind::Removed)),
        |interrupt| matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)),
        |interrupt| matches!(kind(&interrupt.report_inactive()), Some(ErrorKind::Removed)),
        |interrupt| interrupt.clear_fault().unwrap().is_none(),
    ];
    for transition in transitions {
        watchdog(move || {
            let log = Log::new();
            let interrupt = logged(&log, Claim::DeviceGone);
            interrupt.enable().unwrap();
            let held = interrupt.acquire_interrupt_lock();
            assert_eq!(interrupt.service(), Delivery::Pending);
            let answers = asleep("transition", {
                let interrupt = interrupt.clone();
                move || transition(&interrupt)
            });
            drop(held);
            assert!(answers.join().unwrap());
            assert_eq!(
                (interrupt.state(), log.take()),
                (State::Removed, ["enable", "isr", "removal"].map(str::to_owned).into())
            );
        });
    }
}

fn with_work(mut work: impl FnMut() + Send + 'static) -> Arc<Interrupt<(), WithWorkItem>> {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::DeviceGone).work_item(move |_| work()).build().unwrap();
    interrupt.enable().unwrap();
    interrupt.queue_work_item();
    Arc::new(interrupt)
}

/// The device is gone, and the work item is queued or runs: `disable` returns the removal after the work item.
// Caught: an error that is returned before the flush.
#[test]
fn i5_a_removed_interrupt_is_flushed() {
    watchdog(|| {
        let ran = Arc::new(AtomicU32::new(0));
        let runs = ran.clone();
        let interrupt = with_work(move || _ = runs.fetch_add(1, SeqCst));
        interrupt.service();
        assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)));
        assert_eq!(ran.load(SeqCst), 1);
        assert_eq!(interrupt.queue_work_item(), interrupt_lock::Queued::Refused(Refusal::Removed));

        let (begun, go) = (Gate::new(), Gate::new());
        let (signal, may_go, runs) = (begun.clone(), go.clone(), ran.clone());
        let interrupt = with_work(move || {
            signal.open();
            may_go.wait();
            runs.fetch_add(1, SeqCst);
        });
        let object = interrupt.clone();
        let worker = thread::spawn(move || object.run_work_item());
        begun.wait();
        interrupt.service();
        let object = interrupt.clone();
        let count = ran.clone();
        let disables = asleep("disables", move || {
            (matches!(kind(&object.disable()), Some(ErrorKind::Removed)), count.load(SeqCst))
        });
        go.open();
        assert_eq!(disables.join().unwrap(), (true, 2));
        worker.join().unwrap();
    });
}

/// Closures that were submitted before a disable have run when it returns, however many there are, and in whatever state
/// the interrupt is.
// Caught: a disable that leaves to the worker what a release has passed on.
#[test]
fn i5_closures_from_before_a_disable_have_run() {
    watchdog(|| {
        for enabled in [true, false] {
            let (source, _line) = Software::edge();
            let interrupt: Arc<Interrupt<u32, NoWorkItem>> =
                Arc::new(Interrupt::builder(0).isr(|_| Claim::Claimed).source(source).build().unwrap());
            if enabled {
                interrupt.enable().unwrap();
            }
            let held = interrupt.acquire_interrupt_lock();
            for _ in 0..500 {
                interrupt.run_or_defer(|count| *count += 1).unwrap();
            }
            let disables = asleep("disables", {
                let interrupt = interrupt.clone();
                move || interrupt.disable().map(|_| *interrupt.acquire_interrupt_lock())
            });
            drop(held);
            assert_eq!(disables.join().unwrap().unwrap(), 500);
        }
    });
}

/// An ISR that arms its device again, as drivers of many network cards do, can't undo the disable callback.
// Caught: an ISR run after the disable callback.
#[test]
fn e2_an_isr_that_arms_its_device_does_not_undo_the_callback() {
    watchdog(|| {
        let (source, line) = Software::edge();
        let interrupt: Interrupt<bool, NoWorkItem> = Interrupt::builder(false)
            .isr(|armed| {
                **armed = true;
                Claim::Claimed
            })
            .on_enable(|armed| *armed = true)
            .on_disable(|armed| *armed = false)
            .source(source)
            .build()
            .unwrap();
        let asserts = thread::spawn({
            let line = line.clone();
            move || {
                for _ in 0..20_000 {
                    line.assert();
                    support::step();
                }
            }
        });
        for _ in 0..300 {
            interrupt.enable().unwrap();
            support::pause();
            interrupt.disable().unwrap();
            assert!(!*interrupt.acquire_interrupt_lock());
        }
        asserts.join().unwrap();
    });
}
