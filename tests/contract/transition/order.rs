//! Rules E1 to E3 and I15, with every step of an enable and a disable in its order.

use interrupt_lock::{
    Claim, Deferral, Delivery, ErrorKind, Interrupt, NoWorkItem, Queued, Refusal, SourceError, State, Transition,
    WithWorkItem, source::Source,
};
use interrupt_lock::{Errno, source::Software};
use support::log::Log;
use support::script::{Script, ScriptHandle};
use support::slot::Slot;
use support::watchdog;

fn os() -> SourceError {
    SourceError::Os { doing: "testing".into(), source: Errno::new(5) }
}

/// An interrupt whose callbacks log that they ran.
fn recorded(log: &Log, source: impl Source + 'static, attended: bool) -> Interrupt<(), WithWorkItem> {
    let [isr, enable, disable, removal, work] = [(); 5].map(|()| log.clone());
    let builder = Interrupt::builder(())
        .isr(move |cx| {
            isr.add("isr");
            cx.queue_work_item();
            Claim::Claimed
        })
        .on_enable(move |_| enable.add("enable callback"))
        .on_disable(move |_| disable.add("disable callback"))
        .on_removal(move |_| removal.add("removal callback"))
        .work_item(move |_| work.add("work item"))
        .source(source);
    let interrupt = match attended {
        true => builder.build(),
        false => builder.without_dispatcher().build(),
    };
    log.take();
    interrupt.unwrap()
}

fn unattended(log: &Log) -> (Interrupt<(), WithWorkItem>, ScriptHandle) {
    let (source, device) = Script::waking(log);
    (recorded(log, source, false), device)
}

// Caught: connect before arm; the enable callback before the connection; no drain.
#[test]
fn e1_the_order_of_an_enable() {
    let log = Log::new();
    let (source, _device) = Script::descriptor(&log);
    let interrupt = recorded(&log, source, true);
    interrupt.enable().unwrap();
    let removal: &[&str] = if Script::DESCRIPTORS { &["removal_descriptor"] } else { &[] };
    assert_eq!(log.take(), [&["take", "info", "ready"], removal, &["connect", "enable callback"]].concat());

    let (interrupt, _device) = unattended(&log);
    interrupt.enable().unwrap();
    assert_eq!(log.take(), ["take", "info", "connect", "enable callback"]);
}

/// Whichever step fails, the steps before it are undone, and the next enable succeeds.
// Caught: a connection's failure that is ignored; a failing connection that leaves the wait armed.
#[test]
fn e1_a_failing_enable_is_undone() {
    for attended in [true, false] {
        for method in ["take", "connect"] {
            let log = Log::new();
            let (source, device) = Script::descriptor(&log);
            let interrupt = recorded(&log, source, attended);
            device.fail(method, os());
            let refused = interrupt.enable().unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::Source(source) if *source == os()), "{refused}");
            assert_eq!(interrupt.state(), State::Disabled);
            assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Disabled));
            let calls = log.take();
            assert!(!calls.contains(&"enable callback".to_owned()), "{calls:?}");

            // A wait that was left armed would be armed twice now, which the system refuses.
            assert_eq!(interrupt.enable().unwrap(), Transition::Done);
            device.assert();
            if attended {
                log.wait_for("isr", 1);
            } else {
                interrupt.service();
                assert_eq!(log.count("isr"), 1);
            }
        }
    }
}

