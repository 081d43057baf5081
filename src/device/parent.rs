//! What an interrupt asks of its device.

use core::any::Any;

#[cfg(feature = "std")]
use alloc::sync::Arc;

use crate::circle::Circle;
use crate::device::Device;
use crate::interrupt::InterruptObject;
#[cfg(feature = "std")]
use crate::interrupt::attached::EndsElsewhere;
use crate::interrupt::attached::Parent;
use crate::lock::RawInterruptLock;

impl Parent for Device {
    fn callback_lock(&self) -> &RawInterruptLock {
        self.raw_callback_lock()
    }

    fn serialize(&self, run: &mut dyn FnMut(), for_end: bool) -> Result<(), Option<Circle>> {
        self.serialize(run, for_end)
    }

    fn wake(&self, taken: &mut dyn FnMut()) {
        self.wake(taken);
    }

    #[cfg(feature = "std")]
    fn leave_end(&self, interrupt: Arc<dyn EndsElsewhere>) -> bool {
        self.leave_end(interrupt)
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Returns the device that the interrupt belongs to, or `None` ([rule P4](crate::guide::contract#p4)): stands for
    /// *GetDevice*.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.device(), Some(&device));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "GetDevice")]
    #[doc(alias = "WdfInterruptGetDevice")]
    pub fn device(&self) -> Option<&Device> {
        let parent: &dyn Any = self.parent()?;
        parent.downcast_ref()
    }
}
