//! Which types may be sent and shared, checked by every build. An ISR may own any of them.

use static_assertions::assert_impl_all;

#[cfg(feature = "uio")]
use crate::linux::Uio;
#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
use crate::linux::vfio;
use crate::linux::{Eventfd, EventfdSignaller, MappedRegisters, Timer, TimerHandle};
#[cfg(feature = "gpio")]
use crate::linux::{Gpio, GpioLines};
use crate::source::Source;
use crate::source::registers::Registers;

assert_impl_all!(MappedRegisters: Registers, Send, Sync, Clone);
assert_impl_all!(Eventfd: Source, Send);
assert_impl_all!(EventfdSignaller: Send, Sync, Clone);
assert_impl_all!(Timer: Source, Send);
assert_impl_all!(TimerHandle: Send, Sync, Clone);
#[cfg(feature = "gpio")]
assert_impl_all!(Gpio: Source, Send);
#[cfg(feature = "gpio")]
assert_impl_all!(GpioLines: Send, Sync, Clone);
#[cfg(feature = "uio")]
assert_impl_all!(Uio: Source, Send);
#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
mod of_vfio {
    use super::*;

    assert_impl_all!(vfio::PciDevice: Send, Sync);
    assert_impl_all!(vfio::DmaBuffer: Send);
    assert_impl_all!(vfio::Intx: Source, Send);
    assert_impl_all!(vfio::Vectors: Send);
    assert_impl_all!(vfio::Vector: Source, Send);
}
