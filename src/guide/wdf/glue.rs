//! What the driver needs of WDF's types, in both modes.

use interrupt_lock::{Info, Polarity, Share, Trigger};
use wdk_sys::{call_unsafe_wdf_function_binding as call_unsafe_wdf, *};

/// A handle that the ISR may own.
pub struct Handle(pub WDFINTERRUPT);
// SAFETY: WDF's functions may be called on any thread.
unsafe impl Send for Handle {}

impl Handle {
    pub fn get(&self) -> WDFINTERRUPT {
        self.0
    }
}

pub struct ContextType(pub WDF_OBJECT_CONTEXT_TYPE_INFO);
// SAFETY: nothing changes it, and its pointers are to statics.
unsafe impl Sync for ContextType {}

/// Says that a device's context is a pointer.
pub static CONTEXT: ContextType = ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO {
    Size: size::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
    ContextName: c"Wired".as_ptr().cast_mut(),
    ContextSize: size_of::<*mut ()>(),
    UniqueType: &raw const CONTEXT.0,
    EvtDriverGetUniqueContextType: None,
});

/// # Safety
///
/// The device has that context, a pointer to a `T`.
pub unsafe fn context<T>(device: WDFDEVICE) -> *mut *mut T {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf!(WdfObjectGetTypedContextWorker, device.cast(), &raw const CONTEXT.0).cast() }
}

pub const fn size<T>() -> ULONG {
    size_of::<T>() as ULONG
}

pub fn translate(info: &WDF_INTERRUPT_INFO) -> Info {
    let is_message = info.MessageSignaled != 0;
    let mut found = Info::new()
        .with_vector(info.Vector)
        .with_message_signaled(is_message)
        .with_processors(info.TargetProcessorSet)
        .with_group(info.Group);
    if is_message {
        found = found.with_message_number(info.MessageNumber).with_trigger(Trigger::Message);
    } else if info.Mode == _KINTERRUPT_MODE::LevelSensitive {
        found = found.with_trigger(Trigger::Level);
    } else {
        found = found.with_trigger(Trigger::Edge);
    }
    if info.Polarity == _WDF_INTERRUPT_POLARITY::WdfInterruptActiveHigh {
        found = found.with_polarity(Polarity::ActiveHigh);
    } else if info.Polarity == _WDF_INTERRUPT_POLARITY::WdfInterruptActiveLow {
        found = found.with_polarity(Polarity::ActiveLow);
    }
    let is_shared = i32::from(info.ShareDisposition) == _CM_SHARE_DISPOSITION::CmResourceShareShared;
    found.with_share(if is_shared { Share::Shared } else { Share::Exclusive })
}
