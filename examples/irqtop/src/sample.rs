//! A look at all interrupts: the rates since the look before, and the totals since the start.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::look::Looked;
use crate::text::{Figures, Times};

/// Remembers what the last look saw.
pub struct Sampler {
    at: Instant,
    figures: Vec<Figures>,
}

/// One interrupt.
pub struct Row {
    /// Deliveries per second, since the look before.
    pub rate: f64,
    /// Spurious ones per second, since the look before.
    pub spurious_rate: f64,
    /// Since the start.
    pub figures: Figures,
}

/// Since the start, as text.
pub struct Shown {
    pub isr_p50: String,
    pub isr_p99: String,
    pub isr_max: String,
    pub wait_p99: String,
    pub latency_p50: String,
}

impl Sampler {
    pub fn new(looked: &Looked) -> Result<Self, Failure> {
        let figures = looked.look()?;
        Ok(Self { at: Instant::now(), figures })
    }

    pub fn sample(&mut self, looked: &Looked) -> Result<Vec<Row>, Failure> {
        let before = std::mem::replace(self, Self::new(looked)?);
        let seconds = (self.at - before.at).as_secs_f64();
        // One that began since the look before, or begins anew under its name, has no rate yet.
        let per_second = |now: u64, then: Option<u64>| now.saturating_sub(then.unwrap_or(now)) as f64 / seconds;
        let row = |now: &Figures| {
            let then = before.figures.iter().find(|then| then.name == now.name);
            Row {
                rate: per_second(now.delivered, then.map(|then| then.delivered)),
                spurious_rate: per_second(now.spurious, then.map(|then| then.spurious)),
                figures: now.clone(),
            }
        };
        Ok(self.figures.iter().map(row).collect())
    }
}

impl Row {
    pub fn times(&self) -> Shown {
        let shown = |time: Option<Duration>| time.map_or_else(|| "-".into(), |time| format!("{time:.1?}"));
        let quantile = |times: &Times, part| shown(times.quantile(part));
        let Figures { isr, lock_wait, latency, .. } = &self.figures;
        Shown {
            isr_p50: quantile(isr, 0.5),
            isr_p99: quantile(isr, 0.99),
            isr_max: shown(isr.longest()),
            wait_p99: quantile(lock_wait, 0.99),
            latency_p50: quantile(latency, 0.5),
        }
    }
}
