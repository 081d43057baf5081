//! Rule S2: measured times. A test compares them with a time that has passed for certain, which is the least they can
//! be.

use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::simulated::{Edu, Step};
use interrupt_lock::source::{Assertions, EdgeHandle, Ready, Software};
use interrupt_lock::{
    Claim, Delivery, Distributions, Info, Interrupt, InterruptObject, NoWorkItem, SourceError, source::Source,
};
use support::{LOOK, until, watchdog};

/// How long a test waits where something has to take time.
const WHILE: Duration = Duration::from_millis(10);

fn timed(source: impl Source + 'static) -> Interrupt<(), NoWorkItem> {
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().timed().build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

fn measured(interrupt: &InterruptObject<(), NoWorkItem>) -> Distributions {
    interrupt.stats().distributions.unwrap()
}

// Caught: an interrupt that is always timed.
#[test]
fn s2_nothing_is_measured_unless_it_is_asked_for() {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    interrupt.service();
    assert_eq!(interrupt.stats().distributions, None);
}

// Caught: the ISR's end taken for its beginning; runs counted twice; an answer that is not passed on.
#[test]
fn s2_how_long_the_isr_runs() {
    let mut runs = 0;
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            runs += 1;
            if runs == 2 {
                thread::sleep(WHILE);
                return Claim::Unclaimed;
            }
            Claim::Claimed
        })
        .timed()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
    assert_eq!(interrupt.service(), Delivery::Answered(Claim::Unclaimed));
    let measured = measured(&interrupt);
    assert_eq!(measured.isr.count(), 2);
    assert!(measured.isr.longest() >= Some(WHILE));
    assert!(measured.isr.quantile(0.0) <= measured.isr.quantile(1.0));
    // The call is the assertion: nobody knows when it was meant.
    assert_eq!(measured.latency.count(), 0);
}

/// A delivery waits if the lock is held. If the lock is free, its wait of no time counts too.
// Caught: a wait that is not measured; only the waits counted; the wait of a thread counted.
#[test]
fn s2_how_long_a_delivery_waits_for_the_lock() {
    watchdog(|| {
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build().unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        assert_eq!(measured(&interrupt).lock_wait.longest(), Some(Duration::ZERO));
        thread::scope(|scope| {
            let guard = interrupt.acquire_interrupt_lock();
            scope.spawn(|| interrupt.service());
            until(|| interrupt.snapshot().deliveries_waiting == 1);
            // A look takes no lock.
            assert_eq!(measured(&interrupt).lock_wait.count(), 1);
            thread::sleep(WHILE);
            drop(guard);
        });
        let waits = measured(&interrupt).lock_wait;
        assert_eq!(waits.count(), 2);
        assert_eq!(waits.quantile(0.0), Some(Duration::ZERO));
        assert!(waits.longest() >= Some(WHILE));
    });
}

/// The time from the first assertion that a run stands for to the beginning of the run.
// Caught: the last assertion of several; the time of one that has been answered already; the ISR's end.
#[test]
fn s2_how_long_an_assertion_takes_to_its_isr() {
    for (source, assert) in [Software::edge(), Software::message(3)] {
        let interrupt = timed(source);
        assert.assert();
        interrupt.service();
        let begun = Instant::now();
        assert.assert();
        thread::sleep(WHILE);
        assert.assert();
        interrupt.service();
        let until = begun.elapsed();
        let latency = measured(&interrupt).latency;
        assert_eq!(latency.count(), 2);
        assert!((Some(WHILE)..=Some(until)).contains(&latency.longest()), "{latency}");
    }
}

/// A source that is asserted just before it is connected.
struct Early {
    software: Software,
    assert: EdgeHandle,
}

impl Source for Early {
    fn info(&self) -> Info {
        self.software.info()
    }
    fn ready(&mut self) -> Ready<'_> {
        self.software.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.assert.assert();
        thread::sleep(WHILE);
        self.software.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.software.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.software.take()
    }
    fn time_assertions(&mut self, assertions: Assertions) {
        self.software.time_assertions(assertions);
    }
}

/// A level's time is that of its own assertion. The time of an assertion that ended without a run is not used for the
/// next.
// Caught: a deassertion that keeps the time; a stale edge whose time is told for the first that is not.
#[test]
fn s2_no_time_is_told_for_another_assertion() {
    let (source, line) = Software::level();
    let interrupt = timed(source);
    line.assert();
    interrupt.service(); // answered; masked, and opened again while asserted
    interrupt.service();
    line.deassert();
    interrupt.service();
    line.assert();
    line.deassert();
    interrupt.service();
    assert_eq!(interrupt.stats().delivered, 4);
    assert_eq!(measured(&interrupt).latency.count(), 1);

    let (source, line) = Software::level();
    let interrupt = timed(source);
    line.assert();
    line.deassert();
    interrupt.service();
    thread::sleep(WHILE);
    let begun = Instant::now();
    line.assert();
    interrupt.service();
    let latency = measured(&interrupt).latency;
    assert_eq!(latency.count(), 1);
    assert!(latency.longest() <= Some(begun.elapsed()));

    let (source, assert) = Software::edge();
    let interrupt = timed(Early { software: source, assert: assert.clone() });
    interrupt.disable().unwrap();
    assert.assert();
    thread::sleep(WHILE);
    interrupt.enable().unwrap();
    let begun = Instant::now();
    assert.assert();
    interrupt.service();
    let latency = measured(&interrupt).latency;
    assert_eq!(latency.count(), 1);
    assert!(latency.longest() <= Some(begun.elapsed()));
}

/// The simulated device's line and message are software sources.
// Caught: a device that does not pass it on.
#[test]
fn s2_the_simulated_device_knows_when_it_asserts() {
    watchdog(|| {
        let device = Edu::new();
        for message in [false, true] {
            let source = if message { device.message() } else { device.line() }.unwrap();
            let interrupt = timed(source);
            device.perform(Step::Raise(1));
            until(|| device.wait_idle(LOOK));
            interrupt.service();
            assert_eq!(measured(&interrupt).latency.count(), 1);
        }
    });
}

/// A source of the driver's own may report its times too.
// Caught: a moment that is told and not used.
#[test]
fn s2_any_source_may_tell_when_it_was_asserted() {
    struct Knowing(Option<Assertions>);
    impl Source for Knowing {
        fn info(&self) -> Info {
            Info::default()
        }
        fn ready(&mut self) -> Ready<'_> {
            Ready::Waker
        }
        fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
            Ok(())
        }
        fn disconnect(&mut self) -> Result<(), SourceError> {
            Ok(())
        }
        fn take(&mut self) -> Result<u64, SourceError> {
            if let Some(assertions) = &self.0 {
                assertions.taken(Instant::now());
                thread::sleep(WHILE);
            }
            Ok(1)
        }
        fn time_assertions(&mut self, assertions: Assertions) {
            assertions.taken(Instant::now() - WHILE);
            self.0 = Some(assertions);
        }
    }
    let interrupt = timed(Knowing(None));
    interrupt.service();
    let latency = measured(&interrupt).latency;
    assert_eq!(latency.count(), 1);
    assert!(latency.longest() >= Some(WHILE));
}
