//! The shared line while one member does not answer: the others must be served.

use std::sync::Arc;

use interrupt_lock::State;

use crate::kind::{Served, Source};
use crate::machine::Machine;
use crate::quiet::{bring_up, probe, told};
use crate::unit::Unit;
use crate::verdict;

/// Takes each member out of service in one way after another, and probes the others.
pub fn probe_without_each(machine: &Machine, units: &[Arc<Unit>]) {
    let members: Vec<_> = units.iter().filter(|unit| unit.kind.source == Source::Member).cloned().collect();
    for out in &members {
        let probe_others = |what| {
            for other in members.iter().filter(|other| !Arc::ptr_eq(other, out)) {
                probe(machine, other, what);
            }
        };
        if out.object.report_inactive().is_ok() {
            probe_others("is told although a member is inactive");
        }
        bring_up(machine, units);
        fault(machine, out);
        probe_others("is told although a member is faulted");
        bring_up(machine, units);
        if out.kind.served == Served::ByHand {
            for other in members.iter().filter(|other| !Arc::ptr_eq(other, out)) {
                // A late member holds the line masked while nobody claims. So it answers all rounds so far, and then the
                // other claims the only assertion there is. (That may be followed by a round that nobody claims.)
                members.iter().for_each(|unit| unit.wait("settles on the line", machine, Unit::is_settled));
                out.leave_unserved(false);
                out.tend();
                out.leave_unserved(true);
                other.raise();
                told(machine, other, "is told although a member is not served", 0);
            }
            out.leave_unserved(false);
            out.wait("is served again", machine, Unit::is_settled);
        }
    }
}

fn fault(machine: &Machine, unit: &Arc<Unit>) {
    unit.ledger.panics.one();
    if unit.object.run_or_defer(Box::new(|_| verdict::panic_as_intended())).is_err() {
        unit.ledger.wrong("a closure was refused in a quiet moment", Some(&unit.object.stats()));
    }
    unit.wait("faults", machine, |unit| unit.object.state() == State::Faulted);
}
