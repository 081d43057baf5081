//! Recovery by a reset: disable, reset, enable again.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::device::callbacks::catch;
use crate::device::power::enable;
use crate::device::{Device, DeviceInterrupt};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::fault::DeviceCallback;
use crate::interrupt::Outcome;
use crate::sync;

impl Device {
    /// Resets a device that no longer works, for a driver that recovers from an error.
    ///
    /// The steps, in order:
    ///
    /// 1. All interrupts of the device are disabled, in the reverse of the order in which they were built.
    /// 2. `reset` runs under the callback lock. With VFIO it calls `vfio::PciDevice::reset`.
    /// 3. The interrupts that step 1 has disabled are enabled again, in order. Interrupts that were out of service
    ///    because of a fault are enabled too, with the fault cleared. Interrupts that the driver has disabled itself
    ///    stay disabled.
    ///
    /// Call it while the device is in D0, or for a device without power management. Errors of disable callbacks are
    /// ignored, because they may be the reason for the reset.
    ///
    /// # Errors
    ///
    /// After an error all interrupts are disabled. If the device was in D0, it has left D0, with its D0-exit callback.
    /// Call [`enter_d0`](Self::enter_d0) to use it again.
    ///
    /// - [`ErrorKind::DeviceCallback`]: `reset` failed, or panicked.
    /// - The error of [`enable`](crate::InterruptObject::enable) for the first interrupt that could not be enabled
    ///   again.
    ///
    /// If it would wait for itself, as [`enter_d0`](Self::enter_d0) would, it returns [`ErrorKind::WouldDeadlock`]. If the
    /// first step was refused, the device has done nothing. If a later one was, the interrupts before it are disabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt, State};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(())
    ///     .device(&device)
    ///     .isr(|_| panic!("no such register"))
    ///     .build()?;
    /// device.enter_d0()?;
    /// interrupt.service();
    /// assert_eq!(interrupt.state(), State::Faulted);
    ///
    /// device.reset(|| { /* write to the device's reset register */ })?;
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "EvtDeviceReset")]
    pub fn reset<R: Outcome>(&self, reset: impl FnOnce() -> R) -> Result<(), Error> {
        self.transition(|power, interrupts| {
            let done = quiesce(interrupts).and_then(|quiesced| {
                self.run(DeviceCallback::Reset, || catch(|| reset().into_result()))?;
                let up = enable(quiesced.iter().copied()).map(drop);
                if up.is_err() {
                    // Returns the first error, not those of the undoing.
                    quiesced.iter().rev().for_each(|interrupt| sync::free_silently(interrupt.power_down(false)));
                }
                up
            });
            if done.is_err() {
                sync::free_silently(self.leave_d0(power, interrupts));
            }
            done
        })
    }
}

/// Disables the interrupts. Returns those that have to be enabled again, in the order in which they were built.
fn quiesce(interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<Vec<&Arc<dyn DeviceInterrupt>>, Error> {
    let mut quiesced = Vec::new();
    for interrupt in interrupts.iter().rev() {
        if interrupt.quiesce()? {
            quiesced.push(interrupt);
        }
    }
    quiesced.reverse();
    Ok(quiesced)
}
