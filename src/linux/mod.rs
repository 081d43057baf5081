//! Sources and registers of Linux, for a driver in user space.
//!
//! | item | for |
//! |---|---|
//! | [`Eventfd`] | an eventfd as a source |
//! | [`Gpio`] | lines of a GPIO chip as a source (feature `gpio`) |
//! | [`Timer`] | a timer as a source |
//! | [`Uio`] | the line of a UIO device as a source (feature `uio`) |
//! | [`vfio`] | a PCI device: its registers, interrupts and DMA memory (feature `vfio`; on 64-bit processors) |
//! | [`MappedRegisters`] | a device's registers, mapped into the program's memory |

pub(crate) mod eventfd;
mod facts;
#[cfg(feature = "gpio")]
mod gpio;
mod in_use;
#[cfg_attr(
    not(all(feature = "uio", feature = "vfio", target_pointer_width = "64")),
    allow(dead_code, reason = "a back-end is left out")
)]
mod mapped;
#[cfg(any(feature = "uio", all(feature = "vfio", target_pointer_width = "64")))]
#[cfg_attr(
    not(all(feature = "uio", feature = "vfio", target_pointer_width = "64")),
    allow(dead_code, reason = "a back-end is left out")
)]
mod pci;
mod timer;
#[cfg(feature = "uio")]
mod uio;
#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
pub mod vfio;

pub use eventfd::{Eventfd, EventfdSignaller};
#[cfg(feature = "gpio")]
pub use gpio::{Gpio, GpioEdge, GpioEvent, GpioLines, GpioRequest};
pub use mapped::MappedRegisters;
pub use timer::{Timer, TimerHandle};
#[cfg(feature = "uio")]
pub use uio::Uio;
