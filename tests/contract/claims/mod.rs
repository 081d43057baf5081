//! Waiting for claims (section A): from async code, on an executor of the test's own and on tokio's, and on threads.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{
    Callback, Claim, Claims, Error, ErrorKind, Fault, Info, Interrupt, InterruptObject, IsrContext, NoWorkItem,
    SourceError, State,
};
use support::log::Log;
use support::script::Script;
use support::{Gate, kind, let_it_block, receive, step, watchdog};

/// What ends a wait.
mod ends;
/// Waits that meet other rules.
mod meets;
/// Threads that wait.
mod threads;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest possible executor: the thread parks until the waker unparks it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

/// Tokio's executor.
fn tokio<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Polls the listener once.
fn poll(claims: &mut Claims<'_>, waker: &Waker) -> Poll<Result<u64, Error>> {
    pin!(claims.claimed()).poll(&mut Context::from_waker(waker))
}

/// A waker that calls a closure.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn calls(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls(f)))
}

type Served = Interrupt<u64, NoWorkItem>;

/// An interrupt that claims every assertion, with a dispatcher.
fn served() -> (Served, EdgeHandle) {
    let (source, line) = Software::edge();
    let interrupt = Interrupt::builder(0)
        .name("edu0")
        .isr(|count| {
            **count += 1;
            Claim::Claimed
        })
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, line)
}

/// An interrupt whose ISR is the test's closure. The test calls `service`.
fn answering(answer: impl FnMut() -> Claim + Send + 'static) -> Interrupt<(), NoWorkItem> {
    let mut answer = answer;
    let interrupt = Interrupt::builder(()).name("edu0").isr(move |_| answer()).build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

async fn hear(claims: &mut Claims<'_>, wanted: u64) -> Result<u64, Error> {
    let mut seen = 0;
    while seen < wanted {
        seen += claims.claimed().await?;
    }
    Ok(seen)
}

// Caught: service() that does not tell the listener (hangs); the total instead of the difference.
#[test]
fn a1_claims_are_yielded_as_they_come_on_two_executors() {
    watchdog(|| {
        let (interrupt, line) = served();
        let mut claims = interrupt.claims().unwrap();
        line.assert();
        assert_eq!(block_on(claims.claimed()).unwrap(), 1);
        line.assert();
        assert_eq!(tokio(claims.claimed()).unwrap(), 1);
        // It is asleep by then, or nearly.
        let device = thread::spawn(move || {
            for _ in 0..100 {
                line.assert();
            }
        });
        device.join().unwrap();
        interrupt.disable().unwrap();
        let ran = *interrupt.acquire_interrupt_lock() - 2;
        assert_eq!(tokio(hear(&mut claims, ran)).unwrap(), ran);
    });
}

// Caught: as above, and a waker that the task's migration leaves behind (a waker only set where there is none).
#[test]
fn a1_a_task_among_others_is_woken() {
    watchdog(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (interrupt, line) = served();
            let mut claims = interrupt.claims().unwrap();
            // One poll elsewhere first, whose waker is not the task's.
            assert!(poll(&mut claims, Waker::noop()).is_pending());
            let listener = tokio::spawn(async move { hear(&mut claims, 3).await });
            for claimed in 0..3 {
                line.assert();
                while interrupt.stats().claimed == claimed {
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(listener.await.unwrap().unwrap(), 3);
        });
    });
}

// Caught: a listener that counts from zero; one that sees what wasn't claimed.
#[test]
fn a1_it_counts_claims_from_its_own_beginning() {
    let mut answers = [Claim::Claimed, Claim::Unclaimed, Claim::ClaimedKeepMasked, Claim::Claimed].into_iter();
    let interrupt = answering(move || answers.next().unwrap());
    interrupt.service();
    let mut claims = interrupt.claims().unwrap();
    assert!(poll(&mut claims, Waker::noop()).is_pending());
    interrupt.service();
    assert!(poll(&mut claims, Waker::noop()).is_pending());
    interrupt.service();
    interrupt.service();
    assert!(matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Ok(2))));
    assert!(poll(&mut claims, Waker::noop()).is_pending());
}

