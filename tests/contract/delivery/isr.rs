//! Rules I1 to I6 and I9: from an assertion to the ISR's answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use interrupt_lock::simulated::Edu;
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Delivery, Interrupt, InterruptObject, NoWorkItem, Registers};
use support::log::Log;
use support::script::Script;
use support::slot::Slot;
use support::{Gate, receive, step, watchdog};

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
                step();
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

/// Several threads assert edges. Each edge is counted in some run, and the counters agree.
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
        receive(&receiver); // or some edge is lost
        // Its answer is counted before the lock is released.
        drop(interrupt.acquire_interrupt_lock());
        let stats = interrupt.stats();
        assert_eq!(stats.delivered + stats.coalesced, 4 * EACH);
        assert_eq!(stats.claimed, stats.delivered);
    });
}

/// The ISR itself asserts the next edge.
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

/// The same for a source with a descriptor, and with one assertion at a time: each is delivered before the next.
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
            assert_eq!(receive(&receiver), 1);
        }
        (0..500).for_each(|_| device.assert());
        let mut taken = 0;
        while taken < 500 {
            taken += receive(&receiver); // or some assertion is lost
        }
        assert_eq!(taken, 500);
    });
}

/// A driver of the edu device sends the next request as soon as the device has finished the one before.
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
            assert_eq!(receive(&receiver), bit); // or a request is lost
        }
    });
}

/// While another thread enables and disables the interrupt, each edge is either delivered or counted as stale.
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
            let (asserting, late) = (AtomicU64::new(3), AtomicU64::new(0));
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
                            assert.assert();
                            late.fetch_add(1, Ordering::SeqCst);
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
            assert_eq!(answered + stats.stale, 3 * EACH + late.into_inner(), "{stats}");
            assert_eq!(stats.delivered + stats.coalesced, answered, "{stats}");
        });
    }
}

/// Without a source each call of `service` is an assertion. If the lock is held, the release runs the ISR.
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
