//! What was asked, what was answered, and how long it took.

#[path = "../support/failure.rs"]
mod failure;

use std::fmt;
use std::time::Duration;

use interrupt_lock::Stats;

use crate::open::AnyEdu;

pub use failure::Failure;

/// How many requests are under way at once.
const DEPTH: u32 = 8;
/// How many latencies are kept: a long run overwrites the oldest.
const KEPT: usize = 1 << 20;

pub struct Account {
    device: String,
    requests: u32,
    took: Vec<Duration>,
}

impl Account {
    pub fn new(device: String) -> Self {
        Self { device, requests: 0, took: Vec::new() }
    }

    /// Asks for `requests` more factorials and checks each answer. They come in the order of the requests.
    pub fn run(&mut self, edu: &AnyEdu, requests: u32) -> Result<(), Failure> {
        let n = |request: u32| request % 16;
        for request in 0..requests.min(DEPTH) {
            edu.submit(n(request));
        }
        for request in 0..requests {
            let (asked, answered, took) = edu.answer().map_err(Failure::of_the_run)?;
            let expected = factorial(n(request));
            if asked != n(request) || answered != expected {
                return Err(Failure::Run(format!(
                    "request {request}: {}! is {expected}, and the device answered {asked}! = {answered}",
                    n(request)
                )));
            }
            if self.took.len() < KEPT {
                self.took.push(took);
            } else {
                self.took[self.requests as usize % KEPT] = took;
            }
            self.requests += 1;
            if let Some(next) = request.checked_add(DEPTH).filter(|next| *next < requests) {
                edu.submit(n(next));
            }
        }
        Ok(())
    }

    pub fn with(mut self, stats: Stats) -> Report {
        self.took.sort_unstable();
        Report { account: self, stats }
    }
}

/// As the device computes it, with 32 bits.
fn factorial(n: u32) -> u32 {
    (1..=n).fold(1, u32::wrapping_mul)
}

/// The account, for people.
pub struct Report {
    account: Account,
    stats: Stats,
}

impl Report {
    fn percentile(&self, per_mille: usize) -> Micros {
        let took = &self.account.took;
        Micros(took[(took.len() - 1) * per_mille / 1000])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        writeln!(f, "device      {}", self.account.device)?;
        writeln!(f, "requests    {}, all results right", self.account.requests)?;
        writeln!(
            f,
            "interrupts  {} delivered, {} claimed, {} spurious, {} benign, {} coalesced, {} stale",
            stats.delivered, stats.claimed, stats.spurious, stats.benign, stats.coalesced, stats.stale
        )?;
        writeln!(f, "work items  {} run, {} merged", stats.work_run, stats.work_merged)?;
        writeln!(
            f,
            "latency     request to ISR: p50 {}, p99 {}, max {}",
            self.percentile(500),
            self.percentile(990),
            self.percentile(1000)
        )
    }
}

struct Micros(Duration);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} µs", self.0.as_secs_f64() * 1e6)
    }
}
