//! Plain lines, for a file, another program, or a terminal that can't place text.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::look::Looked;
use crate::program;
use crate::sample::{Row, Sampler};

/// Prints a line for each interrupt, every second, so many times.
pub fn show(looked: &Looked, seconds: u32) -> Result<(), Failure> {
    let mut sampler = Sampler::new(looked)?;
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        program::print(lines(&sampler.sample(looked)?))?;
    }
    Ok(())
}

fn lines(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let times = row.times();
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{}: {:.0} interrupts/s, {:.0} spurious/s, {} delivered, {} spurious; isr p50 {}, p99 {}, max {}; \
             wait p99 {}; latency p50 {}; {}",
            row.figures.name,
            row.rate,
            row.spurious_rate,
            row.figures.delivered,
            row.figures.spurious,
            times.isr_p50,
            times.isr_p99,
            times.isr_max,
            times.wait_p99,
            times.latency_p50,
            row.figures.state,
        );
    }
    text
}
