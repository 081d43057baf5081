//! The real crate's answers in the model's words.

use interrupt_lock::{Error, ErrorKind, Fault, InterruptObject, State};

use crate::script::{Counts, Glance};

/// An operation that answers nothing, or what it has done.
pub fn transition<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(done) => format!("{done:?}"),
        Err(error) => self::error(&error),
    }
}

pub fn cleared(answer: Result<Option<Fault>, Error>) -> String {
    match answer {
        Ok(None) => "no fault".into(),
        Ok(Some(fault)) => format!("cleared {}", self::fault(&fault)),
        Err(error) => self::error(&error),
    }
}

pub fn error(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Recursive { .. } => "Recursive".into(),
        ErrorKind::WouldDeadlock { .. } => "WouldDeadlock".into(),
        ErrorKind::Faulted(fault) => format!("Faulted: {}", self::fault(fault)),
        ErrorKind::EnableCallback(_) => "EnableCallback".into(),
        ErrorKind::DisableCallback(_) => "DisableCallback".into(),
        ErrorKind::Source(_) => "Source".into(),
        ErrorKind::DeviceCallback { callback, .. } => format!("{callback:?} failed"),
        other => format!("{other:?}"),
    }
}

pub fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Panicked { callback, .. } => format!("{callback:?} panicked"),
        Fault::Source(_) => "source failed".into(),
        other => format!("{other:?}"),
    }
}

pub fn glance<T, W>(object: &InterruptObject<T, W>, freed: u64) -> Glance {
    let stats = object.stats();
    Glance {
        state: match object.state() {
            State::Disabled => "Disabled",
            State::Enabled => "Enabled",
            State::Inactive => "Inactive",
            State::Asleep => "Asleep",
            State::Faulted => "Faulted",
            State::Removed => "Removed",
            State::Ended => "Ended",
            _ => "unknown",
        },
        fault: object.fault().as_ref().map(fault),
        counts: Counts {
            delivered: stats.delivered,
            coalesced: stats.coalesced,
            claimed: stats.claimed,
            spurious: stats.spurious,
            benign: stats.benign,
            stale: stats.stale,
            faults: stats.faults,
            work_queued: stats.work_queued,
            work_merged: stats.work_merged,
            work_run: stats.work_run,
        },
        work_queued: object.is_work_item_queued(),
        freed,
    }
}
