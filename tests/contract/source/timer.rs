//! The timer source.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use interrupt_lock::linux::{Timer, TimerHandle};
use interrupt_lock::source::Source;
use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, NoWorkItem, SourceError, Trigger};
use support::{kind, until, watchdog};

const PERIOD: Duration = Duration::from_micros(300);

fn interrupt(source: Timer) -> Interrupt<u64, NoWorkItem> {
    let isr = |expired: &mut interrupt_lock::IsrContext<'_, u64, NoWorkItem>| {
        **expired += expired.assertions();
        Claim::Claimed
    };
    Interrupt::builder(0).isr(isr).source(source).without_dispatcher().build().unwrap()
}

/// How many periods have passed at `now`.
fn periods(since: Instant, now: Instant) -> u64 {
    ((now - since).as_nanos() / PERIOD.as_nanos()).try_into().unwrap()
}

// Broken by a `take` that returns 1 for many.
#[test]
fn i3_expirations_coalesce_and_are_counted_exactly() {
    let (source, timer) = Timer::new().unwrap();
    let interrupt = interrupt(source);
    interrupt.enable().unwrap();
    let earliest = Instant::now();
    timer.every(PERIOD).unwrap();
    let latest = Instant::now();
    let mut told = 0;
    while told < 100 {
        std::thread::sleep(Duration::from_millis(1));
        let before = Instant::now();
        interrupt.service();
        let after = Instant::now();
        told = *interrupt.acquire_interrupt_lock();
        let possible = periods(latest, before)..=periods(earliest, after);
        assert!(possible.contains(&told), "{told} expirations, and it must be {possible:?}");
    }
    let stats = interrupt.stats();
    assert!(stats.coalesced > 0 && stats.delivered + stats.coalesced == told, "{stats}");
}

// Broken by a `once` that is periodic.
#[test]
fn a_timer_that_is_set_once_expires_once() {
    watchdog(|| {
        let (mut source, timer) = Timer::new().unwrap();
        timer.once(Duration::from_nanos(1)).unwrap();
        let mut expired = 0;
        until(|| {
            expired = source.take().unwrap();
            expired != 0
        });
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!((expired, source.take()), (1, Ok(0)));
        assert_eq!(source.info().trigger, Some(Trigger::Edge));
    });
}

/// A time-out that is put off, by the driver, each time that there is news.
// Broken by a `stop` that does nothing, and by a `once` that is periodic.
#[test]
fn a_timer_is_changed_while_it_runs() {
    let (mut source, timer) = Timer::new().unwrap();
    let theirs = timer.clone();
    timer.every(PERIOD).unwrap();
    timer.once(Duration::from_secs(3600)).unwrap();
    assert_eq!(source.take(), Ok(0), "what had expired is forgotten");
    std::thread::spawn(move || theirs.once(Duration::from_nanos(1)).unwrap()).join().unwrap();
    until(|| source.take() == Ok(1));
    timer.every(Duration::from_nanos(1)).unwrap();
    until(|| source.take().unwrap() > 0);
    timer.stop().unwrap();
    assert_eq!(source.take(), Ok(0));
}

/// The driver's own way: the timer runs while the interrupt is enabled, and its ISR sets it.
#[test]
fn it_is_set_by_callbacks_and_by_the_isr() {
    watchdog(|| {
        struct Slower {
            timer: TimerHandle,
            period: Duration,
        }
        let (source, timer) = Timer::new().unwrap();
        let (report, reported) = channel();
        let interrupt: Interrupt<Slower, NoWorkItem> = Interrupt::builder(Slower { timer, period: PERIOD })
            .isr(move |slower| {
                slower.period *= 2;
                slower.timer.once(slower.period).unwrap();
                report.send(slower.period).unwrap();
                Claim::Claimed
            })
            .on_enable(|slower| slower.timer.once(slower.period))
            .on_disable(|slower| slower.timer.stop())
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert_eq!([(); 3].map(|()| support::receive(&reported)), [2, 4, 8].map(|times| PERIOD * times));
        interrupt.disable().unwrap();
        assert!(interrupt.stats().claimed >= 3);
    });
}

// Broken by a `disconnect` that stops the timer.
#[test]
fn i15_what_expires_while_it_is_disabled_is_stale() {
    let (source, timer) = Timer::new().unwrap();
    let interrupt = interrupt(source);
    timer.every(Duration::from_nanos(100)).unwrap();
    std::thread::sleep(Duration::from_millis(1));
    interrupt.enable().unwrap();
    assert!(interrupt.stats().stale >= 1);
    interrupt.disable().unwrap();
    let before = interrupt.stats().stale;
    std::thread::sleep(Duration::from_millis(1));
    interrupt.enable().unwrap();
    assert!(interrupt.stats().stale > before);
}

// Broken by passing a time of zero on: it stops the timer.
#[test]
fn times_that_are_none_are_refused() {
    let (source, timer) = Timer::new().unwrap();
    let refused: [Result<(), Error>; 2] = [timer.once(Duration::ZERO), timer.every(Duration::ZERO)];
    let names = ["once", "every"];
    for (refused, name) in refused.iter().zip(names) {
        assert!(matches!(kind(refused), Some(ErrorKind::NoTime { option }) if *option == name), "{refused:?}");
    }
    let refused = timer.once(Duration::MAX);
    assert!(matches!(kind(&refused), Some(ErrorKind::Source(SourceError::Os { .. }))), "{refused:?}");
    drop(source);
    timer.every(PERIOD).unwrap(); // nobody hears it
}
