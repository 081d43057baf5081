//! Rule I12: a panic in a callback is a fault, and no more than that.

use std::panic::panic_any;

use interrupt_lock::{
    Callback, Claim, Delivery, Dispatcher, ErrorKind, Fault, Interrupt, Queued, Refusal, SourceError, State, Transition,
};
use interrupt_lock::{Errno, source::Software};
use support::log::Log;
use support::script::Script;
use support::slot::OnDrop;
use support::{kind, until, watchdog};

#[track_caller]
fn panicked(fault: Option<Fault>, expected: Callback) {
    match fault {
        Some(Fault::Panicked { callback, message }) => {
            assert_eq!((callback, message.as_str()), (expected, "on purpose"));
        }
        other => panic!("{other:?}"),
    }
}

/// A panic in any callback disconnects the interrupt, which returns the fault and serves again once the fault is
/// cleared.
// Caught: a fault that does not disconnect; no catch around the ISR, the enable callback, the disable callback or
// the work item; a clear_fault that leaves the state.
#[test]
fn i12_a_panic_in_any_callback_is_a_fault() {
    for callback in [Callback::Isr, Callback::Enable, Callback::Disable, Callback::WorkItem] {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let mut armed = Some(());
        let armed = move |at| {
            move || {
                if at == callback && armed.take().is_some() {
                    panic!("on purpose");
                }
            }
        };
        let (mut isr, mut enable) = (armed(Callback::Isr), armed(Callback::Enable));
        let (mut disable, mut work) = (armed(Callback::Disable), armed(Callback::WorkItem));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr();
                Claim::Claimed
            })
            .on_enable(move |_| enable())
            .on_disable(move |_| disable())
            .work_item(move |_| work())
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        let answer = interrupt.enable().and_then(|_| {
            interrupt.queue_work_item();
            let _ = interrupt.run_work_item();
            device.assert();
            interrupt.service();
            interrupt.disable()
        });
        match callback {
            Callback::Enable | Callback::Disable => assert!(matches!(kind(&answer), Some(ErrorKind::Faulted(_)))),
            _ => assert_eq!(answer.unwrap(), Transition::Already),
        }
        panicked(interrupt.fault(), callback);
        assert_eq!(interrupt.state(), State::Faulted);
        assert_eq!(log.count("disconnect"), 1, "{callback}");
        assert_eq!(interrupt.stats().faults, 1);
        assert!(matches!(kind(&interrupt.check()), Some(ErrorKind::Faulted(_))));
        assert!(matches!(kind(&interrupt.enable()), Some(ErrorKind::Faulted(_))));
        assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Faulted));
        device.assert();
        assert_eq!(interrupt.service(), Delivery::NotServed);

        panicked(interrupt.clear_fault().unwrap(), callback);
        assert!(interrupt.clear_fault().unwrap().is_none());
        assert_eq!(interrupt.state(), State::Disabled);
        interrupt.enable().unwrap();
        device.assert();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(interrupt.queue_work_item(), Queued::New);
        assert_eq!(interrupt.disable().unwrap(), Transition::Done);
    }
}

// Caught: no catch around the removal callback.
#[test]
fn i12_a_panic_in_the_removal_callback() {
    let (source, device) = Software::edge();
    let interrupt = Interrupt::builder(0)
        .isr(|_| Claim::Claimed)
        .on_removal(|n| -> () {
            *n += 1;
            panic!("on purpose");
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    device.remove();
    interrupt.service();
    panicked(interrupt.fault(), Callback::Removal);
    assert_eq!(interrupt.state(), State::Removed, "it is gone all the same");
    interrupt.service();
    assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
}

/// The other interrupts of the same dispatcher and worker go on.
// Caught: no catch around the ISR; no catch around the work item.
#[test]
fn i12_the_others_go_on() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let log = Log::new();
        let (source, bad) = Software::edge();
        let first = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                if cx.assertions() == 1 {
                    panic!("on purpose");
                }
                Claim::Claimed
            })
            .work_item(|_| -> () { panic!("on purpose") })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let (source, good) = Software::edge();
        let (isr, work) = (log.clone(), log.clone());
        let second = Interrupt::builder(())
            .isr(move |cx| {
                isr.add("isr");
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| work.add("work item"))
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        second.enable().unwrap();
        for round in 1..=3 {
            first.enable().unwrap();
            bad.assert();
            good.assert();
            log.wait_for("isr", round);
            log.wait_for("work item", round);
            until(|| first.fault().is_some());
            first.clear_fault().unwrap();
            // What the ISR had queued before it panicked may fault once more.
            first.disable().unwrap();
            first.clear_fault().unwrap();
        }
    });
}

