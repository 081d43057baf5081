//! The checks. A comment beside each names a change of the code that made it fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use interrupt_lock::source::Removal;
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem, State};

use super::eager::Eager;
use super::probe::Reluctance;
use super::trial::{Trial, answer_request};
use super::waiting::{News, expect, sentence, until};
use super::{Attendance, Device, Rig, Verdict};

// Broken by a `connect` that does not open the line, and by a dispatcher that does not wait on it.
pub fn i3_an_assertion_is_delivered<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    trial.assert();
    trial.wait_until_seen("an assertion is delivered")?;
    trial.disable()?;
    trial.has_told(1)
}

// Broken by an `unmask` that does nothing, and by a `take` that forgets one now and then.
pub fn i3_a_thousand_assertions_are_delivered_one_after_the_other<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    for n in 1..=1000 {
        trial.assert();
        trial.wait_until_seen(&format!("assertion {n} of 1000 is delivered"))?;
    }
    trial.disable()?;
    let runs = trial.record().runs;
    expect(runs >= 1000, || format!("1000 assertions got only {runs} ISR runs"))?;
    trial.has_told(1000)
}

// Broken by a `take` that answers 1 for many, or one less.
pub fn i3_assertions_that_meet_are_served<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    for _ in 0..100 {
        // Nobody gets to serve one before the last is there.
        let held = trial.record();
        for _ in 0..5 {
            trial.assert();
        }
        drop(held);
        trial.wait_until_seen("the last of 5 assertions that meet is served")?;
    }
    trial.disable()?;
    trial.has_told(if rig.is_level() { 100 } else { 500 })
}

// Broken by a `connect` that does not open the line.
pub fn i4_what_fires_in_the_enable_callback_is_served_right_after<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    for _ in 0..20 {
        trial.record().assert_in_enable = true;
        trial.enable()?;
        trial.wait_until_seen("what the device asserts in the enable callback is delivered")?;
        trial.disable()?;
    }
    trial.has_told(20)
}

// Broken by draining after the connection instead of before it, and by serving before the enable callback.
pub fn i9_what_fires_at_the_connection_is_served<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::with(rig, attendance, |source, probe| Eager { source, probe })?;
    for _ in 0..20 {
        trial.enable()?;
        trial.wait_until_seen("what the device asserts as soon as it is connected is delivered")?;
        trial.disable()?;
    }
    trial.has_told(20)
}

// Broken by an object that goes on serving, and (where edges are stale) by a `disconnect` that does nothing.
pub fn i5_nothing_is_delivered_after_a_disable<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    for _ in 0..20 {
        trial.enable()?;
        trial.assert();
        trial.wait_until_seen("an assertion is delivered")?;
        trial.disable()?;
        let runs = trial.record().runs;
        if rig.may_assert_unheard() {
            trial.assert();
            trial.assert();
        }
        trial.look_in_vain()?;
        let now = trial.record().runs;
        expect(now == runs, || format!("{} ISR runs after a disable", now - runs))?;
    }
    Ok(())
}

// Broken by a `connect` that forgets a level asserted before, by a `disconnect` that drops what was signalled, and by
// an `unmask` that misses an assertion made since.
pub fn i5_cycles_under_load_lose_nothing<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.served(|| {
        trial.under_load(|| {
            for cycle in 1..=100 {
                trial.enable()?;
                let before = trial.record().seen;
                trial.wait(&format!("something is delivered in cycle {cycle}"), |record| record.seen >= before + 10)?;
                trial.disable()?;
            }
            Ok(())
        })?;
        trial.enable()?;
        trial.assert();
        trial.wait_until_seen("the last assertion is delivered")?;
        trial.disable()
    })?;
    if rig.counts() && !rig.is_level() {
        let (told, stale) = (trial.record().told, trial.interrupt.stats().stale);
        let made = trial.probe.made();
        expect(told + stale == made, || format!("of {made} assertions {told} were delivered and {stale} stale"))?;
    }
    Ok(())
}

// Broken by an object whose end does not disable.
pub fn e6_the_end_comes_under_load<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    for _ in 0..10 {
        let trial = Trial::new(rig, attendance)?;
        trial.served(|| {
            trial.under_load(|| {
                trial.enable()?;
                trial.wait("something is delivered", |record| record.seen >= 10)
            })
        })?;
        let probe = trial.probe.clone();
        probe.under_load(|| {
            drop(trial);
            probe.ended.store(true, Ordering::SeqCst);
            Ok(())
        })?;
        let disables = probe.disables();
        expect(disables == 1, || format!("the disable callback ran {disables} times at the end"))?;
        let late = probe.late.load(Ordering::SeqCst);
        expect(late == 0, || format!("{late} ISR runs after the end"))?;
    }
    Ok(())
}

// Broken by connecting without draining, and by a drain that is not counted.
pub fn i15_an_edge_from_before_an_enable_is_counted_and_not_delivered<R: Rig>(
    rig: &R,
    attendance: Attendance,
) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    for cycle in 1..=20 {
        for _ in 0..3 {
            trial.assert();
        }
        trial.look_in_vain()?;
        trial.enable()?;
        trial.look_in_vain()?;
        trial.assert();
        trial.wait_until_seen("an assertion is delivered")?;
        trial.disable()?;
        trial.has_told(cycle)?;
        let stale = trial.interrupt.stats().stale;
        expect(stale == 3 * cycle, || {
            format!("{} edges came before an enable, and {stale} are counted as stale", 3 * cycle)
        })?;
    }
    Ok(())
}

