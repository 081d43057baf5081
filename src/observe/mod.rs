//! What an operator sees: counters, distributions, tables, storms, overdue callbacks, events.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `stats` | the counters of an interrupt | S1 |
//! | `distribution` | how long something took, as a histogram | S2 |
//! | `timing` | what a timed interrupt measures | S2 |
//! | `table` | counters of many interrupts, in rows | S1 |
//! | `export` | what those outside of the process see | S4 |
//! | `storm` | too many unclaimed deliveries | I10 |
//! | `watchdog` | callbacks that do not return in time | I17 |
//! | `events` | changes of state and faults as `tracing` events | S3 |

#[cfg(feature = "std")]
pub(crate) mod distribution;
pub(crate) mod events;
#[cfg(feature = "std")]
pub(crate) mod export;
pub(crate) mod stats;
#[cfg(feature = "std")]
pub(crate) mod storm;
pub(crate) mod table;
#[cfg(feature = "std")]
pub(crate) mod timing;
#[cfg(feature = "std")]
pub(crate) mod watchdog;

#[cfg(feature = "std")]
pub use distribution::Distribution;
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
pub use export::publisher::Publisher;
#[cfg(feature = "std")]
pub use export::{Export, Observed};
pub use stats::Stats;
pub use table::Table;
#[cfg(feature = "std")]
pub use timing::Distributions;
