//! The checks of sources that count edges. A comment beside each names a change of the code that made it fail.

use core::sync::atomic::Ordering;
use std::format;

use crate::test_kit::bench::Bench;
use crate::test_kit::meddling::Moment;
use crate::test_kit::trial::Trial;
use crate::test_kit::waiting::expect;
use crate::test_kit::{Rig, Verdict};

// Broken by connecting without draining, and by a drain that is not counted.
pub fn i15_an_edge_from_before_an_enable_is_counted_and_not_delivered<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
        let least = if bench.counts() { 3 * cycle } else { cycle };
        expect((least..=3 * cycle).contains(&stale), || {
            format!("{} edges came before an enable, and {stale} are counted as stale", 3 * cycle)
        })?;
    }
    Ok(())
}

// Broken by a `connect` that forgets what has come since the drain.
pub fn i15_an_edge_between_the_drain_and_the_connection_is_counted<R: Rig>(bench: &Bench<R>) -> Verdict {
    none_is_lost(bench, Moment::BeforeConnection)
}

// Broken by a `disconnect` that forgets what has come since the last look.
pub fn e2_an_edge_between_the_last_look_and_the_disconnection_is_counted<R: Rig>(bench: &Bench<R>) -> Verdict {
    none_is_lost(bench, Moment::BeforeDisconnection)
}

/// Each edge of that moment is delivered, or counted as stale.
fn none_is_lost<R: Rig>(bench: &Bench<R>, moment: Moment) -> Verdict {
    let trial = Trial::meddling(bench, moment)?;
    for _ in 0..20 {
        trial.enable()?;
        trial.assert();
        trial.wait_until_seen("an assertion is delivered")?;
        trial.disable()?;
    }
    // What is left in the source is counted as it is drained.
    trial.probe.meddles.store(false, Ordering::SeqCst);
    trial.enable()?;
    trial.disable()?;
    trial.has_accounted()
}
