//! What has happened since the last look, as a table and as lines.

use std::fmt::Write;
use std::time::{Duration, Instant};

use interrupt_lock::{Distribution, Name, State, Stats};

use crate::machine::Machine;

/// What the last look has seen.
pub struct View {
    at: Instant,
    stats: Vec<Stats>,
}

/// What has happened since.
pub struct Seen {
    rows: Vec<Row>,
}

struct Row {
    name: Name,
    state: State,
    stats: Stats,
    /// Per second.
    rate: f64,
    spurious_rate: f64,
}

impl View {
    pub fn new(machine: &Machine) -> Self {
        Self { at: Instant::now(), stats: machine.interrupts().map(|interrupt| interrupt.stats()).collect() }
    }

    pub fn look(&mut self, machine: &Machine) -> Seen {
        let before = std::mem::replace(self, Self::new(machine));
        let seconds = (self.at - before.at).as_secs_f64();
        let per_second = |now: u64, then: u64| (now - then) as f64 / seconds;
        let rows = machine.interrupts().zip(self.stats.iter().zip(&before.stats)).map(|(interrupt, (now, then))| Row {
            name: interrupt.name().clone(),
            state: interrupt.state(),
            stats: *now,
            rate: per_second(now.delivered, then.delivered),
            spurious_rate: per_second(now.spurious, then.spurious),
        });
        Seen { rows: rows.collect() }
    }
}

impl Seen {
    /// For a terminal.
    pub fn table(&self, keys: bool) -> String {
        let mut text = format!(
            "{:<8}{:>10}{:>12}{:>12}{:>10}{:>10}{:>10}{:>12}{:>12}  {}\n",
            "", "per s", "delivered", "spurious/s", "isr p50", "isr p99", "isr max", "wait p99", "latency p50", "state"
        );
        for row in &self.rows {
            let [p50, p99, max, wait, latency] = row.times();
            // Text takes all that is written to it.
            let _ = writeln!(
                text,
                "{:<8}{:>10.0}{:>12}{:>12.0}{p50:>10}{p99:>10}{max:>10}{wait:>12}{latency:>12}  {:?}",
                row.name.as_str(),
                row.rate,
                row.stats.delivered,
                row.spurious_rate,
                row.state,
            );
        }
        if keys {
            text.push_str("\nq: quit\n");
        }
        text
    }

    /// For a file, or another program.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let [p50, p99, max, wait, latency] = row.times();
            let _ = writeln!(
                text,
                "{}: {:.0} interrupts/s, {:.0} spurious/s, {} delivered, {} spurious; isr p50 {p50}, p99 {p99}, \
                 max {max}; wait p99 {wait}; latency p50 {latency}; {:?}",
                row.name, row.rate, row.spurious_rate, row.stats.delivered, row.stats.spurious, row.state,
            );
        }
        text
    }
}

impl Row {
    fn times(&self) -> [String; 5] {
        let Some(all) = self.stats.distributions else { return [(); 5].map(|()| "-".into()) };
        let quantile = |times: &Distribution, part| shown(times.quantile(part));
        [
            quantile(&all.isr, 0.5),
            quantile(&all.isr, 0.99),
            shown(all.isr.longest()),
            quantile(&all.lock_wait, 0.99),
            quantile(&all.latency, 0.5),
        ]
    }
}

fn shown(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".into(), |time| format!("{time:.1?}"))
}
