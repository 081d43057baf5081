//! The checks of devices that are removed. A comment beside each names a change of the code that made it fail.

use std::format;
use std::sync::Arc;

use crate::answer::{NoWorkItem, State};
use crate::claim::Claim;
use crate::interrupt::Interrupt;
use crate::source::Removal;
use crate::test_kit::bench::Bench;
use crate::test_kit::trial::{Trial, answer_request};
use crate::test_kit::waiting::{News, expect, sentence, until};
use crate::test_kit::{Attendance, Device, Rig, Verdict};

// Broken by a `take` that answers 0 for a device that is gone.
pub fn i13_a_device_that_goes_is_reported<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i13_a_device_that_went_while_disabled_is_reported<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
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
pub fn i13_a_device_that_is_asked_for_is_disabled<R: Rig>(bench: &Bench<R>) -> Verdict {
    let trial = Trial::new(bench)?;
    trial.enable()?;
    trial.assert();
    trial.wait_until_seen("an assertion is delivered")?;
    trial.probe.device.remove(Removal::Requested);
    answer_request(&trial.interrupt, bench)?;
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
pub fn i13_a_device_without_a_work_item_is_disabled_when_it_is_asked_for<R: Rig>(bench: &Bench<R>) -> Verdict {
    let (source, device) = bench.device()?;
    let news = Arc::new(News::new(bench.patience()));
    let told = news.clone();
    let builder = Interrupt::<(), NoWorkItem>::builder(())
        .isr(|_| Claim::Claimed)
        .on_disable(move |()| told.tell())
        .source(source);
    let shared = bench.attendance.shared_dispatcher()?;
    let builder = match &shared {
        Some(dispatcher) => builder.dispatcher(dispatcher),
        None if bench.attendance == Attendance::Nobody => builder.without_dispatcher(),
        None => builder,
    };
    let interrupt = builder.build().map_err(sentence)?;
    interrupt.enable().map_err(sentence)?;
    device.remove(Removal::Requested);
    answer_request(&interrupt, bench)?;
    news.wait_past(0);
    expect(news.count() == 1, || {
        format!("the disable callback ran {} times for a device that is asked for", news.count())
    })?;
    until(bench.patience(), "the removal is reported", || interrupt.state() == State::Removed)
}
