//! Rules I1 to I6 and I9: from an assertion to the ISR's answer.

#![cfg(all(feature = "std", not(loom)))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use interrupt_lock::simulated::Edu;
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Delivery, Interrupt, InterruptObject, NoWorkItem, Registers, State};
use support::log::Log;
use support::script::Script;
use support::slot::Slot;
use support::{Gate, LONG, let_it_block, watchdog};

// Caught: a message number that is always 0; the lock released before the ISR.
#[test]
fn i1_the_isr_has_the_lock_the_data_and_the_number() {
    let sources = [(Software::edge(), 0), (Software::message(0), 0), (Software::message(5), 5)];
    for ((source, assert), number) in sources {
        let slot: Slot<Vec<u32>, NoWorkItem> = Slot::new();
        let own = slot.clone();
        let interrupt = Interrupt::builder(Vec::new())
            .isr(move |cx| {
                let object = own.get();
                let free = thread::spawn(move || object.try_acquire_interrupt_lock().is_some());
                assert!(!free.join().unwrap(), "the lock is free in the ISR");
                let number = cx.message_number();
                cx.push(number);
                Claim::Claimed
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        assert.assert();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(*interrupt.acquire_interrupt_lock(), [number]);
    }
}

// Caught: enter_slow that gives an acquisition without waiting.
#[test]
fn i2_the_isr_never_runs_twice_at_once() {
    watchdog(|| {
        let inside = AtomicBool::new(false);
        let interrupt = Interrupt::builder(0)
            .isr(move |cx| {
                assert!(!inside.swap(true, Ordering::SeqCst), "twice at once");
                thread::yield_now();
                inside.store(false, Ordering::SeqCst);
                **cx += cx.assertions();
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_000).for_each(|_| _ = interrupt.service()));
            }
        });
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        assert_eq!(*interrupt.acquire_interrupt_lock(), 8_000);
    });
}

/// Every edge that several threads assert is in some run's count, and the counters agree.
// Caught: a run told of 1 assertion whatever was taken.
#[test]
fn i3_no_edge_is_lost() {
    const EACH: u64 = 5_000;
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (sender, receiver) = channel();
        let interrupt = Interrupt::builder(0)
            .isr(move |cx| {
                **cx += cx.assertions();
                if **cx == 4 * EACH {
                    sender.send(()).unwrap();
                }
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..EACH).for_each(|_| assert.assert()));
            }
        });
        receiver.recv_timeout(LONG).expect("some edge is lost");
        let stats = interrupt.stats();
        assert_eq!(stats.delivered + stats.coalesced, 4 * EACH);
        assert_eq!(stats.claimed, stats.delivered);
    });
}

/// One that comes while the ISR runs: by the ISR's own hand.
// Caught: a flag that is cleared after the service instead of before.
#[test]
fn i3_one_that_comes_during_the_isr_is_not_lost() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (theirs, done) = (assert.clone(), Gate::new());
        let finish = done.clone();
        let interrupt = Interrupt::builder(0)
            .isr(move |cx| {
                **cx += 1;
                match **cx {
                    100 => finish.open(),
                    _ => theirs.assert(),
                }
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert.assert();
        done.wait();
    });
}

/// The same through a descriptor, and one at a time: each is delivered before the next.
// Caught: a source that is armed once only (the poller's ONESHOT for signals).
#[test]
fn i3_no_assertion_of_a_descriptor_is_lost() {
    watchdog(|| {
        let (source, device) = Script::descriptor(&Log::new());
        let (sender, receiver) = channel();
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                sender.send(cx.assertions()).unwrap();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        for _ in 0..500 {
            device.assert();
            assert_eq!(receiver.recv_timeout(LONG), Ok(1));
        }
        (0..500).for_each(|_| device.assert());
        let mut taken = 0;
        while taken < 500 {
            taken += receiver.recv_timeout(LONG).expect("some assertion is lost");
        }
        assert_eq!(taken, 500);
    });
}

