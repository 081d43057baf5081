//! The checks of level lines. A comment beside each names a change of the code that made it fail.

use crate::test_kit::bench::Bench;
use crate::test_kit::probe::Reluctance;
use crate::test_kit::trial::Trial;
use crate::test_kit::{Rig, Verdict};

// Broken by a `connect` that forgets a level asserted before.
pub fn i15_a_level_asserted_before_an_enable_is_delivered<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i6_a_level_that_is_not_acknowledged_is_delivered_again<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i6_a_level_kept_masked_is_silent_until_it_is_unmasked<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i6_a_level_kept_masked_is_silent_until_the_work_item_has_run<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