/// A disable is one section: the ISR for what was signalled, the disable callback, the disconnection. The flush follows.
/// What is signalled after the ISR run is stale.
// Caught: a disable that runs its callback, or disconnects, before the ISR; one that delivers what is signalled after its
// callback has begun; one that flushes the work item before the callback.
#[test]
fn e2_the_order_of_a_disable() {
    watchdog(|| {
        for attended in [true, false] {
            let log = Log::new();
            let (source, device) = Script::waking(&log);
            let interrupt = recorded(&log, source, attended);
            interrupt.enable().unwrap();
            // In the section of the disable, so nobody else serves it: before the ISR run, and after it.
            for method in ["removal", "disconnect"] {
                let its = device.clone();
                device.on(method, move || its.assert());
            }
            log.take();
            interrupt.disable().unwrap();
            let mut calls = log.take();
            let mut order = vec!["removal", "take", "isr", "disable callback", "disconnect", "take", "work item"];
            if attended {
                // The worker runs the work item as soon as it is queued. The dispatcher, which the assertions have woken,
                // looks for a removal after the section.
                assert_eq!(calls.iter().filter(|call| *call == "work item").count(), 1);
                order.pop();
                calls.retain(|call| call != "work item");
                calls.truncate(order.len());
            }
            assert_eq!(calls, order);
            assert_eq!(interrupt.state(), State::Disabled);
            assert_eq!((interrupt.stats().claimed, interrupt.stats().stale), (1, 1));
        }
    });
}

/// Nothing else has the lock between the steps: what the callbacks leave to the owner runs after the section.
// Caught: a disable that releases the lock between the ISR, its callback and the disconnection.
#[test]
fn e2_the_steps_of_a_disable_are_one_section() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let slot: Slot<(), NoWorkItem> = Slot::new();
    let submit = |step: &'static str| {
        let (slot, log) = (slot.clone(), log.clone());
        move || {
            log.add(step);
            let log = log.clone();
            assert_eq!(slot.get().run_or_defer(move |_| log.add("closure")).unwrap(), Deferral::Deferred);
        }
    };
    let (isr, disable) = (submit("isr"), submit("disable callback"));
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            isr();
            Claim::Claimed
        })
        .on_disable(move |_| disable())
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    slot.set(&interrupt);
    interrupt.enable().unwrap();
    device.assert();
    log.take();
    interrupt.disable().unwrap();
    let expected = ["removal", "take", "isr", "disable callback", "disconnect", "take", "closure", "closure"];
    assert_eq!(log.take(), expected);
}

/// A disable delivers an assertion that the dispatcher has not seen yet.
// Caught: a disable that does not serve what was signalled.
#[test]
fn e2_what_was_signalled_before_is_delivered() {
    watchdog(|| {
        for _ in 0..200 {
            let (source, assert) = Software::edge();
            let interrupt = Interrupt::builder(0)
                .isr(|cx| {
                    **cx += cx.assertions();
                    Claim::Claimed
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            (0..3).for_each(|_| assert.assert());
            interrupt.disable().unwrap();
            assert_eq!(*interrupt.acquire_interrupt_lock(), 3);
        }
    });
}

/// Without a source, too: what was left to the owner before the disable is served by it; what comes while its callback
/// runs is stale.
// Caught: a disable of an interrupt without a source that drops what was left to the owner; one that serves it after its
// callback.
#[test]
fn e2_a_pending_delivery_is_served_before_the_callback() {
    watchdog(|| {
        let slot = support::slot::Slot::new();
        let own = slot.clone();
        let interrupt = Interrupt::builder(0)
            .isr(|cx| {
                **cx += cx.assertions();
                Claim::Claimed
            })
            .on_disable(move |_| {
                let object: std::sync::Arc<interrupt_lock::InterruptObject<u64, interrupt_lock::NoWorkItem>> =
                    own.get();
                assert_eq!(object.service(), Delivery::Pending);
            })
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        let held = interrupt.acquire_interrupt_lock();
        assert_eq!(interrupt.service(), Delivery::Pending);
        drop(held);
        interrupt.disable().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
        assert_eq!((interrupt.stats().claimed, interrupt.stats().stale), (1, 1));
        assert_eq!(interrupt.service(), Delivery::NotServed);
    });
}

/// An error of the callback or of the disconnection is returned, and stops nothing.
// Caught: a failing disable callback that leaves the source connected; a failing disconnection that is not told.
#[test]
fn e2_a_failing_disable_is_done_all_the_same() {
    let log = Log::new();
    let (interrupt, device) = unattended(&log);
    interrupt.enable().unwrap();
    device.assert();
    device.fail("disconnect", os());
    let refused = interrupt.disable().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Source(_)), "{refused}");
    assert_eq!((log.count("isr"), log.count("work item")), (1, 1));
    assert_eq!(interrupt.state(), State::Disabled);
    assert_eq!(interrupt.disable().unwrap(), Transition::Already);

    let (source, assert) = Software::edge();
    let interrupt = Interrupt::builder(0)
        .isr(|cx| {
            **cx += 1;
            Claim::Claimed
        })
        .on_disable(|_| Err("no clock"))
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert.assert();
    let refused = interrupt.disable().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::DisableCallback(_)), "{refused}");
    assert_eq!(interrupt.state(), State::Disabled);
    assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    assert_eq!(interrupt.service(), Delivery::NotServed);
}

