//! What Linux has to offer a driver in user space.
//!
//! | item | for |
//! |---|---|
//! | [`Eventfd`] | an eventfd as a source |
//! | [`Uio`] | the line of a UIO device as a source |
//! | [`vfio`](vfio) | a PCI device: its registers, interrupts and DMA memory |
//! | [`MappedRegisters`] | a device's registers, mapped into the program's memory |

pub(crate) mod eventfd;
mod facts;
mod mapped;
mod pci;
mod uio;
pub mod vfio;

pub use eventfd::{Eventfd, EventfdSignaller};
pub use mapped::MappedRegisters;
pub use uio::Uio;
