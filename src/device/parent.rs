//! What an interrupt asks of its device.

use core::any::Any;
use core::ptr;

use alloc::sync::{Arc, Weak};

use crate::device::{Device, DeviceInterrupt};
use crate::interrupt::InterruptObject;
use crate::interrupt::attached::Parent;
use crate::lock::RawInterruptLock;

impl Parent for Device {
    fn callback_lock(&self) -> &RawInterruptLock {
        self.callback_lock()
    }

    fn leave_end(&self, interrupt: *const ()) {
        let is_it = |known: &&Weak<dyn DeviceInterrupt>| ptr::addr_eq(known.as_ptr(), interrupt);
        let found = self.0.interrupts.lock().iter().find(is_it).and_then(Weak::upgrade);
        self.0.callback_lock.left_ends.lock().extend(found);
    }

    fn has_ended(&self, interrupt: *const ()) {
        // None of the removed references is the last one: the caller has another, so nothing is freed under the lock.
        let is_another = |left: &Arc<dyn DeviceInterrupt>| !ptr::addr_eq(Arc::as_ptr(left), interrupt);
        self.0.callback_lock.left_ends.lock().retain(is_another);
    }

    fn wake(&self, taken: &mut dyn FnMut()) {
        self.wake(taken);
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