/// Each of many listeners sees every claim since it began, whichever of the others come and go.
// Caught: one place for all; only the first place woken; the bit cleared with one listener gone; a place that is given
// twice; the waker of a listener that has gone left in its place; a listener that begins without the lock.
#[test]
fn a1_any_number_of_listeners_see_every_claim() {
    let interrupt = answering(|| Claim::Claimed);
    let woken: Vec<_> = (0..100).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let wakers = woken.iter().map(|woken| {
        let woken = woken.clone();
        calls(move || _ = woken.fetch_add(1, Relaxed))
    });
    let mut listeners: Vec<_> = wakers.map(|waker| (interrupt.claims().unwrap(), waker)).collect();
    for (claims, waker) in &mut listeners {
        assert!(poll(claims, waker).is_pending());
    }
    // Every other one goes.
    let (mut stay, mut count) = (Vec::new(), 0);
    for listener in listeners {
        count += 1;
        if count % 2 == 0 {
            stay.push(listener);
        }
    }
    interrupt.service();
    for (number, woken) in woken.iter().enumerate() {
        assert_eq!(woken.load(Relaxed), number % 2, "listener {number}");
    }
    for (claims, waker) in &mut stay {
        assert!(matches!(poll(claims, waker), Poll::Ready(Ok(1))));
    }
    // In the places of some that have gone, none of their claims are seen, and each has a waker of its own.
    let mut late = [(); 3].map(|()| (interrupt.claims().unwrap(), Arc::new(AtomicUsize::new(0))));
    for (claims, woken) in &mut late {
        let woken = woken.clone();
        assert!(poll(claims, &calls(move || _ = woken.fetch_add(1, Relaxed))).is_pending());
    }
    interrupt.service();
    for (claims, woken) in &mut late {
        assert_eq!(woken.load(Relaxed), 1);
        assert!(matches!(poll(claims, Waker::noop()), Poll::Ready(Ok(1))));
    }

    let section = interrupt.acquire_interrupt_lock();
    assert!(matches!(kind(&interrupt.claims()), Some(ErrorKind::Recursive { .. })));
    drop(section);
}

// Caught: `seen` brought up to date by a poll that yields nothing, or as the future is dropped.
#[test]
fn a2_a_dropped_future_loses_nothing() {
    let interrupt = answering(|| Claim::Claimed);
    let mut claims = interrupt.claims().unwrap();
    for _ in 0..3 {
        drop(claims.claimed());
        assert!(poll(&mut claims, Waker::noop()).is_pending());
        let woken = Arc::new(AtomicUsize::new(0));
        {
            let count = woken.clone();
            let waker = calls(move || {
                count.fetch_add(1, Relaxed);
            });
            assert!(poll(&mut claims, &waker).is_pending());
        }
        interrupt.service();
        assert_eq!(woken.load(Relaxed), 1);
        interrupt.service();
        drop(claims.claimed());
        assert!(matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Ok(2))));
    }
}

// Caught: the total instead of the difference; `seen` brought up to date by a poll that yields nothing. (The model
// claims::no_claim_is_slept_through is sharper: it also misses the second look.)
#[test]
fn a2_nothing_is_lost_between_two_awaits() {
    watchdog(|| {
        let interrupt = Arc::new(answering(|| Claim::Claimed));
        let mut claims = interrupt.claims().unwrap();
        let device = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                for n in 0..20_000 {
                    interrupt.service();
                    if n % 64 == 0 {
                        step();
                    }
                }
            }
        });
        assert_eq!(block_on(hear(&mut claims, 20_000)).unwrap(), 20_000);
        device.join().unwrap();
        assert!(poll(&mut claims, Waker::noop()).is_pending());
    });
}

// Caught: an error that comes before the claims before it.
#[test]
fn a2_claims_before_an_error_are_told_before_it() {
    let mut runs = 0;
    let interrupt = answering(move || {
        runs += 1;
        if runs == 3 { Claim::DeviceGone } else { Claim::Claimed }
    });
    let mut claims = interrupt.claims().unwrap();
    for _ in 0..3 {
        interrupt.service();
    }
    assert!(matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Ok(2))));
    assert!(
        matches!(poll(&mut claims, Waker::noop()), Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::Removed))
    );
}

/// Polls with a waker that takes the interrupt lock and tells on which thread it ran.
fn expect_free_lock<T: Send + 'static>(
    claims: &mut Claims<'_>,
    object: &Arc<InterruptObject<T, NoWorkItem>>,
    said: &Sender<bool>,
) {
    let (object, said) = (Arc::downgrade(object), said.clone());
    let waker = calls(move || {
        let is_free = object.upgrade().is_some_and(|object| object.try_acquire_interrupt_lock().is_some());
        said.send(is_free).unwrap();
    });
    assert!(poll(claims, &waker).is_pending());
}

