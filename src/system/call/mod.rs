//! One call of the system, and what it answers.
//!
//! | file | holds |
//! |---|---|
//! | this one | making a call, and how it fails |
//! | `names` | which calls there are |
//! | `refuse` | calls refused on purpose, for tests |

mod names;
#[cfg(refused_calls)]
pub mod refuse;

use core::fmt;

use rustix::io::Errno;

pub(crate) use names::Call;

/// The answer of a call that the system refused. Only `system` reads its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(super) call: Call,
    pub(super) errno: Errno,
}

impl Failure {
    pub(super) fn new(call: Call, errno: Errno) -> Self {
        Self { call, errno }
    }
}

/// Only the call's name: the number is told beside it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call.name())
    }
}

/// How often a call is made again that a signal has interrupted. A system that says so for ever is broken.
pub(super) const INTERRUPTIONS: u32 = 1000;

/// Makes a call, and makes it again if a signal has interrupted it.
#[inline]
pub(super) fn call<R>(call: Call, mut make: impl FnMut() -> rustix::io::Result<R>) -> Result<R, Failure> {
    let mut answer = once(call, &mut make);
    for _ in 0..INTERRUPTIONS {
        match answer {
            Err(Failure { errno: Errno::INTR, .. }) => answer = once(call, &mut make),
            answered => return answered,
        }
    }
    answer
}

/// Makes a call once.
#[inline]
pub(super) fn once<R>(call: Call, make: impl FnOnce() -> rustix::io::Result<R>) -> Result<R, Failure> {
    #[cfg(refused_calls)]
    if let Some(errno) = refuse::instead_of(call) {
        return Err(Failure::new(call, errno));
    }
    make().map_err(|errno| Failure::new(call, errno))
}
