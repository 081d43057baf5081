//! What an interrupt object answers to who uses it. The object for one core has these types, too.

mod delivery;
mod state;
mod transition;
mod work;

pub use delivery::Delivery;
pub use state::State;
pub use transition::Transition;
pub use work::{Is, NoWorkItem, Queued, Refusal, WithWorkItem, Work, WorkItemRegistered, WorkOutcome};
