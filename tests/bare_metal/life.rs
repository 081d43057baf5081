use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use interrupt_lock::{
    CallbackError, Claim, Delivery, Error, ErrorKind, InterruptObject, IsrContext, Name, NoWorkItem, Queued, State,
    WithWorkItem, Work, WorkItemContext,
};

use crate::machine::MASKED;
use crate::uart::{Object, uart};

#[test]
fn a_static_interrupt_lives_its_life() -> Result<(), Error> {
    static OBJECT: Object = uart();
    assert_eq!(OBJECT.service(), Delivery::NotServed);
    OBJECT.enable()?;
    assert_eq!(OBJECT.service(), Delivery::Answered(Claim::Claimed));
    assert!(!OBJECT.run_work_item());
    OBJECT.service();
    OBJECT.disable()?; // runs what is queued
    assert_eq!(OBJECT.state(), State::Disabled);
    let uart = OBJECT.acquire_interrupt_lock();
    assert_eq!((uart.received, uart.processed), (2, 2));
    assert_eq!((uart.enables, uart.disables), (1, 1));
    drop(uart);
    assert!(matches!(OBJECT.queue_work_item(), Queued::Refused(_)));
    Ok(())
}

// Caught: PENDING not looked at in release_slow; `pending` not served; DELIVERY_MAY_WAIT = true (spins for ever).
#[test]
fn i3_a_vector_that_interrupts_a_section_is_served_by_its_release() -> Result<(), Error> {
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    let guard = OBJECT.acquire_interrupt_lock();
    // The same processor's vector, and another's: neither spins.
    assert_eq!(OBJECT.service(), Delivery::Pending);
    std::thread::spawn(|| assert_eq!(OBJECT.service(), Delivery::Pending)).join().unwrap();
    assert_eq!(guard.received, 0);
    drop(guard);
    assert_eq!(OBJECT.acquire_interrupt_lock().received, 2);
    assert_eq!(OBJECT.stats().delivered, 1);
    assert_eq!(OBJECT.stats().coalesced, 1);
    Ok(())
}

// Caught: an enable callback's error ignored.
#[test]
fn i4_a_failing_enable_callback_leaves_it_disabled() {
    static OBJECT: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| Claim::Claimed)
        .on_enable(|()| Err(CallbackError::new("no clock")));
    let error = OBJECT.enable().unwrap_err();
    assert_eq!(format!("{error:#}"), "timer: its enable callback failed: no clock");
    assert_eq!(OBJECT.service(), Delivery::NotServed);
}

// Caught: is_in_isr() answering false.
#[test]
fn e4_an_isr_may_not_enable() -> Result<(), Error> {
    static OTHER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("other"), (), |_| Claim::Claimed);
    static OBJECT: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| {
        assert!(matches!(OTHER.enable().unwrap_err().kind(), ErrorKind::WouldDeadlock { .. }));
        Claim::Claimed
    });
    OBJECT.enable()?;
    assert_eq!(OBJECT.service(), Delivery::Answered(Claim::Claimed));
    Ok(())
}

// Caught: a waker called while interrupts are masked; the listener's waker left to the next release.
#[test]
fn a3_an_interrupt_vector_wakes_the_listener() -> Result<(), Error> {
    struct FromTheVector(AtomicU32);
    impl Wake for FromTheVector {
        fn wake(self: Arc<Self>) {
            assert!(!MASKED.get());
            self.0.fetch_add(1, Relaxed);
        }
    }
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    let mut claims = OBJECT.claims()?;
    let woken = Arc::new(FromTheVector(AtomicU32::new(0)));
    let waker = Waker::from(woken.clone());
    let mut poll = || pin!(claims.claimed()).poll(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    OBJECT.service();
    assert_eq!(woken.0.load(Relaxed), 1);
    assert!(matches!(poll(), Poll::Ready(Ok(1))));
    // One that interrupts a section is served, and told, by its release.
    assert!(poll().is_pending());
    let section = OBJECT.acquire_interrupt_lock();
    OBJECT.service();
    assert_eq!(woken.0.load(Relaxed), 1);
    drop(section);
    assert_eq!(woken.0.load(Relaxed), 2);
    assert!(matches!(poll(), Poll::Ready(Ok(1))));
    Ok(())
}

/// A vector that turns its device off while there is work. The main loop works until it finds nothing, and the callback
/// turns the device on again and looks once more.
// Caught: nothing kept masked without a source; no unmask callback; Again that queues nothing.
#[test]
fn i6_a_vector_leaves_the_device_off_while_there_is_work() -> Result<(), Error> {
    #[derive(Clone, Copy)]
    struct Uart {
        is_on: bool,
        received: u32,
        /// What comes in just as the device is turned on.
        late: u32,
    }
    fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
        uart.is_on = false;
        uart.queue_work_item();
        Claim::ClaimedKeepMasked
    }
    fn work(interrupt: &WorkItemContext<'_, Uart>) -> Work {
        assert!(!interrupt.acquire_interrupt_lock().is_on);
        interrupt.synchronize(|uart| uart.received = 0);
        Work::Done
    }
    fn unmask(uart: &mut Uart) -> Work {
        uart.received += std::mem::take(&mut uart.late);
        uart.is_on = uart.received == 0;
        if uart.is_on { Work::Done } else { Work::Again }
    }
    static OBJECT: InterruptObject<Uart, WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), Uart { is_on: true, received: 3, late: 2 }, isr, work)
            .on_unmask(unmask);
    OBJECT.enable()?;
    for runs in [2, 1] {
        // First something comes in late. Then nothing does: the cycle begins anew.
        assert_eq!(OBJECT.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
        assert!(!OBJECT.acquire_interrupt_lock().is_on);
        let before = OBJECT.stats().work_run;
        while OBJECT.is_work_item_queued() {
            let _ = OBJECT.run_work_item();
        }
        let uart = *OBJECT.acquire_interrupt_lock();
        assert!(uart.is_on && uart.received == 0 && uart.late == 0);
        assert_eq!(OBJECT.stats().work_run - before, runs);
    }
    Ok(())
}