/// A driver of the edu device, and a device that is asked again as soon as it has answered.
// Caught: a level that is not unmasked after a claim.
#[test]
fn i3_no_request_of_a_level_line_is_lost() {
    watchdog(|| {
        let device = Edu::new();
        let registers = device.registers();
        let (sender, receiver) = channel();
        let interrupt = Interrupt::builder(())
            .isr({
                let registers = registers.clone();
                move |_| {
                    let status = registers.read32(0x24);
                    if status == 0 {
                        return Claim::Unclaimed;
                    }
                    registers.write32(0x64, status);
                    sender.send(status).unwrap();
                    Claim::Claimed
                }
            })
            .source(device.line().unwrap())
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        for bit in (0..500).map(|n| 1 << (n % 32)) {
            registers.write32(0x60, bit);
            assert_eq!(receiver.recv_timeout(LONG), Ok(bit), "a request is lost");
        }
    });
}

/// While it is enabled and disabled all the time, an edge is either delivered or counted as stale.
// Caught: a disable that does not serve what was signalled; a drain that is not counted.
#[test]
fn i3_enabling_and_disabling_under_load_loses_nothing() {
    const EACH: u64 = 5_000;
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
            let asserting = AtomicU64::new(3);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        (0..EACH).for_each(|_| assert.assert());
                        asserting.fetch_sub(1, Ordering::SeqCst);
                    });
                }
                for _ in 0..2 {
                    scope.spawn(|| {
                        while asserting.load(Ordering::SeqCst) != 0 {
                            interrupt.enable().unwrap();
                            interrupt.service();
                            interrupt.disable().unwrap();
                        }
                    });
                }
            });
            interrupt.disable().unwrap();
            // What came after that is drained by the next enable.
            interrupt.enable().unwrap();
            interrupt.disable().unwrap();
            let (stats, answered) = (interrupt.stats(), *interrupt.acquire_interrupt_lock());
            assert_eq!(answered + stats.stale, 3 * EACH, "{stats}");
            assert_eq!(stats.delivered + stats.coalesced, answered, "{stats}");
        });
    }
}

/// It fires at the connection, before the enable callback: it is served after that has succeeded, by the dispatcher
/// alone (nobody calls `service`).
// Caught: the enable callback before the connection; a waker that wakes nobody.
#[test]
fn i4_what_fires_at_the_connection_is_served_after_the_enable_callback() {
    for descriptor in [true, false] {
        watchdog(move || {
            let log = Log::new();
            let (source, device) = match descriptor {
                true => Script::descriptor(&log),
                false => Script::waking(&log),
            };
            device.fire_on_connect(3);
            let (isr, enable) = (log.clone(), log.clone());
            let interrupt = Interrupt::builder(())
                .isr(move |cx| {
                    isr.add(format!("isr {}", cx.assertions()));
                    Claim::Claimed
                })
                .on_enable(move |_| {
                    let_it_block(); // for the dispatcher to be early
                    enable.add("enable callback");
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            log.wait_for("isr 3", 1);
            let log = log.take();
            let at = |entry: &str| log.iter().position(|e| e == entry).unwrap();
            assert!(at("connect") < at("enable callback"), "{log:?}");
            assert!(at("enable callback") < at("isr 3"), "{log:?}");
        });
    }
}

/// What the enable callback's failure leaves: no ISR run, no connection, the error; what fired meanwhile is stale.
// Caught: a failing callback that leaves the source connected; one that leaves the interrupt enabled.
#[test]
fn i4_a_failing_enable_callback_undoes_the_connection() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        device.fire_on_connect(2);
        let (isr, mut fails) = (log.clone(), true);
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr.add("isr");
                Claim::Claimed
            })
            .on_enable(move |_| match std::mem::take(&mut fails) {
                true => Err(std::io::Error::from_raw_os_error(5)),
                false => Ok(()),
            })
            .source(source)
            .build()
            .unwrap();
        log.take();
        let refused = interrupt.enable().unwrap_err();
        let interrupt_lock::Error::EnableCallback { interrupt: name, source } = refused else { panic!("{refused}") };
        assert_eq!(name, *interrupt.name());
        let os: &std::io::Error = source.get().downcast_ref().unwrap();
        assert_eq!(os.raw_os_error(), Some(5), "the driver's own error");
        assert_eq!(interrupt.state(), State::Disabled);
        device.assert();
        assert_eq!(interrupt.service(), Delivery::NotServed);
        let log_taken = log.take();
        assert_eq!(log_taken.last().unwrap(), "disconnect", "{log_taken:?}");

        interrupt.enable().unwrap();
        interrupt.service();
        assert!(!log.contains("isr"));
        assert_eq!(interrupt.stats().stale, 3);
        device.assert();
        log.wait_for("isr", 1);
    });
}

