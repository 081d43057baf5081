//! Calls refused on purpose, for tests: any call, at any of its uses, with any number. Only under `--cfg refused_calls`.

use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use rustix::io::Errno;

use crate::system::call::names::Call;

/// Which uses of a call are refused, and with what number. Uses count from 1, since the last [`plan`](Plan::begin).
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The call, by its name in the system's manual.
    pub call: &'static str,
    /// The first use that is refused.
    pub from: u64,
    /// How many uses are refused.
    pub uses: u64,
    /// The number of the error.
    pub errno: i32,
}

struct Refusals {
    plan: Option<Plan>,
    made: [u64; Call::ALL.len()],
}

static REFUSALS: Mutex<Refusals> = Mutex::new(Refusals { plan: None, made: [0; Call::ALL.len()] });

fn with<R>(change: impl FnOnce(&mut Refusals) -> R) -> R {
    change(&mut REFUSALS.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Plan {
    /// Begins to count anew, and to refuse what `plan` says, if anything.
    pub fn begin(plan: Option<Self>) {
        with(|refusals| *refusals = Refusals { plan, made: [0; Call::ALL.len()] });
    }
}

/// Refuses nothing any more, and goes on counting.
pub fn refuse_nothing() {
    with(|refusals| refusals.plan = None);
}

/// Returns how often each call has been made since the last [`Plan::begin`], the refused uses included.
pub fn uses() -> Vec<(&'static str, u64)> {
    with(|refusals| Call::ALL.iter().map(|&(_, name)| name).zip(refusals.made).collect())
}

/// Returns the error that a use of `call` answers instead of the system's answer.
pub(super) fn instead_of(call: Call) -> Option<Errno> {
    with(|refusals| {
        let (place, (_, name)) = Call::ALL.iter().enumerate().find(|(_, (one, _))| *one == call)?;
        refusals.made[place] += 1;
        let plan = refusals.plan.filter(|plan| plan.call == *name)?;
        let refused = (plan.from..plan.from.saturating_add(plan.uses)).contains(&refusals.made[place]);
        refused.then(|| Errno::from_raw_os_error(plan.errno))
    })
}
