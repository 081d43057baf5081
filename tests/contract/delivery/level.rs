//! Rule I6: when a level line is masked and when it is opened again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Delivery, Interrupt, WithWorkItem};
use support::log::Log;
use support::script::Script;
use support::slot::Slot;
use support::{Gate, watchdog};

/// The line is taken, which masks it; the ISR returns; the line is unmasked. It happens in this order, claimed or not.
// Caught: an unclaimed delivery that stays masked; unmask before the ISR.
#[test]
fn i6_unmasked_when_the_isr_has_answered_claimed_or_not() {
    for claim in [Claim::Claimed, Claim::Unclaimed] {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let isr = log.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr.add("isr");
                claim
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        log.take();
        device.assert();
        assert_eq!(interrupt.service(), Delivery::Answered(claim));
        assert_eq!(log.take(), ["take", "isr", "unmask"]);
    }
}

/// A line that is still asserted is delivered again and again until it falls.
// Caught: an unclaimed delivery that stays masked.
#[test]
fn i6_a_line_still_asserted_signals_again() {
    watchdog(|| {
        let (source, line) = Software::level();
        let (log, theirs, mut runs) = (Log::new(), line.clone(), 0);
        let isr = log.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                runs += 1;
                if runs < 5 {
                    return Claim::Unclaimed;
                }
                theirs.deassert();
                isr.add("quiet");
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        log.wait_for("quiet", 1);
        interrupt.disable().unwrap();
        assert_eq!((interrupt.stats().spurious, interrupt.stats().claimed), (4, 1));
    });
}

// Caught: ClaimedKeepMasked that is unmasked at once; unmask() that does nothing.
#[test]
fn i6_kept_masked_until_the_driver_says_so() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::ClaimedKeepMasked).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    log.take();
    interrupt.unmask();
    assert!(!log.contains("unmask"), "nothing was kept masked");
    device.assert();
    interrupt.service();
    assert_eq!(log.take(), ["take"]);
    interrupt.unmask();
    interrupt.unmask();
    assert_eq!(log.take(), ["unmask"], "once");
}

// Caught: a run that does not unmask at its end; one that unmasks before it; ClaimedKeepMasked unmasked at once.
#[test]
fn i6_kept_masked_until_the_work_item_has_run() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let work = log.clone();
    let interrupt = Interrupt::builder(())
        .isr(|cx| {
            cx.queue_work_item();
            Claim::ClaimedKeepMasked
        })
        .work_item(move |_| work.add("work item"))
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    log.take();
    device.assert();
    interrupt.service();
    assert!(!interrupt.run_work_item());
    assert_eq!(log.take(), ["take", "work item", "unmask"]);
}

/// The line is unmasked after the run that this ISR has queued, not after a run that was going on before.
// Caught: a run that unmasks at its end although another is queued.
#[test]
fn i6_the_run_that_was_going_on_does_not_unmask() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let (slot, work) = (Slot::<u32, WithWorkItem>::new(), log.clone());
    let own = slot.clone();
    let interrupt = Interrupt::builder(0)
        .isr(|cx| {
            cx.queue_work_item();
            Claim::ClaimedKeepMasked
        })
        .work_item(move |interrupt| {
            work.add("work item");
            if interrupt.synchronize(|runs| std::mem::replace(runs, 1)) == 0 {
                device.assert();
                own.get().service();
            }
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    slot.set(&interrupt);
    interrupt.enable().unwrap();
    log.take();
    interrupt.queue_work_item();
    assert!(interrupt.run_work_item(), "the ISR has queued it again");
    assert_eq!(log.take(), ["work item", "take"]);
    assert!(!interrupt.run_work_item());
    assert_eq!(log.take(), ["work item", "unmask"]);
}

/// The worker may be faster than the ISR: the run may be over before the ISR returns "keep masked".
// Caught: a delivery that does not look whether the run is over already.
#[test]
fn i6_a_work_item_that_ends_before_the_isr_does_leaves_no_line_masked() {
    watchdog(|| {
        let (source, line) = Software::level();
        let (queued, ran) = (Gate::new(), Gate::new());
        let (isr, runs) = ((queued.clone(), ran.clone()), Arc::new(AtomicU32::new(0)));
        let count = runs.clone();
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(move |cx| {
                    cx.queue_work_item();
                    isr.0.open();
                    isr.1.wait();
                    count.fetch_add(1, Ordering::SeqCst);
                    Claim::ClaimedKeepMasked
                })
                .work_item(|_| ())
                .source(source)
                .without_dispatcher()
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        let theirs = interrupt.clone();
        let worker = std::thread::spawn(move || {
            queued.wait();
            let _ = theirs.run_work_item();
            ran.open();
        });
        line.assert();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
        worker.join().unwrap();
        assert_eq!(interrupt.stats().work_run, 1);
        // The line is still asserted: it signals again now that the work item has run.
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::ClaimedKeepMasked), "the line stays masked for ever");
    });
}

/// The ISR may tell another thread to call `unmask`, and that thread may be faster than the ISR.
// Caught: unmask() that looks for the bit without the lock.
#[test]
fn i6_unmask_before_the_isr_has_answered() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let (told, about_to) = (Gate::new(), Gate::new());
        let isr = (told.clone(), about_to.clone());
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(move |_| {
                    isr.0.open();
                    isr.1.wait();
                    support::let_it_block();
                    Claim::ClaimedKeepMasked
                })
                .source(source)
                .without_dispatcher()
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        let theirs = interrupt.clone();
        let other = std::thread::spawn(move || {
            told.wait();
            about_to.open();
            theirs.unmask();
        });
        device.assert();
        interrupt.service();
        other.join().unwrap();
        assert_eq!(log.count("unmask"), 1, "the line stays masked for ever");
    });
}

/// A disable forgets that the line was kept masked, so nothing unmasks the next connection for it.
// Caught: a disable that leaves the mask's bit.
#[test]
fn i6_a_disable_ends_the_mask() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::ClaimedKeepMasked).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    device.assert();
    interrupt.service();
    device.assert();
    log.take();
    interrupt.disable().unwrap();
    assert_eq!(log.take(), ["removal", "take", "disconnect", "take"]);
    interrupt.enable().unwrap();
    interrupt.unmask();
    assert!(!log.contains("unmask"));
}
