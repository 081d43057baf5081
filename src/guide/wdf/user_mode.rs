//! User mode: all is at `PASSIVE_LEVEL`, and threads are threads.

use wdk_sys::{call_unsafe_wdf_function_binding as call_unsafe_wdf, *};

pub fn pinned<R>(transition: impl FnOnce() -> R) -> R {
    transition()
}

pub fn can_serve(_: &WDF_INTERRUPT_INFO) -> bool {
    true
}

pub fn deferring_to(callback: unsafe extern "C" fn(WDFINTERRUPT, WDFOBJECT)) -> WDF_INTERRUPT_CONFIG {
    WDF_INTERRUPT_CONFIG { EvtInterruptWorkItem: Some(callback), PassiveHandling: 1, ..Default::default() }
}

/// # Safety
///
/// The handle is valid.
pub unsafe fn queue(interrupt: WDFINTERRUPT) {
    // SAFETY: as the caller promises.
    let _is_new = unsafe { call_unsafe_wdf!(WdfInterruptQueueWorkItemForIsr, interrupt) };
}