// Caught: an enable that does it all again; a disable that does.
#[test]
fn e3_twice_is_no_error_and_does_nothing_more() {
    for attended in [true, false] {
        let log = Log::new();
        let (source, _device) = Script::descriptor(&log);
        let interrupt = recorded(&log, source, attended);
        assert_eq!(interrupt.disable().unwrap(), Transition::Already);
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(interrupt.enable().unwrap(), Transition::Done);
        log.take();
        assert_eq!(interrupt.enable().unwrap(), Transition::Already);
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(interrupt.disable().unwrap(), Transition::Done);
        log.take();
        assert_eq!(interrupt.disable().unwrap(), Transition::Already);
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(interrupt.enable().unwrap(), Transition::Done);
    }
}

// Caught: no drain; a drain that is not counted.
#[test]
fn i15_events_from_before_an_enable_are_drained_and_counted() {
    for attended in [true, false] {
        watchdog(move || {
            let (source, assert) = Software::edge();
            let builder = Interrupt::builder(0)
                .isr(|cx| {
                    **cx += cx.assertions();
                    Claim::Claimed
                })
                .source(source);
            let interrupt = match attended {
                true => builder.build(),
                false => builder.without_dispatcher().build(),
            }
            .unwrap();
            for round in 1..=3 {
                (0..5).for_each(|_| assert.assert());
                interrupt.enable().unwrap();
                interrupt.service();
                interrupt.disable().unwrap();
                assert_eq!(interrupt.stats().stale, 5 * round);
            }
            assert_eq!(*interrupt.acquire_interrupt_lock(), 0);
        });
    }
}

/// Only the source can report stale assertions. If the interrupt has a source, a call of `service` on a disabled
/// interrupt asserts nothing.
// Caught: a delivery that counts its own call as an assertion where there is a source.
#[test]
fn i15_a_call_is_no_assertion_where_there_is_a_source() {
    let (source, assert) = Software::edge();
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().build().unwrap();
    assert_eq!(interrupt.service(), Delivery::NotServed);
    assert_eq!(interrupt.stats().stale, 0);
    assert.assert();
    assert_eq!(interrupt.service(), Delivery::NotServed);
    interrupt.enable().unwrap();
    assert_eq!(interrupt.stats().stale, 1);
}

// Caught: a level that is not served at the connection (a waker that wakes nobody).
#[test]
fn i15_a_level_still_asserted_is_delivered() {
    watchdog(|| {
        let (source, line) = Software::level();
        let (log, theirs) = (Log::new(), line.clone());
        let isr = log.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                theirs.deassert();
                isr.add("isr");
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        for round in 1..=3 {
            line.assert();
            interrupt.enable().unwrap();
            log.wait_for("isr", round);
            interrupt.disable().unwrap();
        }
        assert_eq!(interrupt.stats().stale, 0, "a level is not counted");
    });
}