// Caught: the waker called in answer(), with the lock held; called with the notes' lock held (the waker's poll panics).
#[test]
fn a3_the_waker_is_called_after_the_lock_has_been_released() {
    let interrupt = answering(|| Claim::Claimed);
    let mut claims = interrupt.claims().unwrap();
    let (said, woken) = channel();

    // By service(),
    expect_free_lock(&mut claims, interrupt.object(), &said);
    interrupt.service();
    assert_eq!(woken.try_recv(), Ok(true));
    assert!(poll(&mut claims, Waker::noop()).is_ready());

    // or by the release of the section that the delivery was left to,
    expect_free_lock(&mut claims, interrupt.object(), &said);
    let section = interrupt.acquire_interrupt_lock();
    interrupt.service();
    assert!(woken.try_recv().is_err());
    drop(section);
    assert_eq!(woken.try_recv(), Ok(true));
    assert!(poll(&mut claims, Waker::noop()).is_ready());

    // and it may ask the interrupt for whatever it likes.
    let object = Arc::downgrade(interrupt.object());
    let waker = calls(move || {
        let object = object.upgrade().unwrap();
        assert_eq!((object.info(), object.fault()), (Info::default(), None));
        object.disable().unwrap();
    });
    assert!(poll(&mut claims, &waker).is_pending());
    interrupt.service();
    assert_eq!(interrupt.state(), State::Disabled);
}

// Caught: disable() that tells the listener after the flush alone (hangs).
#[test]
fn a3_the_last_delivery_of_a_disable_is_told_before_the_work_item_is_waited_for() {
    watchdog(|| {
        let (source, line) = Software::edge();
        let (is_running, go_on) = (Gate::new(), Gate::new());
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item({
                let (is_running, go_on) = (is_running.clone(), go_on.clone());
                move |_| {
                    is_running.open();
                    go_on.wait();
                }
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let mut claims = interrupt.claims().unwrap();
        interrupt.queue_work_item();
        line.assert();
        thread::scope(|scope| {
            scope.spawn(|| interrupt.run_work_item());
            is_running.wait();
            scope.spawn(|| interrupt.disable().unwrap());
            assert_eq!(block_on(claims.claimed()).unwrap(), 1);
            go_on.open();
        });
    });
}

// Caught: the panic let through (it ends the dispatcher); swallowed.
#[test]
fn a3_a_waker_that_panics_is_a_fault() {
    let interrupt = answering(|| Claim::Claimed);
    let mut claims = interrupt.claims().unwrap();
    assert!(poll(&mut claims, &calls(|| panic!("no executor"))).is_pending());
    interrupt.service();
    let Some(Fault::Panicked { callback, message }) = interrupt.fault() else { panic!() };
    assert_eq!((callback, message.as_str()), (Callback::Waker, "no executor"));
    assert_eq!(block_on(claims.claimed()).unwrap(), 1);
    assert!(matches!(kind(&block_on(claims.claimed())), Some(ErrorKind::Faulted(_))));
}

// Caught: the old waker dropped with the notes' lock held (the drop asks the interrupt, and panics).
#[test]
fn a3_no_code_of_the_executors_runs_under_a_lock() {
    struct AsksAsItGoes(Mutex<Option<Arc<InterruptObject<(), NoWorkItem>>>>);
    impl Wake for AsksAsItGoes {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for AsksAsItGoes {
        fn drop(&mut self) {
            let object = self.0.lock().unwrap().take().unwrap();
            assert!(object.fault().is_none());
            assert!(object.try_acquire_interrupt_lock().is_some());
        }
    }
    let interrupt = answering(|| Claim::Claimed);
    let waker = || Waker::from(Arc::new(AsksAsItGoes(Mutex::new(Some(interrupt.object().clone())))));
    let mut claims = interrupt.claims().unwrap();
    assert!(poll(&mut claims, &waker()).is_pending()); // replaced,
    assert!(poll(&mut claims, &waker()).is_pending()); // called,
    interrupt.service();
    assert!(poll(&mut claims, &waker()).is_ready());
    assert!(poll(&mut claims, &waker()).is_pending()); // and dropped with the listener.
    drop(claims);
}
