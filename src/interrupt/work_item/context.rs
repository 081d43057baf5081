//! What the work item is given.

use core::ops::Deref;

use crate::interrupt::InterruptObject;
use crate::interrupt::work_item::WithWorkItem;

/// What a work item is given: its interrupt, by `Deref`, whose lock it may take.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// let interrupt = Interrupt::builder(vec![1, 2])
///     .isr(|_| Claim::Claimed)
///     .work_item(|interrupt| {
///         while let Some(n) = interrupt.synchronize(|data| data.pop()) {
///             assert!(n > 0);
///         }
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.queue_work_item();
/// while interrupt.run_work_item() {}
/// assert!(interrupt.acquire_interrupt_lock().is_empty());
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct WorkItemContext<'a, T, W = WithWorkItem> {
    pub(super) object: &'a InterruptObject<T, W>,
    pub(super) merged: usize,
}

impl<T, W> WorkItemContext<'_, T, W> {
    /// How many queueings were merged into this run, beyond the one that caused it (rule W4).
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
