//! Waits for claims where they meet other rules: a work item that holds the lock, a line that never ceases, wakers that
//! begin and drop listeners, a disable, the end, the cycle of rule I6.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Claims, ErrorKind, Interrupt, InterruptLock, NoWorkItem};
use support::{LONG, kind, until, watchdog};

use super::{answering, poll};

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
