//! Waits for claims where they meet other rules: a work item that holds the lock, a line that never ceases, wakers that
//! begin and drop listeners, a disable, the end, the cycle of rule I6.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Claims, ErrorKind, Interrupt, InterruptLock, NoWorkItem, Work};
use support::{LONG, asleep, kind, watchdog};

use super::{answering, calls, poll};

/// A work item may wait for its own ISR, but not with the lock held that the ISR needs.
// Caught: a work item that is not asked whether it holds the lock (waits until the watchdog).
#[test]
fn e4_a_work_item_that_holds_the_lock_does_not_wait_for_the_isr() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let (send, errors) = channel();
        let (source, line) = Software::edge();
        let interrupt = Interrupt::builder_sharing(&lock)
            .isr(|_| Claim::Claimed)
            .work_item(move |interrupt| {
                let mut claims = interrupt.claims().unwrap();
                let section = interrupt.acquire_interrupt_lock();
                send.send(claims.wait_for(LONG).unwrap_err()).unwrap();
                drop(section);
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        line.assert();
        let error = support::receive(&errors);
        assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }), "{error}");
        assert!(error.to_string().contains("lock held"), "{error}");
    });
}

/// The ISR claims as often as the thread looks: it gives up all the same.
// Caught: a time limit that is looked at only while nothing claims (never returns).
#[test]
fn a1_a_wait_for_a_condition_gives_up_although_the_line_never_ceases() {
    watchdog(|| {
        let interrupt = answering(|| Claim::Claimed);
        for patience in [Duration::ZERO, Duration::from_millis(5)] {
            let never = |(): &mut ()| {
                interrupt.service(); // the release of the lock runs the ISR
                false
            };
            let error = interrupt.try_acquire_interrupt_lock_when(never, patience).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::ConditionUnmet), "{error}");
        }
        assert!(interrupt.stats().claimed >= 2);
    });
}

/// A waker that begins another listener, which has this waker too.
struct Begins {
    interrupt: Interrupt<(), NoWorkItem>,
    listeners: Mutex<Vec<Claims<'static>>>,
    woken: AtomicUsize,
}

impl Begins {
    fn begin(self: &Arc<Self>) {
        let mut claims = self.interrupt.claims().unwrap();
        assert!(poll(&mut claims, &self.clone().into()).is_pending());
        self.listeners.lock().unwrap().push(claims);
    }
}

impl Wake for Begins {
    fn wake(self: Arc<Self>) {
        if self.woken.fetch_add(1, SeqCst) < 1000 {
            self.begin();
        }
    }
}

/// One claim wakes the listeners that there are, each once, even if each begins another as it is woken.
// Caught: a walk through the places that goes on to those that have come meanwhile.
#[test]
fn a3_a_waker_that_begins_a_listener_is_called_once_for_a_claim() {
    let begins =
        Arc::new(Begins { interrupt: answering(|| Claim::Claimed), listeners: Mutex::default(), woken: 0.into() });
    begins.begin();
    for claims in 1..=3 {
        begins.interrupt.service();
        assert_eq!(begins.woken.load(SeqCst), claims);
    }
    begins.listeners.lock().unwrap().clear();
}

/// A waker drops other listeners: those are not woken, and the others are.
// Caught: a waker that outlasts its listener.
#[test]
fn a3_a_waker_that_drops_listeners_leaves_the_others_alone() {
    let interrupt = answering(|| Claim::Claimed);
    let listeners: Arc<Mutex<Vec<Option<Claims<'static>>>>> = Arc::default();
    let woken = Arc::new(Mutex::new(Vec::new()));
    for number in 0..6 {
        let mut claims = interrupt.claims().unwrap();
        let (listeners_too, woken) = (listeners.clone(), woken.clone());
        let waker = calls(move || {
            woken.lock().unwrap().push(number);
            let gone: Vec<_> = listeners_too.lock().unwrap().iter_mut().skip(2).step_by(2).map(Option::take).collect();
            drop(gone);
        });
        assert!(poll(&mut claims, &waker).is_pending());
        listeners.lock().unwrap().push(Some(claims));
    }
    interrupt.service();
    assert_eq!(*woken.lock().unwrap(), [0, 1, 3, 5]);
    listeners.lock().unwrap().clear();
}

/// A work item waits for its ISR while others disable, fault and end the interrupt: nobody hangs.
// Caught: a disable that tells the listeners after the flush alone (hangs).
#[test]
fn l13_a_work_item_that_waits_ends_with_a_disable_or_the_end() {
    watchdog(|| {
        for how in ["disable", "end", "claims", "fault"] {
            for condition in [false, true] {
                let (source, line) = Software::edge();
                let (begun, has_begun) = channel();
                let interrupt = Interrupt::builder(())
                    .isr(move |_| if how == "fault" { panic!("a fault") } else { Claim::Claimed })
                    .work_item(move |interrupt| {
                        let mut claims = interrupt.claims().unwrap();
                        begun.send(()).unwrap();
                        if condition {
                            let _ = interrupt.try_acquire_interrupt_lock_when(|()| how == "claims", LONG).map(drop);
                        } else {
                            let _ = claims.wait_for(LONG);
                        }
                    })
                    .source(source)
                    .build()
                    .unwrap();
                interrupt.enable().unwrap();
                interrupt.queue_work_item();
                support::receive(&has_begun);
                match how {
                    "disable" => _ = interrupt.disable().unwrap(),
                    "claims" | "fault" => line.assert(),
                    _ => {}
                }
                drop(interrupt);
            }
        }
    });
}

/// Threads sleep while the unmask callback panics: that is a fault, and ends their waits.
// Caught: no tell_listeners in unmask (hangs).
#[test]
fn a4_a_panic_of_the_unmask_callback_ends_the_wait() {
    watchdog(|| {
        for by_hand in [true, false] {
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::ClaimedKeepMasked)
                .work_item(|_| ())
                .on_unmask(|()| -> Work { panic!("no such ring") })
                .without_dispatcher()
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            interrupt.service();
            let object = interrupt.object().clone();
            let waits = asleep("waits", move || {
                let mut claims = object.claims().unwrap();
                kind(&claims.wait_for(LONG)).map(|kind| matches!(kind, ErrorKind::Faulted(_)))
            });
            if by_hand {
                interrupt.unmask();
            } else {
                interrupt.queue_work_item();
                while interrupt.run_work_item() {}
            }
            assert_eq!(waits.join().unwrap(), Some(true));
        }
    });
}

/// A listener is dropped on another thread while claims wake it.
// Caught: the bit cleared with one listener gone.
#[test]
fn a2_listeners_are_dropped_elsewhere() {
    watchdog(|| {
        let interrupt: Arc<Interrupt<(), NoWorkItem>> = Arc::new(answering(|| Claim::Claimed));
        let (send, receive) = channel::<Claims<'static>>();
        let dropper = thread::spawn(move || receive.iter().for_each(drop));
        let mut kept = interrupt.claims().unwrap();
        let mut seen = 0;
        for _ in 0..2000 {
            let mut claims = interrupt.claims().unwrap();
            assert!(poll(&mut claims, &calls(|| ())).is_pending());
            send.send(claims).unwrap();
            let woken = Arc::new(AtomicUsize::new(0));
            let theirs = woken.clone();
            assert!(poll(&mut kept, &calls(move || _ = theirs.fetch_add(1, SeqCst))).is_pending());
            interrupt.service();
            assert_eq!(woken.load(SeqCst), 1);
            seen += kept.wait_for(LONG).unwrap();
        }
        assert_eq!(seen, 2000);
        drop(send);
        dropper.join().unwrap();
    });
}
