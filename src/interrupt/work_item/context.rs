//! The argument of the work item.

use core::ops::Deref;

use crate::answer::WithWorkItem;
use crate::interrupt::InterruptObject;

/// The argument of a work item: it derefs to the interrupt.
///
/// The work item runs without the interrupt lock, and may acquire it.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// struct Receiver {
///     packets: Vec<Vec<u8>>,
/// }
///
/// let interrupt = Interrupt::builder(Receiver { packets: vec![vec![1], vec![2, 3]] })
///     .isr(|_| Claim::Claimed)
///     .work_item(|interrupt| {
///         while let Some(packet) = interrupt.synchronize(|receiver| receiver.packets.pop()) {
///             println!("{} bytes", packet.len()); // without the lock
///         }
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.queue_work_item();
/// while interrupt.run_work_item() {}
/// assert!(interrupt.acquire_interrupt_lock().packets.is_empty());
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct WorkItemContext<'a, T, W = WithWorkItem> {
    pub(super) object: &'a InterruptObject<T, W>,
    pub(super) merged: usize,
}

impl<T, W> WorkItemContext<'_, T, W> {
    /// Returns how many queueings were merged into this run, beside the one that caused it ([rule
    /// W4](crate::guide::contract#w4)).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .work_item(|interrupt| assert_eq!(interrupt.merged(), 2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// for _ in 0..3 { interrupt.queue_work_item(); }
    /// while interrupt.run_work_item() {}
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn merged(&self) -> usize {
        self.merged
    }
}

impl<T, W> Deref for WorkItemContext<'_, T, W> {
    type Target = InterruptObject<T, W>;

    fn deref(&self) -> &Self::Target {
        self.object
    }
}
