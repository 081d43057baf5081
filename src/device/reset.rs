//! Recovery by a reset: quiesce, reset, enable again.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::DeviceCallback;
#[cfg(doc)]
use crate::ErrorKind;
use crate::device::callbacks::catch;
use crate::device::{Device, DeviceInterrupt};
use crate::{Error, Outcome};

impl Device {
    /// Resets a device that went wrong, or might have: all its interrupts are disabled in reverse, `reset` runs under the
    /// callback lock, and those that were enabled are enabled again in order. Those that were enabled until a fault
    /// quarantined them are too, with the fault cleared. The device is meant to be in D0, or to be without power management.
    ///
    /// What the disable callbacks say of the device is not reported: it may be why the device is reset. For a device
    /// behind VFIO `reset` calls `vfio::PciDevice::reset`.
    ///
    /// # Errors
    ///
    /// If one of these is returned, all interrupts are disabled again, and a device that was in D0 has left it, with
    /// its D0-exit callback: [`enter_d0`](Self::enter_d0) is the way back.
    ///
    /// - [`ErrorKind::DeviceCallback`]: `reset` failed, or panicked.
    /// - What [`enable`](crate::InterruptObject::enable) says of the first interrupt that could not be enabled again.
    ///
    /// With [`ErrorKind::WouldDeadlock`], as for [`enter_d0`](Self::enter_d0), nothing has been done.
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
    /// device.reset(|| { /* write to its reset register */ })?;
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "EvtDeviceReset")]
    pub fn reset<R: Outcome>(&self, reset: impl FnOnce() -> R) -> Result<(), Error> {
        self.transition(|power, interrupts| {
            let done = quiesce(interrupts).and_then(|quiesced| {
                self.run(DeviceCallback::Reset, || catch(|| reset().into_result()))?;
                let up = quiesced.iter().try_for_each(|interrupt| interrupt.power_up());
                if up.is_err() {
                    // What follows from that failure is not the answer.
                    quiesced.iter().rev().for_each(|interrupt| _ = interrupt.power_down());
                }
                up
            });
            if done.is_err() {
                let _ = self.fall_out_of_d0(power, interrupts);
            }
            done
        })
    }
}

/// Those that are to be enabled again, in order of creation.
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
