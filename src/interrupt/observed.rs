//! What others may see of an interrupt (rule S4).

use crate::answer::State;
use crate::interrupt::InterruptObject;
use crate::observe::export::sealed::Sealed;
use crate::observe::export::{Observation, Observed};

const STATES: [&str; 7] = [
    State::Disabled.word(),
    State::Enabled.word(),
    State::Inactive.word(),
    State::Asleep.word(),
    State::Faulted.word(),
    State::Removed.word(),
    State::Ended.word(),
];

impl<T, W> Sealed for InterruptObject<T, W> {}

impl<T: Send, W: Send> Observed for InterruptObject<T, W> {
    fn observe(&self) -> Observation {
        let state = self.state();
        Observation {
            name: self.name().clone(),
            states: &STATES,
            state: state.word(),
            has_ended: state == State::Ended,
            stats: self.stats(),
        }
    }
}
