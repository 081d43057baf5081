//! What the queues and the interrupts have done, as it is printed at the end.

use std::fmt::{self, Display};

use interrupt_lock::{Name, Stats, Table};

pub struct Report {
    /// The commands of each pair of queues, all completed.
    pub commands: Vec<u64>,
    pub interrupts: Vec<(Name, Stats)>,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("commands ")?;
        self.commands.iter().try_for_each(|completed| write!(f, " {completed}"))?;
        writeln!(f, ", all completed (admin, and each pair of queues)")?;
        write!(f, "{}", Table::from(&self.interrupts[..]))
    }
}
