//! Changes of state and faults as `tracing` events (rule S3). Without that feature these functions do nothing.
//!
//! | level | events |
//! |---|---|
//! | error | `fault` |
//! | warn | `removed`, `policy refused`, `overdue` |
//! | info | `removal requested` |
//! | debug | `enabled`, `disabled`, `inactive`, `active`, `asleep`, `awake`, `fault cleared`, `ended` |
//!
//! Each event has the field `interrupt`, the interrupt's name. Some have the field `cause`.

#[cfg(feature = "std")]
use crate::cause::SourceError;
use crate::fault::Fault;
#[cfg(feature = "std")]
use crate::fault::Overdue;
use crate::name::Name;

macro_rules! event {
    ($level:ident, $interrupt:ident, $what:literal $(, $cause:ident)?) => {{
        // A subscriber's panic goes no further, because a delivery may be under way.
        #[cfg(feature = "tracing")]
        let _ = crate::sync::catch(|| {
            tracing::$level!(interrupt = %$interrupt, $(cause = %format_args!("{:#}", $cause),)? $what);
        });
        #[cfg(not(feature = "tracing"))]
        let _ = ($interrupt, $($cause)?);
    }};
}

#[inline]
pub(crate) fn enabled(interrupt: &Name) {
    event!(debug, interrupt, "enabled");
}

#[inline]
pub(crate) fn disabled(interrupt: &Name) {
    event!(debug, interrupt, "disabled");
}

#[inline]
pub(crate) fn inactive(interrupt: &Name) {
    event!(debug, interrupt, "inactive");
}

#[inline]
pub(crate) fn active(interrupt: &Name) {
    event!(debug, interrupt, "active");
}

#[inline]
pub(crate) fn asleep(interrupt: &Name) {
    event!(debug, interrupt, "asleep");
}

#[inline]
pub(crate) fn awake(interrupt: &Name) {
    event!(debug, interrupt, "awake");
}

#[inline]
pub(crate) fn faulted(interrupt: &Name, fault: &Fault) {
    event!(error, interrupt, "fault", fault);
}

#[inline]
pub(crate) fn fault_cleared(interrupt: &Name, fault: &Fault) {
    event!(debug, interrupt, "fault cleared", fault);
}

#[cfg(feature = "std")]
#[inline]
pub(crate) fn removal_requested(interrupt: &Name) {
    event!(info, interrupt, "removal requested");
}

#[inline]
pub(crate) fn removed(interrupt: &Name) {
    event!(warn, interrupt, "removed");
}

#[cfg(feature = "std")]
#[inline]
pub(crate) fn refused(interrupt: &Name, why: &SourceError) {
    event!(warn, interrupt, "policy refused", why);
}

/// From the watchdog's thread, while the callback runs.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn overdue(interrupt: &Name, overdue: &Overdue) {
    event!(warn, interrupt, "overdue", overdue);
}

#[inline]
pub(crate) fn ended(interrupt: &Name) {
    event!(debug, interrupt, "ended");
}
