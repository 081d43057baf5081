//! A look at all interrupts: the rates since the look before, and the totals since the start.

use std::time::{Duration, Instant};

use interrupt_lock::{Distribution, Name, State, Stats};

use crate::machine::Machine;

/// Remembers what the last look saw.
pub struct Sampler {
    at: Instant,
    stats: Vec<Stats>,
}

/// One interrupt.
pub struct Row {
    pub name: Name,
    pub state: State,
    /// Deliveries per second, since the look before.
    pub rate: f64,
    /// Spurious ones per second, since the look before.
    pub spurious_rate: f64,
    /// Since the start.
    pub stats: Stats,
}

/// Since the start, as text.
pub struct Times {
    pub isr_p50: String,
    pub isr_p99: String,
    pub isr_max: String,
    pub wait_p99: String,
    pub latency_p50: String,
}

impl Sampler {
    pub fn new(machine: &Machine) -> Self {
        Self { at: Instant::now(), stats: machine.interrupts().map(|interrupt| interrupt.stats()).collect() }
    }

    pub fn sample(&mut self, machine: &Machine) -> Vec<Row> {
        let before = std::mem::replace(self, Self::new(machine));
        let seconds = (self.at - before.at).as_secs_f64();
        let per_second = |now: u64, then: u64| (now - then) as f64 / seconds;
        let looks = self.stats.iter().zip(&before.stats);
        let rows = machine.interrupts().zip(looks).map(|(interrupt, (now, then))| Row {
            name: interrupt.name().clone(),
            state: interrupt.state(),
            rate: per_second(now.delivered, then.delivered),
            spurious_rate: per_second(now.spurious, then.spurious),
            stats: *now,
        });
        rows.collect()
    }
}

impl Row {
    pub fn times(&self) -> Times {
        let all = self.stats.distributions.as_ref();
        let shown = |time: Option<Duration>| time.map_or_else(|| "-".into(), |time| format!("{time:.1?}"));
        let quantile = |times: Option<&Distribution>, part| shown(times.and_then(|times| times.quantile(part)));
        let isr = all.map(|all| &all.isr);
        Times {
            isr_p50: quantile(isr, 0.5),
            isr_p99: quantile(isr, 0.99),
            isr_max: shown(isr.and_then(Distribution::longest)),
            wait_p99: quantile(all.map(|all| &all.lock_wait), 0.99),
            latency_p50: quantile(all.map(|all| &all.latency), 0.5),
        }
    }
}
