//! For firmware of one core: the interrupt object in four bytes beside its data.
//!
//! On one core "the lock is held" means: by the caller, or by code that the caller has interrupted. So this object needs no
//! identity of threads, no waiting and no compare-exchange. It has the names and the rules of
//! [`crate::InterruptObject`], which is for several cores, and for operating systems.
//!
//! | | this module | [`crate::InterruptObject`] |
//! |---|---|---|
//! | cores | one | any number |
//! | a machine is | a type, [`Machine`] | a [platform](crate::bare_metal) of the whole program |
//! | callbacks | a type, [`Driver`], or [`Functions`] | functions, or closures with `alloc` |
//! | sources, devices, faults, removal, counters, claims | no | yes |
//! | compare-exchange | no | yes |
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the object | |
//! | `word` | its state, and how it stays whole | B1, B6 |
//! | `machine`, `cortex_m`, `riscv` | the interrupt mask | B2, L10 |
//! | `driver`, `functions` | the callbacks: as a type, or as plain functions | B5 |
//! | `section` | the lock, and what its release serves | L1 to L6, L10, L11 |
//! | `delivery` | from the vector to the ISR | I1 to I6, B3 |
//! | `work_item` | queueing and running it | W1 to W4, W6, W8 |
//! | `transition` | enable and disable | E1 to E4, I4, I5, W7, B4 |

#[cfg(any(doc, feature = "cortex-m"))]
pub mod cortex_m;
mod delivery;
mod driver;
mod error;
mod functions;
mod machine;
#[cfg(any(doc, feature = "riscv"))]
pub mod riscv;
mod section;
mod transition;
mod word;
mod work_item;

use core::cell::UnsafeCell;
use core::fmt;

pub use driver::{Driver, IsrContext, Registered};
pub use error::Error;
pub use functions::{Functions, Plain};
pub use machine::Machine;
pub use section::InterruptLockGuard;

use word::Word;

/// An interrupt of a machine with one core: the driver's data, and the lock around them.
///
/// It is a `static`, made by a `const fn`. Its vector calls [`service`](Self::service); what runs work items calls
/// [`run_work_item`](Self::run_work_item).
///
/// # Examples
///
/// See [`Driver`].
#[doc(alias = "IWDFInterrupt")]
#[doc(alias = "WDFINTERRUPT")]
pub struct InterruptObject<D: Driver> {
    word: Word,
    driver: D,
    data: UnsafeCell<D::Data>,
}

// SAFETY: the data is referred to by who holds the lock alone, and goes from one to the next: it is `Send`. That the lock
// excludes is what `Machine` promises: one core, and vectors that return before what they have interrupted goes on.
unsafe impl<D: Driver> Sync for InterruptObject<D> {}

impl<D: Driver> InterruptObject<D> {
    /// Returns a disabled interrupt.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[must_use]
    pub const fn new(data: D::Data, driver: D) -> Self {
        Self { word: Word::new(), driver, data: UnsafeCell::new(data) }
    }
}

impl<D: Driver> fmt::Debug for InterruptObject<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptObject")
            .field("name", &self.driver.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