/// disable() waits for the ISR that runs, and for none after it.
// Caught: a disable that takes its bit without the lock.
#[test]
fn i5_disable_waits_for_the_isr() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (entered, go, done) = (Gate::new(), Gate::new(), Gate::new());
        let isr = (entered.clone(), go.clone(), done.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr.0.open();
                isr.1.wait();
                let_it_block();
                isr.2.open();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert.assert();
        entered.wait();
        go.open();
        interrupt.disable().unwrap();
        assert!(done.is_open(), "the ISR runs after disable()");
    });
}

// Caught: a disable that leaves the interrupt enabled; one that takes its bit without the lock.
#[test]
fn i5_no_isr_after_disable_has_returned() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let allowed = Arc::new(AtomicBool::new(false));
        let (stop, runs, early) = (AtomicBool::new(false), Arc::new(AtomicU64::new(0)), allowed.clone());
        let (count, tries) = (runs.clone(), AtomicU64::new(0));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                assert!(early.load(Ordering::SeqCst), "an ISR while disabled");
                count.fetch_add(1, Ordering::SeqCst);
                assert!(early.load(Ordering::SeqCst), "an ISR while disabled");
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for own_loop in [true, false] {
                let (stop, assert, interrupt, tries) = (&stop, &assert, &interrupt, &tries);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        assert.assert();
                        if own_loop {
                            interrupt.service();
                            tries.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            for _ in 0..300 {
                allowed.store(true, Ordering::SeqCst);
                interrupt.enable().unwrap();
                assert.assert();
                interrupt.disable().unwrap();
                allowed.store(false, Ordering::SeqCst);
                // Nor while it stays disabled, whoever calls.
                let seen = tries.load(Ordering::SeqCst);
                while tries.load(Ordering::SeqCst) < seen + 3 {
                    thread::yield_now();
                }
            }
            stop.store(true, Ordering::SeqCst);
        });
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        assert!(runs.load(Ordering::SeqCst) >= 300, "each round asserts once while enabled");
    });
}

/// The wait is there before the connection.
// Caught: connect before arm.
#[test]
fn i9_the_wait_is_armed_before_the_connection() {
    let log = Log::new();
    let (source, _device) = Script::descriptor(&log);
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build().unwrap();
    log.take();
    interrupt.enable().unwrap();
    let log = log.take();
    let at = |entry: &str| log.iter().position(|e| e == entry).unwrap();
    assert!(at("ready") < at("connect"), "{log:?}");
    assert!(at("removal_descriptor") < at("connect"), "{log:?}");
}

/// An object that has no source: the call is the assertion, and one that can't be served at once is served by the
/// release.
// Caught: an owner that does not serve as it releases.
#[test]
fn i3_a_delivery_that_could_not_wait_is_served_by_the_release() {
    watchdog(|| {
        let interrupt = Interrupt::builder(0)
            .isr(|cx| {
                **cx += cx.assertions();
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let object: &InterruptObject<u64, NoWorkItem> = &interrupt;
        object.synchronize(|count| {
            for _ in 0..3 {
                assert_eq!(object.service(), Delivery::Pending);
            }
            assert_eq!(*count, 0);
        });
        assert_eq!(*object.acquire_interrupt_lock(), 3);
        assert_eq!(object.stats().delivered + object.stats().coalesced, 3);
    });
}
