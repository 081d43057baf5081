//! Rule A4: a fault, a removal or the end of the interrupt ends the wait with that error.

use super::*;

/// Waits for claims on a thread of its own, and calls `end` once that thread sleeps, or nearly sleeps.
#[track_caller]
fn ends<T: Send + 'static>(
    interrupt: Interrupt<T, NoWorkItem>,
    end: impl FnOnce(Interrupt<T, NoWorkItem>) -> Option<Interrupt<T, NoWorkItem>> + Send + 'static,
) -> Error {
    watchdog(move || {
        let mut claims = interrupt.claims().unwrap();
        let waiting = Gate::new();
        let listener = thread::spawn({
            let waiting = waiting.clone();
            move || {
                block_on(async {
                    waiting.open();
                    claims.claimed().await.unwrap_err()
                })
            }
        });
        waiting.wait();
        let_it_block();
        let _kept = end(interrupt);
        listener.join().unwrap()
    })
}

// Caught: service() that tells only of claims.
#[test]
fn a4_a_fault_ends_the_wait() {
    let interrupt = answering(|| panic!("no such register"));
    let error = ends(interrupt, |interrupt| {
        interrupt.service();
        Some(interrupt)
    });
    let sentence =
        "edu0: a fault has taken it out of service, until `clear_fault` is called: the ISR panicked: no such register";
    assert_eq!(format!("{error:#}"), sentence);
}

// Caught: no tell_listeners in run_work.
#[test]
fn a4_a_fault_of_the_work_item_ends_the_wait() {
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| -> () { panic!("no queue") }).build().unwrap();
    interrupt.enable().unwrap();
    let mut claims = interrupt.claims().unwrap();
    let woken = Gate::new();
    let waker = calls({
        let woken = woken.clone();
        move || woken.open()
    });
    assert!(poll(&mut claims, &waker).is_pending());
    interrupt.queue_work_item();
    let _ = interrupt.run_work_item();
    assert!(woken.is_open());
    assert!(
        matches!(poll(&mut claims, &waker), Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::Faulted(_)))
    );
}

// Caught: no tell_listeners at the end of a transition.
#[test]
fn a4_a_fault_of_a_transition_ends_the_wait() {
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .on_disable(|_| -> () { panic!("no such clock") })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    let error = ends(interrupt, |interrupt| {
        interrupt.disable().unwrap_err();
        Some(interrupt)
    });
    assert!(matches!(error.kind(), ErrorKind::Faulted(_)));
}

// Caught: no tell_listeners in look_for_removal.
#[test]
fn a4_a_surprise_removal_ends_the_wait() {
    let (interrupt, line) = served();
    let error = ends(interrupt, move |interrupt| {
        line.remove();
        Some(interrupt)
    });
    assert!(matches!(error.kind(), ErrorKind::Removed));
}

/// An executor that polls inside the wake-up itself. So it can't see a later change by luck.
struct AtOnce {
    claims: Mutex<Claims<'static>>,
    said: Sender<Error>,
    /// Called at the next wake-up that brings no error.
    then: Mutex<Box<dyn FnMut() + Send>>,
}

impl Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        let mut claims = self.claims.lock().unwrap();
        match poll(&mut claims, &Waker::from(self.clone())) {
            Poll::Pending => (self.then.lock().unwrap())(),
            Poll::Ready(Ok(claimed)) => panic!("{claimed} claims that nobody made"),
            Poll::Ready(Err(error)) => self.said.send(error).unwrap(),
        }
    }
}

fn error_at_once<T: Send + 'static>(
    interrupt: &Interrupt<T, NoWorkItem>,
    then: impl FnMut() + Send + 'static,
) -> Receiver<Error> {
    let (said, errors) = channel();
    let claims = Mutex::new(interrupt.claims().unwrap());
    let executor = Arc::new(AtOnce { claims, said, then: Mutex::new(Box::new(|| {})) });
    executor.clone().wake();
    *executor.then.lock().unwrap() = Box::new(then);
    errors
}

