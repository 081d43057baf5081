//! The checks that concern every source. A comment beside each names a change of the code that made it fail.

pub mod edges;
pub mod levels;
pub mod removals;

use core::sync::atomic::Ordering;
use std::format;
use std::time::Instant;

use crate::test_kit::bench::Bench;
use crate::test_kit::meddling::Moment;
use crate::test_kit::trial::Trial;
use crate::test_kit::waiting::{closed_on_exec, expect};
use crate::test_kit::{Rig, Verdict};

// Broken by a `connect` that does not open the line, and by a dispatcher that does not wait on it.
pub fn i3_an_assertion_is_delivered<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
    trial.enable()?;
    trial.assert();
    trial.wait_until_seen("an assertion is delivered")?;
    trial.disable()?;
    trial.has_told(1)
}

// Broken by an `unmask` that does nothing, and by a `take` that forgets one now and then.
pub fn i3_a_thousand_assertions_are_delivered_one_after_the_other<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i3_assertions_that_meet_are_served<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
    trial.has_told(if bench.is_level() { 100 } else { 500 })
}

// Broken by a `connect` that does not open the line.
pub fn i4_what_fires_in_the_enable_callback_is_served_right_after<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
    for _ in 0..20 {
        trial.record().assert_in_enable = true;
        trial.enable()?;
        trial.wait_until_seen("what the device asserts in the enable callback is delivered")?;
        trial.disable()?;
    }
    trial.has_told(20)
}

// Broken by draining after the connection instead of before it, and by serving before the enable callback.
pub fn i9_what_fires_at_the_connection_is_served<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::meddling(bench, Moment::AfterConnection)?;
    for _ in 0..20 {
        trial.enable()?;
        trial.wait_until_seen("what the device asserts as soon as it is connected is delivered")?;
        trial.disable()?;
    }
    trial.has_told(20)
}

// Broken by an object that goes on serving, and by a source that wakes after its `disconnect`.
pub fn i5_nothing_is_delivered_after_a_disable<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
    for _ in 0..20 {
        trial.enable()?;
        trial.assert();
        trial.wait_until_seen("an assertion is delivered")?;
        trial.disable()?;
        let runs = trial.record().runs;
        if bench.may_assert_unheard() {
            trial.assert();
            trial.assert();
        }
        trial.look_in_vain()?;
        let now = trial.record().runs;
        expect(now == runs, || format!("{} ISR runs after a disable", now - runs))?;
        let wakes = bench.watch().wakes_while_disconnected();
        expect(wakes == 0, || format!("the source has woken its waker {wakes} times while it was disconnected"))?;
    }
    Ok(())
}

// Broken by a `connect` that forgets a level asserted before, by a `disconnect` that drops what was signalled, and by
// an `unmask` that misses an assertion made since.
pub fn i5_cycles_under_load_lose_nothing<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
    if bench.is_level() { Ok(()) } else { trial.has_accounted() }
}

// Broken by an object whose end does not disable.
pub fn e6_the_end_comes_under_load<R: Rig>(bench: &Bench<R>) -> Verdict {
    for _ in 0..10 {
        let trial = Trial::new(bench)?;
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

// Broken by a `take` that reports nothing, and by the time of another clock.
pub fn s2_the_time_of_an_assertion_is_reported<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
    trial.enable()?;
    let begun = Instant::now();
    for _ in 0..20 {
        trial.assert();
        trial.wait_until_seen("an assertion is delivered")?;
    }
    trial.disable()?;
    let since = begun.elapsed();
    let latency = trial.interrupt.stats().distributions.map(|distributions| distributions.latency);
    let count = latency.map_or(0, |latency| latency.count());
    expect(count >= 20, || format!("of 20 assertions the time of {count} is known"))?;
    // It depends on no machine: the first assertion is not longer ago.
    let longest = latency.and_then(|latency| latency.longest()).unwrap_or_default();
    expect(longest <= since, || {
        format!(
            "an assertion is said to be {longest:?} old, but the first was made {since:?} ago: is it another clock's time?"
        )
    })
}

// Broken by a descriptor that is made without `O_CLOEXEC`.
pub fn descriptors_are_closed_on_exec<R: Rig>(bench: &Bench<R>) -> Verdict {
    let (mut source, _device) = bench.device()?;
    closed_on_exec(&mut source)
}
