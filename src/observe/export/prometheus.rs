//! The text exposition format of Prometheus, version 0.0.4.
//!
//! A family is a `HELP` line, a `TYPE` line, and a line for each sample. All lines of a family stand together, and no two
//! samples have the same name and labels.

use core::fmt::{self, Write};
use core::time::Duration;
use std::string::String;

use crate::name::Name;
use crate::observe::export::Row;
use crate::observe::{Distribution, Distributions, Stats};

/// A counter: its name, what it counts, and how it is read.
pub(super) type CounterOf = (&'static str, &'static str, fn(&Stats) -> u64);

/// The names are without the `_total` of the format.
pub(super) const COUNTERS: [CounterOf; 12] = [
    ("interrupt_delivered", "ISR runs that have ended.", |stats| stats.delivered),
    ("interrupt_coalesced", "Assertions without an ISR run of their own.", |stats| stats.coalesced),
    ("interrupt_claimed", "ISR runs that claimed the interrupt.", |stats| stats.claimed),
    ("interrupt_spurious", "ISR runs that did not claim, although a claim was expected.", |stats| stats.spurious),
    ("interrupt_benign", "ISR runs that did not claim, as expected.", |stats| stats.benign),
    ("interrupt_recovered", "ISR runs that claimed although their line was silent.", |stats| stats.recovered),
    ("interrupt_stale", "Assertions that were drained and never delivered.", |stats| stats.stale),
    ("interrupt_faults", "Faults, each of which took the interrupt out of service.", |stats| stats.faults),
    ("interrupt_overdue", "Callbacks that did not return in time.", |stats| stats.overdue),
    ("interrupt_work_queued", "Queueings of the work item that were not merged.", |stats| stats.work_queued),
    ("interrupt_work_merged", "Queueings of the work item that were merged.", |stats| stats.work_merged),
    ("interrupt_work_run", "Runs of the work item.", |stats| stats.work_run),
];

/// A distribution: the name of its histogram, that of its longest duration, what was measured, and how it is read.
pub(super) type HistogramOf = (&'static str, &'static str, &'static str, fn(&Distributions) -> &Distribution);

pub(super) const HISTOGRAMS: [HistogramOf; 3] = [
    ("interrupt_isr_seconds", "interrupt_isr_max_seconds", "Duration of ISR runs", |all| &all.isr),
    (
        "interrupt_lock_wait_seconds",
        "interrupt_lock_wait_max_seconds",
        "Time that deliveries waited for the interrupt lock",
        |all| &all.lock_wait,
    ),
    (
        "interrupt_latency_seconds",
        "interrupt_latency_max_seconds",
        "Time from an assertion to the beginning of its ISR run",
        |all| &all.latency,
    ),
];

pub(super) const STATE: (&str, &str) = ("interrupt_state", "1 for the state that the interrupt is in.");

/// Returns the text; nothing if there are no interrupts.
pub(super) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_all(&mut text, rows);
    text
}

fn write_all(text: &mut String, rows: &[Row]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    head(text, STATE.0, "", STATE.1, "gauge")?;
    for row in rows {
        for state in row.seen.states {
            let is_in = u8::from(*state == row.seen.state);
            writeln!(text, "{}{{{},state=\"{state}\"}} {is_in}", STATE.0, Labels(row))?;
        }
    }
    for (name, help, count) in COUNTERS {
        head(text, name, "_total", help, "counter")?;
        for row in rows {
            writeln!(text, "{name}_total{{{}}} {}", Labels(row), count(&row.seen.stats))?;
        }
    }
    for (name, longest, help, of) in HISTOGRAMS {
        let timed = || rows.iter().filter_map(|row| Some((row, of(row.seen.stats.distributions.as_ref()?))));
        if timed().next().is_none() {
            continue;
        }
        head(text, name, "", format_args!("{help}."), "histogram")?;
        for (row, times) in timed() {
            write_histogram(text, name, row, times)?;
        }
        head(text, longest, "", format_args!("{help}: the longest."), "gauge")?;
        for (row, times) in timed() {
            writeln!(text, "{longest}{{{}}} {}", Labels(row), Seconds(times.longest().unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn head(text: &mut String, name: &str, suffix: &str, help: impl fmt::Display, kind: &str) -> fmt::Result {
    writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}")
}

/// Each bucket has all that is not longer than its bound.
fn write_histogram(text: &mut String, name: &str, row: &Row, times: &Distribution) -> fmt::Result {
    let mut sum = 0_u64;
    for (up_to, count) in times.buckets() {
        sum = sum.saturating_add(count);
        if up_to != Duration::MAX {
            writeln!(text, "{name}_bucket{{{},le=\"{}\"}} {sum}", Labels(row), Seconds(up_to))?;
        }
    }
    writeln!(text, "{name}_bucket{{{},le=\"+Inf\"}} {sum}", Labels(row))?;
    writeln!(text, "{name}_sum{{{}}} {}", Labels(row), Seconds(times.sum()))?;
    writeln!(text, "{name}_count{{{}}} {sum}", Labels(row))
}

/// A duration in seconds, exactly.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// The labels that tell the interrupts apart.
struct Labels<'a>(&'a Row);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupt=\"{}\"", Escaped(&self.0.seen.name))?;
        match self.0.entry.nth {
            1 => Ok(()),
            nth => write!(f, ",nth=\"{nth}\""),
        }
    }
}

/// A name as the value of a label. A name is printed without control characters, so no line ends in it.
struct Escaped<'a>(&'a Name);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for char in text.chars() {
                    if matches!(char, '"' | '\\') {
                        self.0.write_char('\\')?;
                    }
                    self.0.write_char(char)?;
                }
                Ok(())
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}
