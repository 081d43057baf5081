//! Under loom there is no clock, so nothing is overdue.

use alloc::sync::{Arc, Weak};

use crate::cause::SourceError;
use crate::name::Name;
use crate::observe::watchdog::{RunningCallbacks, Watchable};

/// Refuses.
pub(super) fn watch(_: Arc<RunningCallbacks>, _: Weak<dyn Watchable>) -> Result<(), SourceError> {
    Err(SourceError::Refused(Name::new("a loom model has no clock, so nothing is overdue in it")))
}

/// Does nothing: no callbacks are watched.
pub(super) fn forget(_: &Arc<RunningCallbacks>) {}
