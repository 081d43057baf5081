//! Nothing is allocated from an assertion to the ISR and on to the work item: not by the asserting thread, and not by
//! the dispatcher's threads. In a process of its own, because it counts what the whole process allocates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[cfg(target_os = "linux")]
use interrupt_lock::linux::Eventfd;
use interrupt_lock::source::{EdgeHandle, SharedLine, Software};
use interrupt_lock::{Claim, Deferral, Dispatcher, Interrupt, NoWorkItem, Polling, source::Source};
use support::allocations::ALLOCATED;
use support::alone::in_a_process_of_its_own;
use support::{let_it_block, until, watchdog};

/// Asserts again and again. Each assertion waits until the work item of the one before it has run.
fn trips(trips: u64, assert: &dyn Fn(), worked: &AtomicU64) {
    for _ in 0..trips {
        let before = worked.load(Relaxed);
        assert();
        until(|| worked.load(Relaxed) != before);
    }
}

fn build(
    source: impl Source + 'static,
    dispatcher: &Dispatcher,
    polling: Polling,
    timed: bool,
) -> (Interrupt<u64>, Arc<AtomicU64>) {
    let worked = Arc::new(AtomicU64::new(0));
    let work = worked.clone();
    let builder = Interrupt::builder(0)
        .isr(|cx| {
            **cx += 1;
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(move |interrupt| {
            interrupt.synchronize(|count| *count += 1);
            work.fetch_add(1, Relaxed);
        })
        .source(source)
        .dispatcher(dispatcher)
        .polling(polling);
    let interrupt = if timed { builder.timed() } else { builder }.build().unwrap();
    interrupt.enable().unwrap();
    (interrupt, worked)
}

// Caught: a thread that waits for a lock unprepared; a box in the delivery, in a queueing, in a wake-up, in a run of the work item, in the window of a poll,
// in a closure that runs at once, in the list of the members to wake.
#[test]
fn i3_nothing_is_allocated_from_the_assertion_to_the_work_item() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            for polling in [
                Polling::None,
                Polling::Fixed(Duration::from_micros(50)),
                Polling::Adaptive(Duration::from_micros(50)),
                Polling::Fixed(Duration::MAX),
            ] {
                let dispatcher = Dispatcher::new().unwrap();
                #[cfg(target_os = "linux")]
                let (by_descriptor, device) = {
                    let eventfd = Eventfd::new().unwrap();
                    let device = eventfd.signaller();
                    (build(eventfd, &dispatcher, polling, false), device)
                };
                let (software, edge): (Software, EdgeHandle) = Software::edge();
                let (line, level) = Software::level();
                let by_waker = build(software, &dispatcher, polling, true);
                let by_level = build(line, &dispatcher, polling, false);
                let (wire, common) = Software::level();
                let shared = SharedLine::new(wire).unwrap();
                let _first = build(shared.member(), &dispatcher, polling, false);
                let by_shared_line = build(shared.member(), &dispatcher, polling, false);
                let free = Interrupt::<_, NoWorkItem>::builder(0).isr(|_| Claim::Claimed).build().unwrap();
                let round = |times| {
                    #[cfg(target_os = "linux")]
                    trips(times, &|| device.signal(), &by_descriptor.1);
                    trips(times, &|| edge.assert(), &by_waker.1);
                    for (level, worked) in [(&level, &by_level.1), (&common, &by_shared_line.1)] {
                        let pulse = || {
                            level.assert();
                            level.deassert();
                        };
                        trips(times, &pulse, worked);
                    }
                    // What is not deferred needs no place to wait (rule L12).
                    assert_eq!(free.run_or_defer(move |runs| *runs += times).unwrap(), Deferral::Ran);
                };
                round(3);
                let before = ALLOCATED.load(Relaxed);
                round(200);
                // And where the delivery has to wait for the lock.
                let held = || {
                    let _guard = by_waker.0.acquire_interrupt_lock();
                    edge.assert();
                    let_it_block();
                };
                trips(1, &held, &by_waker.1);
                assert_eq!(ALLOCATED.load(Relaxed), before, "{polling:?}");
            }
        });
    });
}
