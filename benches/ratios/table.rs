//! The table of figures, and how its ratios are calculated.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The result of one turn of one measure, in nanoseconds.
pub type Figure = f64;

/// A table that prints each line as soon as it is measured.
pub struct Table {
    chosen: Vec<String>,
    started: Instant,
}

/// The figures of all turns. The same place in each list is the same turn.
#[derive(Default)]
pub struct Figures {
    pub ours: Vec<Figure>,
    pub peer: Vec<Figure>,
    pub limit: Vec<Figure>,
}

impl Figures {
    /// Runs the measures in turns.
    pub fn in_turns(
        turns: usize,
        mut ours: impl FnMut() -> Figure,
        mut peer: impl FnMut() -> Figure,
        mut limit: Option<&mut dyn FnMut() -> Figure>,
    ) -> Self {
        let mut figures = Self::default();
        for _ in 0..turns {
            figures.ours.push(ours());
            figures.peer.push(peer());
            if let Some(limit) = &mut limit {
                figures.limit.push(limit());
            }
        }
        figures
    }
}

impl Table {
    pub fn new(chosen: Vec<String>) -> Self {
        println!(
            "{:<58} {:>10} {:>10} {:>10}  {:>9} {:>10}",
            "measure", "ours", "peer", "limit", "ours/peer", "ours/limit"
        );
        Self { chosen, started: Instant::now() }
    }

    /// Returns whether the measure `name` was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|chosen| name.contains(chosen.as_str()))
    }

    pub fn line(&mut self, name: &str, figures: &Figures) {
        let limit = (!figures.limit.is_empty()).then(|| median(figures.limit.clone()));
        self.print(
            name,
            &time(median(figures.ours.clone())),
            &time(median(figures.peer.clone())),
            &limit.map_or("-".into(), time),
            &ratio(&figures.ours, &figures.peer),
            &ratio(&figures.ours, &figures.limit),
        );
    }

    /// Prints a line whose figures are quantiles over all turns, so that there are no turns to compare.
    pub fn quantiles(&mut self, name: &str, ours: Figure, peer: Figure) {
        self.print(name, &time(ours), &time(peer), "-", &format!("{:.3}", ours / peer), "-");
    }

    pub fn print(&mut self, name: &str, ours: &str, peer: &str, limit: &str, to_peer: &str, to_limit: &str) {
        println!("{name:<58} {ours:>10} {peer:>10} {limit:>10}  {to_peer:>9} {to_limit:>10}");
    }

    /// Prints a line of rates: how many a second, where more is better.
    pub fn rates(&mut self, name: &str, ours: &[Figure], peer: &[Figure]) {
        let rate = |figures: &[Figure]| format!("{:.0}/s", median(figures.to_vec()));
        self.print(name, &rate(ours), &rate(peer), "-", &ratio(ours, peer), "-");
    }

    /// Prints a line of parts of a whole, where more is better.
    pub fn parts(&mut self, name: &str, ours: Figure, peer: Figure) {
        let part = |figure: Figure| format!("{:.1} %", 100.0 * figure);
        self.print(name, &part(ours), &part(peer), "-", &format!("{:.3}", ours / peer), "-");
    }

    /// Prints why a measure could not be taken.
    pub fn missing(&mut self, name: &str, why: &str) {
        println!("{name:<58} not measured: {why}");
    }

    pub fn finish(&self) {
        println!("\ntaken in {:.0} s", self.started.elapsed().as_secs_f64());
    }
}

fn time(nanoseconds: Figure) -> String {
    if nanoseconds < 1_000.0 {
        format!("{nanoseconds:.2} ns")
    } else if nanoseconds < 1_000_000.0 {
        format!("{:.2} µs", nanoseconds / 1e3)
    } else {
        format!("{:.2} ms", nanoseconds / 1e6)
    }
}

fn ratio(ours: &[Figure], theirs: &[Figure]) -> String {
    if theirs.is_empty() {
        return "-".into();
    }
    format!("{:.3}", median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()))
}

pub fn median(figures: Vec<Figure>) -> Figure {
    quantile(figures, 0.5)
}

pub fn quantile(mut figures: Vec<Figure>, part: f64) -> Figure {
    figures.sort_unstable_by(f64::total_cmp);
    let place = (figures.len() as f64 * part) as usize;
    figures.get(place.min(figures.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Runs `work` `rounds` times. Returns the time of one round.
pub fn per_round(rounds: u32, mut work: impl FnMut()) -> Figure {
    let start = Instant::now();
    for _ in 0..rounds {
        work();
    }
    nanoseconds(start.elapsed()) / f64::from(rounds)
}

/// Does that many steps, of about a nanosecond each.
#[inline(always)]
pub fn work(n: &mut u64, steps: u32) {
    for _ in 0..steps {
        *n = black_box(n.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    }
}

pub fn nanoseconds(duration: Duration) -> Figure {
    duration.as_nanos() as Figure
}