/// An interrupt without a dispatcher: the test removes the device.
fn unserved() -> (Served, EdgeHandle) {
    let (source, line) = Software::edge();
    let isr = |_: &mut IsrContext<'_, u64, NoWorkItem>| Claim::Claimed;
    let interrupt = Interrupt::builder(0).isr(isr).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    (interrupt, line)
}

// Caught: REMOVED set in do_requested_removal after the transition has ended.
#[test]
fn a4_an_orderly_removal_ends_the_wait() {
    let (interrupt, line) = unserved();
    let errors = error_at_once(&interrupt, || {});
    line.request_removal();
    interrupt.service_removal();
    assert!(matches!(errors.try_recv().unwrap().kind(), ErrorKind::Removed));
}

// Caught: no tell_listeners in do_requested_removal (hangs).
#[test]
fn a4_a_removal_that_the_lock_holds_up_ends_the_wait() {
    watchdog(|| {
        let (interrupt, line) = unserved();
        // Told of the request, and nothing else, the listener has the lock taken from under the orderly removal.
        let (take_it, is_held) = (Gate::new(), Gate::new());
        let errors = error_at_once(&interrupt, {
            let (take_it, is_held) = (take_it.clone(), is_held.clone());
            move || {
                take_it.open();
                is_held.wait();
            }
        });
        thread::scope(|scope| {
            let interrupt = &interrupt;
            scope.spawn(move || {
                take_it.wait();
                let _section = interrupt.acquire_interrupt_lock();
                is_held.open();
                let error = receive(&errors); // told while the lock is held
                assert!(matches!(error.kind(), ErrorKind::Removed));
            });
            line.request_removal();
            interrupt.service_removal();
        });
    });
}

// Caught: no tell_listeners in unmask.
#[test]
fn a4_a_source_that_fails_at_an_unmask_ends_the_wait() {
    let (source, device) = Script::waking(&Log::default());
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::ClaimedKeepMasked).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    device.assert();
    interrupt.service();
    device.fail("unmask", SourceError::Refused("no such line".into()));
    let errors = error_at_once(&interrupt, || {});
    interrupt.unmask();
    assert!(matches!(errors.try_recv().unwrap().kind(), ErrorKind::Faulted(_)));
}

// Caught: no tell_listeners at the end of a transition (run_down's is one).
#[test]
fn a4_the_end_ends_the_wait() {
    let (interrupt, line) = served();
    let error = ends(interrupt, |_dropped| None);
    assert_eq!(error.to_string(), "edu0: the interrupt has ended: its owning handle was dropped");
    drop(line);
    // Also where it is put off to the end of a section.
    let interrupt = answering(|| Claim::Claimed);
    let object = interrupt.object().clone();
    let error = ends(interrupt, move |dropped| {
        let section = object.acquire_interrupt_lock();
        drop(dropped);
        drop(section);
        None
    });
    assert!(matches!(error.kind(), ErrorKind::Ended));
}

// Caught: a disable that ends the wait; a fault that has been cleared told again.
#[test]
fn a4_a_disable_does_not_end_the_wait_and_a_cleared_fault_does_no_more() {
    let mut runs = 0;
    let interrupt = answering(move || {
        runs += 1;
        assert_ne!(runs, 1, "the first run goes wrong");
        Claim::Claimed
    });
    let mut claims = interrupt.claims().unwrap();
    interrupt.disable().unwrap();
    assert!(poll(&mut claims, Waker::noop()).is_pending());
    interrupt.enable().unwrap();
    interrupt.service();
    assert!(
        matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::Faulted(_)))
    );
    interrupt.clear_fault().unwrap();
    assert!(poll(&mut claims, Waker::noop()).is_pending());
    interrupt.enable().unwrap();
    interrupt.service();
    assert!(matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Ok(1))));
}
