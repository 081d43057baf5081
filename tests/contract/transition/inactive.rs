//! Rule E8: an interrupt is reported inactive, and active again.

use interrupt_lock::source::Software;
use interrupt_lock::{
    Claim, Delivery, ErrorKind, Interrupt, NoWorkItem, SourceError, State, Transition, source::Source,
};
use support::log::Log;
use support::script::Script;
use support::slot::Slot;
use support::{kind, watchdog};

/// An interrupt that counts its assertions and logs each callback.
fn counting(log: &Log, source: impl Source + 'static, attended: bool) -> Interrupt<u64, NoWorkItem> {
    let [isr, enable, disable] = [(); 3].map(|()| log.clone());
    let builder = Interrupt::builder(0)
        .isr(move |cx| {
            let assertions = cx.assertions();
            **cx += assertions;
            isr.add("isr");
            Claim::Claimed
        })
        .on_enable(move |_| enable.add("enable callback"))
        .on_disable(move |_| disable.add("disable callback"))
        .source(source);
    let interrupt = if attended { builder.build() } else { builder.without_dispatcher().build() };
    interrupt.unwrap()
}

/// Nothing is connected, disconnected or called. The crate takes from the source, and unmasks the line only after an
/// ISR.
// Caught: an inactivity that disconnects; a line that is opened again where its signal is withheld; what was withheld
// is not delivered.
#[test]
fn e8_stops_and_resumes_without_disconnecting() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let interrupt = counting(&log, source, false);
    interrupt.enable().unwrap();
    log.take();

    assert_eq!(interrupt.report_inactive().unwrap(), Transition::Done);
    assert_eq!(interrupt.report_inactive().unwrap(), Transition::Already);
    assert_eq!(interrupt.state(), State::Inactive);
    device.assert();
    assert_eq!(interrupt.service(), Delivery::Withheld);
    assert_eq!(interrupt.service(), Delivery::Nothing);
    device.assert();
    assert_eq!(log.take(), ["take", "take"]);

    assert_eq!(interrupt.report_active().unwrap(), Transition::Done);
    assert_eq!(log.take(), ["take", "isr", "unmask"]);
    assert_eq!(interrupt.report_active().unwrap(), Transition::Already);
    assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    assert_eq!(interrupt.stats().coalesced, 1);

    // With nothing asserted there is nothing to run.
    interrupt.report_inactive().unwrap();
    interrupt.report_active().unwrap();
    assert_eq!(log.count("isr"), 0);
}

/// A dispatcher is told of a signal once. An edge that it was told of while the interrupt was inactive is not lost.
// Caught: what was withheld is not delivered; becoming active does not look at the source.
#[test]
fn e8_an_edge_that_a_dispatcher_was_told_of() {
    watchdog(|| {
        for descriptor in [true, false] {
            let log = Log::new();
            let (source, device) = if descriptor { Script::descriptor(&log) } else { Script::waking(&log) };
            let interrupt = counting(&log, source, true);
            interrupt.enable().unwrap();
            interrupt.report_inactive().unwrap();
            log.take();
            device.assert();
            log.wait_for("take", 1);
            device.assert();
            interrupt.report_active().unwrap();
            assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
            device.assert();
            log.wait_for("isr", 2);
        }
    });
}

/// A level stays masked while its interrupt is inactive, and is delivered once it is active.
// Caught: a line that is opened again where its signal is withheld (the dispatcher then spins on it).
#[test]
fn e8_a_level_is_delivered_on_resume() {
    let (source, line) = Software::level();
    let interrupt = counting(&Log::new(), source, false);
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    line.assert();
    assert_eq!(interrupt.service(), Delivery::Withheld);
    assert_eq!(interrupt.service(), Delivery::Nothing, "it is masked");
    interrupt.report_active().unwrap();
    assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed), "it is open, and asserted still");
}

// Caught: what was withheld is not delivered.
#[test]
fn e8_without_a_source_the_calls_are_counted() {
    let interrupt = Interrupt::builder(0)
        .isr(|cx| {
            **cx += cx.assertions();
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    for _ in 0..3 {
        assert_eq!(interrupt.service(), Delivery::Withheld);
    }
    // While its lock is held too.
    let guard = interrupt.acquire_interrupt_lock();
    assert_eq!(interrupt.service(), Delivery::Pending);
    drop(guard);
    interrupt.report_active().unwrap();
    assert_eq!(*interrupt.acquire_interrupt_lock(), 4);
}

/// A disable of an inactive interrupt runs the disable callback, but no ISR. What was signalled is stale. The interrupt
/// stays inactive.
// Caught: the last delivery of a disable regardless of inactivity; a disable that takes an inactive interrupt for a
// disabled one; what was withheld is kept beyond the disable.
#[test]
fn e8_disabled_while_inactive() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let interrupt = counting(&log, source, false);
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    device.assert();
    interrupt.service();
    device.assert();
    log.take();
    assert_eq!(interrupt.disable().unwrap(), Transition::Done);
    assert_eq!(log.take(), ["removal", "take", "disable callback", "disconnect", "take"]);
    assert_eq!(interrupt.stats().stale, 2);
    assert_eq!(interrupt.state(), State::Disabled);

    interrupt.enable().unwrap();
    assert_eq!(interrupt.state(), State::Inactive);
    device.assert();
    assert_eq!(interrupt.service(), Delivery::Withheld);
    interrupt.report_active().unwrap();
    assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
}

/// A removal is noticed while the interrupt is inactive too. Every later call returns it.
// Caught: an inactive interrupt whose source is not asked; a report that does not look whether the device is there.
#[test]
fn e8_removed_while_inactive() {
    let (source, line) = Software::edge();
    let interrupt = counting(&Log::new(), source, false);
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    line.remove();
    assert_eq!(interrupt.service(), Delivery::NotServed);
    assert_eq!(interrupt.state(), State::Removed);
    assert!(matches!(kind(&interrupt.report_active()), Some(ErrorKind::Removed)));
    assert!(matches!(kind(&interrupt.report_inactive()), Some(ErrorKind::Removed)));
}

/// A source that fails while its interrupt is inactive is a fault as ever. What was withheld is stale then.
// Caught: a fault that leaves what was withheld to the next enable.
#[test]
fn e8_a_fault_while_inactive() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let interrupt = counting(&log, source, false);
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    device.assert();
    interrupt.service();
    device.fail("take", SourceError::Refused("testing".into()));
    assert_eq!(interrupt.service(), Delivery::NotServed);
    assert_eq!(interrupt.state(), State::Faulted);
    assert_eq!(interrupt.stats().stale, 1);
    interrupt.report_active().unwrap();
    interrupt.clear_fault().unwrap();
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    interrupt.report_active().unwrap();
    assert_eq!(*interrupt.acquire_interrupt_lock(), 0);
}

/// Reporting is refused in the interrupt's own sections, where it would wait for itself.
// Caught: no look at what the caller is inside of (it panics for the lock).
#[test]
fn e8_refused_in_its_own_sections() {
    watchdog(|| {
        let slot: Slot<(), NoWorkItem> = Slot::new();
        let theirs = slot.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                let object = theirs.get();
                assert!(matches!(kind(&object.report_inactive()), Some(ErrorKind::WouldDeadlock { .. })));
                assert!(matches!(kind(&object.report_active()), Some(ErrorKind::WouldDeadlock { .. })));
                Claim::Claimed
            })
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        let guard = interrupt.acquire_interrupt_lock();
        assert!(matches!(kind(&interrupt.report_inactive()), Some(ErrorKind::WouldDeadlock { .. })));
        drop(guard);
    });
}
