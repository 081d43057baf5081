//! Rule I14: a line that falls silent is polled at a set period.

use std::time::{Duration, Instant};

use interrupt_lock::simulated::{Edu, EduSource, Step};
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, NoWorkItem, Polling, Registers};
use support::{Gate, kind, until, watchdog};

const PERIOD: Duration = Duration::from_millis(3);

fn serving(device: &Edu, source: EduSource, polling: Polling) -> Interrupt<u32, NoWorkItem> {
    let registers = device.registers();
    let interrupt = Interrupt::builder(0)
        .isr(move |seen| match registers.read32(0x24) {
            0 => Claim::Unclaimed,
            raised => {
                **seen |= raised;
                registers.write32(0x64, raised);
                Claim::Claimed
            }
        })
        .source(source)
        .polling(polling)
        .poll_when_silent(PERIOD)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// A device loses its interrupts, on a line and with messages. Each is found again, also by a dispatcher that polls.
// Caught: a dispatcher that sleeps until it is woken; one that polls for signals only; an empty poll that is held against
// the interrupt.
#[test]
fn i14_what_a_silent_device_has_raised_is_recovered() {
    for polling in [Polling::None, Polling::Fixed(Duration::MAX)] {
        for message in [true, false] {
            watchdog(move || {
                let device = Edu::new();
                let source = if message { device.message() } else { device.line() }.unwrap();
                let interrupt = serving(&device, source, polling);
                // A dispatcher that polls is awake from the first interrupt on.
                device.perform(Step::Raise(1 << 31));
                until(|| interrupt.stats().claimed != 0);
                device.perform(Step::Silent(true));
                // A poll that has claimed counts as recovered before its section ends.
                drop(interrupt.acquire_interrupt_lock());
                let before = interrupt.stats().recovered;
                for n in 0..4 {
                    device.perform(Step::Raise(1 << n));
                    until(|| interrupt.stats().recovered != before + n);
                    assert_ne!(*interrupt.acquire_interrupt_lock() & (1 << n), 0);
                }
                // What finds nothing is held against nobody.
                let idle = interrupt.stats().benign;
                until(|| interrupt.stats().benign >= idle + 3);
                assert_eq!(interrupt.fault(), None);
                // Its signals are served again as before.
                device.perform(Step::Silent(false));
                device.perform(Step::Raise(1 << 8));
                until(|| *interrupt.acquire_interrupt_lock() & (1 << 8) != 0);
            });
        }
    }
}

/// An interrupt that `dispatcher` polls, to see that it does.
fn polled(dispatcher: &Dispatcher) -> Interrupt<(), NoWorkItem> {
    let builder = Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(Software::edge().0);
    let interrupt = builder.dispatcher(dispatcher).poll_when_silent(PERIOD).build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

fn four_periods(polled: &Interrupt<(), NoWorkItem>) {
    let (begun, before) = (Instant::now(), polled.stats().delivered);
    until(|| polled.stats().delivered >= before + 4);
    assert!(begun.elapsed() >= 2 * PERIOD, "four looks in {:?}", begun.elapsed());
}

/// Only enabled interrupts that ask for it are polled.
// Caught: a dispatcher that sleeps until it is woken.
#[test]
fn i14_nothing_is_polled_that_is_disabled_or_does_not_ask() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let build = |period: Option<Duration>| {
            let builder = Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(Software::edge().0);
            let builder = builder.dispatcher(&dispatcher);
            match period {
                Some(period) => builder.poll_when_silent(period).build(),
                None => builder.build(),
            }
            .unwrap()
        };
        let (asks, does_not, other) = (build(Some(PERIOD)), build(None), polled(&dispatcher));
        let patient = build(Some(Duration::MAX));
        does_not.enable().unwrap();
        patient.enable().unwrap();
        for _ in 0..2 {
            asks.enable().unwrap();
            let before = asks.stats().delivered;
            until(|| asks.stats().delivered >= before + 3);
            asks.disable().unwrap();
            let before = asks.stats().delivered;
            four_periods(&other);
            assert_eq!(asks.stats().delivered, before);
        }
        assert_eq!((does_not.stats().delivered, patient.stats().delivered), (0, 0));
    });
}

/// A line that the driver keeps masked is silent for that reason, and is not polled.
// Caught: a masked line that is polled.
#[test]
fn i14_a_line_kept_masked_is_left_alone() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let other = polled(&dispatcher);
        let (source, line) = Software::level();
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::ClaimedKeepMasked)
            .source(source)
            .dispatcher(&dispatcher)
            .poll_when_silent(PERIOD)
            .build()
            .unwrap();
        line.assert(); // so that it is not polled before
        interrupt.enable().unwrap();
        until(|| interrupt.stats().claimed != 0);
        let before = interrupt.stats();
        four_periods(&other);
        assert_eq!(interrupt.stats(), before);
    });
}

// Caught: a period of nothing, or for nobody, that is taken.
#[test]
fn i14_what_can_not_be_polled_is_refused() {
    let plain = || Interrupt::builder(()).isr(|_| Claim::Claimed);
    let source = || Software::edge().0;
    let refused = plain().source(source()).poll_when_silent(Duration::ZERO).build();
    assert!(matches!(kind(&refused), Some(ErrorKind::NoTime { .. })));
    assert!(matches!(kind(&plain().poll_when_silent(PERIOD).build()), Some(ErrorKind::NothingToPoll)));
    let refused = plain().source(source()).without_dispatcher().poll_when_silent(PERIOD).build();
    assert!(matches!(kind(&refused), Some(ErrorKind::NothingToPoll)));
}

/// A poll finds something, the ISR keeps the line masked, and the work item is faster than the ISR: it has run before the
/// ISR returns. The line is not kept masked for ever: the next poll comes.
// Caught: a poll after which nobody unmasks the line, so that it is never polled again.
#[test]
fn i14_a_poll_whose_work_item_is_faster_than_its_isr() {
    watchdog(|| {
        let (source, _line) = Software::level();
        let ran = Gate::new();
        let open = ran.clone();
        let interrupt = Interrupt::builder(0)
            .isr(move |polls| {
                **polls += 1;
                if **polls == 1 {
                    polls.queue_work_item();
                    ran.wait();
                    return Claim::ClaimedKeepMasked;
                }
                Claim::Unclaimed
            })
            .work_item(move |_| open.open())
            .source(source)
            .poll_when_silent(PERIOD)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        until(|| interrupt.stats().recovered == 1);
        // The work item may still be on its way to its end, in which case it unmasks the line itself.
        until(|| interrupt.stats().benign >= 2);
        assert_eq!(interrupt.stats().work_run, 1);
    });
}