/// The payload of the panic does not matter, not even one that panics as it is dropped.
// Caught: a payload dropped where it was caught.
#[test]
fn i12_any_payload() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let mut runs = 0;
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                runs += 1;
                match runs {
                    1 => panic!("number {runs}"),
                    2 => panic_any(7),
                    _ => panic_any(OnDrop(|| panic!("the payload"))),
                }
            })
            .source(source)
            .build()
            .unwrap();
        for said in ["number 1", "(something that is not text)", "(something that is not text)"] {
            interrupt.enable().unwrap();
            assert.assert();
            until(|| interrupt.fault().is_some());
            let fault = interrupt.clear_fault().unwrap().unwrap();
            let Fault::Panicked { message, .. } = fault else { panic!("{fault}") };
            assert_eq!(message.as_str(), said);
        }
    });
}

/// A source that returns an error from a delivery is a fault.
// Caught: a take that fails and is answered as nothing; an unmask that fails and is ignored.
#[test]
fn i12_a_failing_source_is_a_fault() {
    for method in ["take", "unmask"] {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let interrupt =
            Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().build().unwrap();
        interrupt.enable().unwrap();
        let error = SourceError::Os { doing: "testing".into(), source: Errno::new(5) };
        device.fail(method, error.clone());
        device.assert();
        interrupt.service();
        assert_eq!(interrupt.fault(), Some(Fault::Source(error)));
        assert_eq!(interrupt.state(), State::Faulted);
        assert_eq!(log.count("disconnect"), 1);
    }
}

/// Driver authors write sources too. If one panics, its interrupt faults, and the dispatcher goes on.
// Caught: a source's panic that is not caught in a delivery.
#[test]
fn i12_a_panicking_source_is_a_fault() {
    for method in ["take", "unmask", "removal"] {
        watchdog(move || {
            let dispatcher = Dispatcher::new().unwrap();
            let (source, bad) = Script::waking(&Log::new());
            let first =
                Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(&dispatcher).build().unwrap();
            let (source, good) = Software::edge();
            let log = Log::new();
            let isr = log.clone();
            let second = Interrupt::builder(())
                .isr(move |_| {
                    isr.add("isr");
                    Claim::Claimed
                })
                .source(source)
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            first.enable().unwrap();
            second.enable().unwrap();
            bad.on(method, || panic!("on purpose"));
            bad.assert();
            until(|| first.fault().is_some());
            panicked(first.fault(), Callback::Source);
            good.assert();
            log.wait_for("isr", 1);
            assert!(first.try_acquire_interrupt_lock_for(support::LONG).is_ok());
        });
    }
}

/// A source that panics in a transition is a fault too, and the transition returns it.
// Caught: a source's panic that is not caught in an enable, or in a disable.
#[test]
fn i12_a_source_that_panics_in_a_transition() {
    for attended in [true, false] {
        for method in ["info", "ready", "connect", "disconnect"] {
            if method == "ready" && !attended {
                continue;
            }
            let log = Log::new();
            let (source, device) = Script::descriptor(&log);
            let builder = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source);
            let interrupt = match attended {
                true => builder.build(),
                false => builder.without_dispatcher().build(),
            }
            .unwrap();
            device.on(method, || panic!("on purpose"));
            let answer = interrupt.enable().and_then(|_| interrupt.disable());
            assert!(matches!(kind(&answer), Some(ErrorKind::Faulted(_))), "{answer:?}");
            panicked(interrupt.fault(), Callback::Source);
            assert_eq!(interrupt.stats().faults, 1);
            interrupt.clear_fault().unwrap();
            interrupt.enable().unwrap();
        }
    }
}
