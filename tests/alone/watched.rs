//! A dispatcher watches a source's descriptors only while the interrupt is connected: a descriptor that it watched
//! longer would keep waking it. In a process of its own, because it counts the descriptors of the process.

use std::fs;

use interrupt_lock::source::{Removal, Software};
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, SourceError};
use support::alone::in_a_process_of_its_own;
use support::log::Log;
use support::script::Script;
use support::{comes, until, watchdog};

fn open() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The dispatcher watches duplicates of the descriptors, so the test can count them: two for each connected interrupt.
#[track_caller]
fn watches(before: usize, descriptors: usize) {
    let settled = comes(|| open() == before + descriptors);
    assert!(settled, "{} instead of {descriptors}", open() - before);
}

// Caught: a failing connection, a failing enable callback, a fault, a removal or a disable that leaves the wait armed; a
// source that panics in one of them, or a lost guard, that does.
#[test]
fn e1_nothing_is_watched_but_what_is_connected() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let log = Log::new();
            let build = |fails: bool| {
                let (source, device) = Script::descriptor(&log);
                let mut fails = fails;
                let interrupt = Interrupt::builder(())
                    .isr(|cx| match cx.assertions() {
                        1 => Claim::Claimed,
                        _ => panic!("on purpose"),
                    })
                    .on_enable(move |_| match std::mem::take(&mut fails) {
                        true => Err("no clock"),
                        false => Ok(()),
                    })
                    .source(source)
                    .dispatcher(&dispatcher)
                    .build()
                    .unwrap();
                (interrupt, device)
            };

            let (interrupt, device) = build(true);
            let before = open();
            interrupt.enable().unwrap_err();
            watches(before, 0);
            for method in ["take", "connect"] {
                device.fail(method, SourceError::Refused("on purpose".into()));
                interrupt.enable().unwrap_err();
                watches(before, 0);
            }
            interrupt.enable().unwrap();
            watches(before, 2);
            interrupt.disable().unwrap();
            watches(before, 0);
            interrupt.enable().unwrap();
            {
                // One delivery of two assertions, which the ISR does not survive.
                let _guard = interrupt.acquire_interrupt_lock();
                device.assert();
                device.assert();
            }
            until(|| interrupt.fault().is_some());
            watches(before, 0);
            interrupt.clear_fault().unwrap();
            interrupt.enable().unwrap();
            watches(before, 2);
            device.on("disconnect", || panic!("on purpose"));
            assert!(matches!(interrupt.disable().unwrap_err().kind(), ErrorKind::Faulted(_)));
            watches(before, 0);
            device.on("disconnect", || ());
            interrupt.clear_fault().unwrap();
            for method in ["take", "connect"] {
                device.on(method, || panic!("on purpose"));
                interrupt.enable().unwrap_err();
                watches(before, 0);
                device.on(method, || ());
                interrupt.clear_fault().unwrap();
            }
            interrupt.enable().unwrap();
            watches(before, 2);
            device.remove(Removal::Surprise);
            watches(before, 0);

            let (victim, device) = build(false);
            let (source, assert) = Software::edge();
            let (object, isr) = (victim.object().clone(), log.clone());
            let careless = Interrupt::builder(())
                .isr(move |_| {
                    std::mem::forget(object.try_acquire_interrupt_lock());
                    isr.add("lost");
                    Claim::Claimed
                })
                .source(source)
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            careless.enable().unwrap();
            let before = open();
            victim.enable().unwrap();
            watches(before, 2);
            assert.assert();
            log.wait_for("lost", 1);
            device.assert();
            watches(before, 0);
            // Its handle would wait for the guard for ever.
            std::mem::forget(victim);
        });
    });
}