// Broken by a `connect` that forgets a level asserted before.
pub fn i15_a_level_asserted_before_an_enable_is_delivered<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    for _ in 0..20 {
        trial.assert();
        trial.look_in_vain()?;
        trial.enable()?;
        trial.wait_until_seen("a level asserted before the enable is delivered")?;
        trial.disable()?;
    }
    Ok(())
}

// Broken by an `unmask` that does not look at the line.
pub fn i6_a_level_that_is_not_acknowledged_is_delivered_again<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    for _ in 0..20 {
        trial.record().reluctance = Reluctance::Runs(3);
        trial.assert();
        trial.wait_until_seen("a level that the ISR has not acknowledged is delivered again")?;
    }
    trial.disable()?;
    trial.has_told(20 * 4)
}

// Broken by a `take` that leaves the line open, and by an `unmask` that does not look at the line.
pub fn i6_a_level_kept_masked_is_silent_until_it_is_unmasked<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    for _ in 0..20 {
        trial.record().reluctance = Reluctance::KeepMasked;
        trial.assert();
        trial.wait("the ISR runs that keeps the level masked", |record| record.kept)?;
        trial.assert();
        trial.look_in_vain()?;
        trial.record().kept = false;
        trial.interrupt.unmask();
        trial.wait_until_seen("a level that is still asserted is delivered as it is unmasked")?;
    }
    trial.disable()?;
    trial.has_told(20 * 2)
}

// As the check before, and by a work item that does not unmask.
pub fn i6_a_level_kept_masked_is_silent_until_the_work_item_has_run<R: Rig>(
    rig: &R,
    attendance: Attendance,
) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    for _ in 0..20 {
        trial.record().reluctance = Reluctance::Deferred;
        trial.assert();
        trial.wait("the work item acknowledges the level", |record| record.reluctance == Reluctance::None)?;
        trial.assert();
        trial.wait_until_seen("the level is delivered once the work item has run")?;
    }
    trial.disable()?;
    // The second assertion of a round may come before the line is open again: it is the level, all the same.
    trial.has_told(20 * 2)
}

// Broken by a `take` that answers 0 for a device that is gone.
pub fn i13_a_device_that_goes_is_reported<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    trial.assert();
    trial.wait_until_seen("an assertion is delivered")?;
    trial.probe.device.remove(Removal::Surprise);
    trial.wait_until_removed()?;
    {
        let record = trial.record();
        let disables = trial.probe.disables();
        expect(record.removals == 1 && disables == 0, || {
            format!("not the removal callback once and no disable callback: {disables} disables, {record:?}")
        })?;
    }
    trial.stays_removed()
}

// Broken by an enable that does not look at the source before it connects it.
pub fn i13_a_device_that_went_while_disabled_is_reported<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    trial.disable()?;
    trial.probe.device.remove(Removal::Surprise);
    trial.stays_removed()?;
    let record = trial.record();
    expect(record.enables == 1 && trial.probe.disables() == 1 && record.removals == 0, || {
        format!("callbacks of an interrupt that was disabled as its device went: {record:?}")
    })
}

// Broken by a dispatcher that does not ask the source that woke it whether its device is asked for.
pub fn i13_a_device_that_is_asked_for_is_disabled<R: Rig>(rig: &R, attendance: Attendance) -> Verdict {
    let trial = Trial::new(rig, attendance)?;
    trial.enable()?;
    trial.assert();
    trial.wait_until_seen("an assertion is delivered")?;
    trial.probe.device.remove(Removal::Requested);
    answer_request(&trial.interrupt, attendance)?;
    trial.wait_until_removed()?;
    {
        let record = trial.record();
        let disables = trial.probe.disables();
        expect(disables == 1 && record.removals == 0, || {
            format!("not the disable callback once and no removal callback: {disables} disables, {record:?}")
        })?;
    }
    trial.stays_removed()
}

// Broken by leaving it to the worker, which runs only where there is a work item.
pub fn i13_a_device_without_a_work_item_is_disabled_when_it_is_asked_for<R: Rig>(
    rig: &R,
    attendance: Attendance,
) -> Verdict {
    let (source, device) = rig.set_up()?;
    let news = Arc::<News>::default();
    let told = news.clone();
    let builder = Interrupt::<(), NoWorkItem>::builder(())
        .isr(|_| Claim::Claimed)
        .on_disable(move |()| told.tell())
        .source(source);
    let dispatcher = Dispatcher::new().map_err(sentence)?;
    let builder = match attendance {
        Attendance::Own => builder,
        Attendance::Shared => builder.dispatcher(&dispatcher),
        Attendance::Nobody => builder.without_dispatcher(),
    };
    let interrupt = builder.build().map_err(sentence)?;
    interrupt.enable().map_err(sentence)?;
    device.remove(Removal::Requested);
    answer_request(&interrupt, attendance)?;
    news.wait_past(0);
    expect(news.count() == 1, || {
        format!("the disable callback ran {} times for a device that is asked for", news.count())
    })?;
    until("the removal is reported", || interrupt.state() == State::Removed)
}
