//! What may be sent and shared: facts that every build checks. An ISR may own any of these.

use static_assertions::assert_impl_all;

use crate::linux::vfio;
use crate::linux::{Eventfd, EventfdSignaller, MappedRegisters, Uio};
use crate::source::{Registers, Source};

assert_impl_all!(MappedRegisters: Registers, Send, Sync, Clone);
assert_impl_all!(Eventfd: Source, Send);
assert_impl_all!(EventfdSignaller: Send, Sync, Clone);
assert_impl_all!(Uio: Source, Send);
assert_impl_all!(vfio::PciDevice: Send, Sync);
assert_impl_all!(vfio::DmaBuffer: Send);
assert_impl_all!(vfio::Intx: Source, Send);
assert_impl_all!(vfio::Vectors: Send);
assert_impl_all!(vfio::Vector: Source, Send);
