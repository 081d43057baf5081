//! The real crate's answers in the model's words.

use std::any::Any;
use std::fmt::Debug;

use interrupt_lock::{Error, ErrorKind, Fault, InterruptObject, State, Transition};

use crate::script::{Counts, Glance};

/// An operation that answers nothing, or what it has done.
pub fn transition<T: Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(done) => format!("{done:?}"),
        Err(error) => self::error(&error),
    }
}

/// What D0 entry answers.
pub fn entered<T: PartialEq<Transition> + Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(entry) if entry == Transition::Done => "Done".into(),
        Ok(entry) if entry == Transition::Already => "Already".into(),
        other => transition(other),
    }
}

pub fn cleared(answer: Result<Option<Fault>, Error>) -> String {
    match answer {
        Ok(None) => "no fault".into(),
        Ok(Some(fault)) => format!("cleared {}", self::fault(&fault)),
        Err(error) => self::error(&error),
    }
}

/// What a panic says, in short.
pub fn panic(said: &(dyn Any + Send)) -> String {
    match said.downcast_ref::<String>() {
        Some(said) if said.contains("already holds the interrupt lock") => "panics: Recursive".into(),
        Some(said) if said.contains("callback lock") => "panics: callback lock".into(),
        said => format!("panics: {said:?}"),
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

pub fn glance<T, W>(object: &InterruptObject<T, W>, freed: u64, rounds: (u64, u64)) -> Glance {
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
        rounds,
    }
}
