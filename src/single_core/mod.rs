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
//! | counters | with the feature `statistics` | yes |
//! | sources, devices, faults, removal, claims | no | yes |
//! | compare-exchange | no | yes |
//!
//! A driver with both hooks: it masks its line in the interrupt controller, and pends PendSV for its work item.
//!
//! ```
//! use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
//! use interrupt_lock::{Claim, WithWorkItem, Work};
//! # use interrupt_lock::single_core::Machine;
//! # struct Board;
//! # // SAFETY: one thread runs this example.
//! # unsafe impl Machine for Board {
//! #     type Found = ();
//! #     fn mask() {}
//! #     fn restore((): ()) {}
//! # }
//! # mod nvic { pub fn disable(_: u8) {} pub fn enable(_: u8) {} pub fn pend_sv() {} }
//! # fn status() -> u32 { 1 }
//!
//! /// Interrupt 5 of the controller.
//! struct Adc;
//!
//! impl Driver for Adc {
//!     type Data = Vec<u16>; // in firmware: an array, and how much of it is used
//!     type Machine = Board; // in firmware: cortex_m::Primask
//!     type WorkItem = WithWorkItem;
//!
//!     fn isr(&self, samples: &mut IsrContext<'_, Self>) -> Claim {
//!         if status() == 0 {
//!             return Claim::Unclaimed;
//!         }
//!         samples.push(7); // in firmware: the converter's data register
//!         samples.queue_work_item();
//!         Claim::Claimed
//!     }
//!
//!     fn work_item(&self, adc: &InterruptObject<Self>) -> Work {
//!         let samples = adc.synchronize(std::mem::take);
//!         println!("{samples:?}"); // without the lock, and with the interrupts on
//!         Work::Done
//!     }
//!
//!     fn mask_line(&self) { nvic::disable(5) }
//!     fn unmask_line(&self) { nvic::enable(5) }
//!     fn on_queued(&self) { nvic::pend_sv() }
//! }
//!
//! static ADC: InterruptObject<Adc> = InterruptObject::new(Vec::new(), Adc);
//!
//! /// The vector of interrupt 5.
//! fn adc() {
//!     ADC.service();
//! }
//!
//! fn pend_sv() {
//!     while ADC.run_work_item() {}
//! }
//!
//! ADC.enable()?;
//! adc();
//! pend_sv();
//! ADC.synchronize(|samples| assert!(samples.is_empty()));
//! # Ok::<(), interrupt_lock::single_core::Error>(())
//! ```
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the object | |
//! | `word` | its state, and how it stays whole | B1, B6 |
//! | `machine` | the interrupt mask | B2, L10 |
//! | `driver`, `functions` | the callbacks: as a type, or as plain functions | B5 |
//! | `section` | the lock, and what its release serves | L1 to L6, L10, L11 |
//! | `delivery` | from the vector to the ISR | I1 to I6, B3 |
//! | `work_item` | queueing and running it | W1 to W4, W6, W8 |
//! | `counts` | what is counted, with the feature `statistics` | S1 |
//! | `transition` | enable and disable | E1 to E4, I4, I5, W7, B4 |

mod counts;
mod delivery;
mod driver;
mod error;
mod functions;
mod machine;
mod section;
mod transition;
mod word;
mod work_item;

use core::cell::UnsafeCell;
use core::fmt;

#[cfg(feature = "statistics")]
pub use counts::Stats;
pub use driver::{Driver, IsrContext, Registered};
pub use error::Error;
pub use functions::{Functions, Plain};
pub use machine::Machine;
#[cfg(any(doc, all(feature = "cortex-m", target_arch = "arm", target_os = "none")))]
pub use machine::cortex_m;
#[cfg(any(
    doc,
    all(feature = "riscv", any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none")
))]
pub use machine::riscv;
pub use section::InterruptLockGuard;

use counts::Counts;
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
    counts: Counts,
    driver: D,
    data: UnsafeCell<D::Data>,
}

// SAFETY: only the owner of the lock refers to the data, and it goes from one owner to the next, for which it is `Send`.
// That the lock excludes is what `Machine` promises: one core, and vectors that return before what they have interrupted
// goes on.
unsafe impl<D: Driver> Sync for InterruptObject<D> {}

impl<D: Driver> InterruptObject<D> {
    /// Returns a disabled interrupt.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[must_use]
    pub const fn new(data: D::Data, driver: D) -> Self {
        Self { word: Word::new(), counts: Counts::new(), driver, data: UnsafeCell::new(data) }
    }

    /// Does a step with the mask on: a vector that it stops can't come in the middle.
    #[inline(always)]
    fn masked<R>(&self, step: impl FnOnce(&Word) -> R) -> R {
        let found = D::Machine::mask();
        let done = step(&self.word);
        D::Machine::restore(found);
        done
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
