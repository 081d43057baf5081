//! The counters of several interrupts as a table, in the manner of `/proc/interrupts`.

use core::fmt::{self, Write};
use core::time::Duration;

use crate::name::Name;
use crate::observe::Stats;

/// The counters of several interrupts as text, for an operator: a header, then a row for each, in aligned columns.
///
/// If one of the interrupts is [timed](crate::Builder::timed), more columns follow the counters: the median, the 99th
/// percentile and the longest of ISR duration, of the wait for the lock, and of assertion-to-ISR latency.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Table};
///
/// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
/// interrupt.enable()?;
/// interrupt.service();
/// let rows = [(interrupt.name().clone(), interrupt.stats())];
/// assert_eq!(
///     Table::from(&rows[..]).to_string(),
///     "     delivered coalesced claimed spurious benign recovered stale faults overdue queued merged run\n\
///      edu0         1         0       1        0      0         0     0      0       0      0      0   0\n",
/// );
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(Rows<'a>);

#[derive(Clone, Copy, Debug)]
enum Rows<'a> {
    Named(&'a [(Name, Stats)]),
    /// One row without a name.
    Nameless(&'a Stats),
}

impl<'a> From<&'a [(Name, Stats)]> for Table<'a> {
    fn from(rows: &'a [(Name, Stats)]) -> Self {
        Self(Rows::Named(rows))
    }
}

impl<'a> From<&'a Stats> for Table<'a> {
    fn from(stats: &'a Stats) -> Self {
        Self(Rows::Nameless(stats))
    }
}

/// What stands before a row without a name.
static NO_NAME: Name = Name::new("");

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Named(rows) => rows.len(),
            Self::Nameless(_) => 1,
        }
    }

    fn name(&self, row: usize) -> &Name {
        match self {
            Self::Named(rows) => &rows[row].0,
            Self::Nameless(_) => &NO_NAME,
        }
    }

    fn stats(&self, row: usize) -> &Stats {
        match self {
            Self::Named(rows) => &rows[row].1,
            Self::Nameless(stats) => stats,
        }
    }
}

/// One column: its head, and how to fill a cell.
type Column = (&'static str, fn(&Stats) -> Cell);

const COUNTERS: [Column; 12] = [
    ("delivered", |stats| Cell::Count(stats.delivered)),
    ("coalesced", |stats| Cell::Count(stats.coalesced)),
    ("claimed", |stats| Cell::Count(stats.claimed)),
    ("spurious", |stats| Cell::Count(stats.spurious)),
    ("benign", |stats| Cell::Count(stats.benign)),
    ("recovered", |stats| Cell::Count(stats.recovered)),
    ("stale", |stats| Cell::Count(stats.stale)),
    ("faults", |stats| Cell::Count(stats.faults)),
    ("overdue", |stats| Cell::Count(stats.overdue)),
    ("queued", |stats| Cell::Count(stats.work_queued)),
    ("merged", |stats| Cell::Count(stats.work_merged)),
    ("run", |stats| Cell::Count(stats.work_run)),
];

#[cfg(feature = "std")]
const TIMES: [Column; 9] = {
    use crate::observe::{Distribution, Distributions};

    fn cell(
        stats: &Stats,
        of: fn(&Distributions) -> &Distribution,
        what: fn(&Distribution) -> Option<Duration>,
    ) -> Cell {
        Cell::Time(stats.distributions.as_ref().and_then(|all| what(of(all))))
    }
    fn p50(times: &Distribution) -> Option<Duration> {
        times.quantile(0.5)
    }
    fn p99(times: &Distribution) -> Option<Duration> {
        times.quantile(0.99)
    }
    [
        ("isr-p50", |stats| cell(stats, |all| &all.isr, p50)),
        ("isr-p99", |stats| cell(stats, |all| &all.isr, p99)),
        ("isr-max", |stats| cell(stats, |all| &all.isr, Distribution::longest)),
        ("wait-p50", |stats| cell(stats, |all| &all.lock_wait, p50)),
        ("wait-p99", |stats| cell(stats, |all| &all.lock_wait, p99)),
        ("wait-max", |stats| cell(stats, |all| &all.lock_wait, Distribution::longest)),
        ("latency-p50", |stats| cell(stats, |all| &all.latency, p50)),
        ("latency-p99", |stats| cell(stats, |all| &all.latency, p99)),
        ("latency-max", |stats| cell(stats, |all| &all.latency, Distribution::longest)),
    ]
};

/// Nothing is timed without a clock.
#[cfg(not(feature = "std"))]
const TIMES: [Column; 0] = [];

#[derive(Clone, Copy)]
enum Cell {
    Count(u64),
    /// `None` if nothing was measured.
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "there is no clock"))]
    Time(Option<Duration>),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Time(None) => f.write_str("-"),
            Self::Time(Some(time)) => write!(f, "{time:.1?}"),
        }
    }
}

/// Returns how many characters `what` takes.
fn width(what: impl fmt::Display) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting can't fail.
    let _ = write!(count, "{what}");
    count.0
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = &self.0;
        let columns = || COUNTERS.iter().chain(&TIMES);
        // Each row is looked at once for them.
        let mut names = 0;
        let mut widths = [0; COUNTERS.len() + TIMES.len()];
        let mut is_measured = [false; COUNTERS.len() + TIMES.len()];
        for row in 0..rows.len() {
            names = names.max(width(rows.name(row)));
            for (column, (head, of)) in columns().enumerate() {
                let cell = of(rows.stats(row));
                widths[column] = width(cell).max(width(head)).max(widths[column]);
                is_measured[column] |= !matches!(cell, Cell::Time(None));
            }
        }
        let shown = || columns().zip(widths).zip(is_measured).filter_map(|(column, shown)| shown.then_some(column));
        let mut line = |name: &Name, cell: &dyn Fn(&Column, usize, &mut fmt::Formatter<'_>) -> fmt::Result| {
            write!(f, "{name}")?;
            let mut gap = names - width(name) + usize::from(names != 0);
            for (column, width) in shown() {
                write!(f, "{:gap$}", "")?;
                cell(column, width, f)?;
                gap = 1;
            }
            f.write_char('\n')
        };
        line(&NO_NAME, &|column, width, f| write!(f, "{:>width$}", column.0))?;
        for row in 0..rows.len() {
            line(rows.name(row), &|column, wide, f| {
                let cell = column.1(rows.stats(row));
                write!(f, "{:pad$}{cell}", "", pad = wide - width(cell))
            })?;
        }
        Ok(())
    }
}

impl fmt::Display for Stats {
    /// Writes a [`Table`] of one row, without a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table::from(self).fmt(f)
    }
}
