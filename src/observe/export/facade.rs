//! The statistics through the `metrics` facade, for whatever recorder the program has installed.

use core::time::Duration;
use std::string::ToString;

use alloc::vec;
use alloc::vec::Vec;

use metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::observe::export::prometheus::{COUNTERS, HISTOGRAMS, STATE};
use crate::observe::export::{Export, Row};
use crate::observe::{Distribution, Distributions};

impl Export {
    /// Records the statistics of the export's interrupts with the recorder of the `metrics` facade, under the names of
    /// [`prometheus_text`](Self::prometheus_text), without their `_total`.
    ///
    /// Call it from time to time, about as often as the recorder is read. Counters are told as they are (`absolute`), the
    /// state and the longest durations as gauges. Durations are in seconds. Of the
    /// [distributions](crate::Distribution) it records what has been counted since the last call, and since
    /// [`add`](Self::add) at the first. The facade takes values and not buckets, so each duration is recorded as the upper
    /// bound of its bucket, or as the longest if that is less: less than twice the true value, and never below it. So the
    /// recorder's counts are exact, its sums and quantiles may be up to twice the true ones. Where that matters, use
    /// [`prometheus_text`](Self::prometheus_text).
    ///
    /// It runs the recorder on this thread, with no lock held. In a forked child it does nothing.
    ///
    /// ```
    /// # let export = interrupt_lock::Export::new();
    /// export.record(); // every 15 seconds, say
    /// ```
    pub fn record(&self) {
        describe();
        for (row, new) in self.news() {
            let labels = labels(&row);
            for state in row.seen.states {
                let mut labels = labels.clone();
                labels.push(Label::new("state", *state));
                gauge!(STATE.0, labels).set(f64::from(u8::from(*state == row.seen.state)));
            }
            for (name, _, count) in COUNTERS {
                counter!(name, labels.clone()).absolute(count(&row.seen.stats));
            }
            for (name, longest, _, of) in HISTOGRAMS {
                let (Some(all), Some(new)) = (&row.seen.stats.distributions, &new) else { continue };
                gauge!(longest, labels.clone()).set(seconds(of(all).longest()));
                let histogram = histogram!(name, labels.clone());
                for (value, count) in values(of(new)) {
                    histogram.record_many(value, count);
                }
            }
        }
    }

    /// Looks at every interrupt. Returns what the distributions have counted since the last look, too.
    fn news(&self) -> Vec<(Row, Option<Distributions>)> {
        if !self.0.process.is_this() {
            return Vec::new();
        }
        let _one_at_a_time = self.0.recording.lock();
        let news = |row: Row| {
            let now = row.seen.stats.distributions;
            let told = core::mem::replace(&mut *row.entry.told.lock(), now);
            let new = now.map(|now| told.map_or(now, |told| now.since(&told)));
            (row, new)
        };
        self.rows().into_iter().map(news).collect()
    }
}

/// The values that stand for the durations of a distribution, and how many each stands for.
fn values(times: &Distribution) -> impl Iterator<Item = (f64, usize)> {
    let longest = times.longest();
    let counted = times.buckets().filter(|(_, count)| *count != 0);
    // (The processors that have a narrower `usize` count in it.)
    counted.map(move |(up_to, count)| (seconds(longest.map(|time| time.min(up_to))), count as usize))
}

fn seconds(time: Option<Duration>) -> f64 {
    time.unwrap_or_default().as_secs_f64()
}

fn labels(row: &Row) -> Vec<Label> {
    let mut labels = vec![Label::new("interrupt", SharedString::from(row.seen.name.to_string()))];
    if row.entry.nth != 1 {
        labels.push(Label::new("nth", row.entry.nth.to_string()));
    }
    labels
}

fn describe() {
    describe_gauge!(STATE.0, STATE.1);
    for (name, help, _) in COUNTERS {
        describe_counter!(name, help);
    }
    for (name, longest, help, _) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, help);
        describe_gauge!(longest, Unit::Seconds, help);
    }
}
