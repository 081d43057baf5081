//! Rule I10: a storm is a fault, and unclaimed runs that are expected are no storm.

use interrupt_lock::simulated::{Edu, Step};
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Fault, Interrupt, Registers, Share, State, Trigger};
use support::log::Log;
use support::script::Script;
use support::{kind, until, watchdog};

const STORM: Fault = Fault::Storm { unclaimed: 99_900, of: 100_000 };

/// A device is stuck. Another device on the same dispatcher is served during the storm and afterwards.
// Caught: a storm that is not noticed; one that is noticed and leaves the line connected.
#[test]
fn i10_a_stuck_line_is_faulted_and_the_others_are_served() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let device = Edu::new();
        let registers = device.registers();
        let interrupt = Interrupt::builder(())
            .isr(move |_| match registers.read32(0x24) {
                0 => Claim::Unclaimed,
                raised => {
                    registers.write32(0x64, raised);
                    Claim::Claimed
                }
            })
            .source(device.line().unwrap())
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let log = Log::new();
        let isr = log.clone();
        let (source, other) = Software::edge();
        let healthy = Interrupt::builder(())
            .isr(move |_| {
                isr.add("isr");
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        healthy.enable().unwrap();
        device.perform(Step::Stuck(true));
        other.assert();
        log.wait_for("isr", 1);
        until(|| interrupt.state() == State::Faulted);
        assert_eq!(interrupt.fault(), Some(STORM));
        let stats = interrupt.stats();
        assert!(stats.spurious >= 99_900);
        assert_eq!((stats.faults, stats.delivered), (1, stats.spurious));
        assert!(matches!(kind(&interrupt.enable()), Some(ErrorKind::Faulted(STORM))));
        other.assert();
        log.wait_for("isr", 2);
        assert_eq!(interrupt.stats(), stats, "its ISR runs no more");

        // Once the device is well again it serves as before.
        device.perform(Step::Stuck(false));
        assert_eq!(interrupt.clear_fault().unwrap(), Some(STORM));
        interrupt.enable().unwrap();
        device.perform(Step::Raise(1));
        until(|| interrupt.stats().claimed != 0);
        interrupt.disable().unwrap();
    });
}

/// The line stays as the disconnection has left it.
// Caught: a line that is opened once more after the fault.
#[test]
fn i10_a_faulted_line_is_not_opened_again() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let interrupt =
            Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(source).without_dispatcher().build().unwrap();
        interrupt.enable().unwrap();
        while interrupt.fault().is_none() {
            log.take();
            device.assert();
            interrupt.service();
        }
        assert_eq!(log.take(), ["take", "disconnect"]);
    });
}

/// One delivery in five hundred is claimed: that is a busy line, and no storm.
// Caught: claims that are not looked at.
#[test]
fn i10_a_line_that_claims_now_and_then_is_healthy() {
    let (source, line) = Software::edge();
    let mut runs = 0;
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            runs += 1;
            if runs % 500 == 0 { Claim::Claimed } else { Claim::Unclaimed }
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    for _ in 0..300_000 {
        line.assert();
        interrupt.service();
    }
    assert_eq!((interrupt.fault(), interrupt.stats().claimed), (None, 600));
}

/// A message vector that only one device uses: an earlier run may have done the work of this one.
// Caught: empty runs that count as spurious, or as a storm; a shared vector's that do not.
#[test]
fn i10_empty_runs_of_an_exclusive_message_vector_are_benign() {
    for shared in [false, true] {
        let (source, device) = Script::waking(&Log::new());
        device.set_info(|info| {
            info.trigger = Some(Trigger::Message);
            info.message_signaled = Some(true);
            info.share = shared.then_some(Share::Shared);
        });
        let interrupt =
            Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(source).without_dispatcher().build().unwrap();
        interrupt.enable().unwrap();
        for _ in 0..3 {
            device.assert();
            interrupt.service();
        }
        let stats = interrupt.stats();
        assert_eq!((stats.benign, stats.spurious), if shared { (0, 3) } else { (3, 0) });
        assert_eq!(stats.delivered, 3);
    }
    let (source, message) = Software::message(0);
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    for _ in 0..200_000 {
        message.assert();
        interrupt.service();
    }
    assert_eq!((interrupt.fault(), interrupt.stats().benign), (None, 200_000));
}

/// Without a source there is nothing to disconnect, so a driver may call `service` as often as it likes.
// Caught: a storm of an interrupt without a source.
#[test]
fn i10_polling_by_hand_is_no_storm() {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Unclaimed).build().unwrap();
    interrupt.enable().unwrap();
    for _ in 0..200_000 {
        interrupt.service();
    }
    assert_eq!((interrupt.fault(), interrupt.stats().spurious), (None, 200_000));
}
