//! The interrupt of a WDF driver, in kernel mode (KMDF) and in user mode (UMDF 2).

use alloc::{boxed::Box, sync::Arc};
use core::sync::atomic::{AtomicU32, Ordering};
use core::{mem, ptr, task::Waker};

use interrupt_lock::source::{Ready, Source};
use interrupt_lock::{Claim, Delivery, Info, Interrupt, InterruptLock, SourceError, WithWorkItem};
use wdk_sys::{call_unsafe_wdf_function_binding as call_unsafe_wdf, *};

use crate::glue::{CONTEXT, Handle, context, size, translate};
use crate::{device, mode};

/// The interrupt data.
#[derive(Default)]
pub struct Events {
    /// How many the ISR has left to the work item.
    received: u32,
    /// How many requests your driver has made of the device.
    pub requests: u64,
}

/// What the callbacks of WDF tell the source.
struct Line {
    /// The calls of `EvtInterruptIsr` that the source has not taken yet.
    asserted: AtomicU32,
    info: InterruptLock<Info>,
}

struct WdfSource(Arc<Line>);

impl Source for WdfSource {
    fn info(&self) -> Info {
        self.0.info.synchronize(|info| info.clone())
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker // no dispatcher waits: `EvtInterruptIsr` calls `service()`
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        Ok(()) // WDF has connected the interrupt before
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(()) // WDF disconnects the interrupt later
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        Ok(self.0.asserted.swap(0, Ordering::Acquire).into()) // pairs with the Release in `evt_isr`
    }
}

/// What the device context owns.
pub struct Wired {
    line: Arc<Line>,
    handle: WDFINTERRUPT,
    pub interrupt: Interrupt<Events, WithWorkItem>,
}

/// `EvtDriverDeviceAdd`.
pub unsafe extern "C" fn evt_device_add(_: WDFDRIVER, mut init: PWDFDEVICE_INIT) -> NTSTATUS {
    let mut power = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDeviceD0EntryPostInterruptsEnabled: Some(evt_post_interrupts_enabled),
        EvtDeviceD0ExitPreInterruptsDisabled: Some(evt_pre_interrupts_disabled),
        ..Default::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        Size: size::<WDF_OBJECT_ATTRIBUTES>(),
        EvtCleanupCallback: Some(evt_cleanup),
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ContextTypeInfo: &raw const CONTEXT.0,
        ..Default::default()
    };
    let mut config = WDF_INTERRUPT_CONFIG {
        Size: size::<WDF_INTERRUPT_CONFIG>(),
        ShareVector: _WDF_TRI_STATE::WdfUseDefault,
        ReportInactiveOnPowerDown: _WDF_TRI_STATE::WdfUseDefault,
        EvtInterruptIsr: Some(evt_isr),
        ..mode::deferring_to(evt_deferred)
    };
    let (mut device, mut handle): (WDFDEVICE, WDFINTERRUPT) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `init` is WDF's. WDF copies the structures, and `attributes` make the device one with our context.
    unsafe {
        call_unsafe_wdf!(WdfDeviceInitSetPnpPowerEventCallbacks, init, &mut power);
        let mut status = call_unsafe_wdf!(WdfDeviceCreate, &mut init, &mut attributes, &mut device);
        if NT_SUCCESS(status) {
            status = call_unsafe_wdf!(WdfInterruptCreate, device, &mut config, ptr::null_mut(), &mut handle);
        }
        if NT_SUCCESS(status) {
            context::<Wired>(device).write(Box::into_raw(Box::new(wire(handle))));
        }
        status
    }
}

/// Builds the interrupt object. What it does with `device` is your driver's.
fn wire(handle: WDFINTERRUPT) -> Wired {
    let line = Arc::new(Line { asserted: AtomicU32::new(0), info: InterruptLock::new(Info::new()) });
    let own = Handle(handle);
    let interrupt = Interrupt::builder(Events::default())
        .isr(move |events| {
            let received = device::acknowledge();
            if received == 0 {
                return Claim::Unclaimed;
            }
            events.received += received;
            events.queue_work_item();
            // SAFETY: the ISR runs between D0 entry and D0 exit only, when the handle is valid.
            unsafe { mode::queue(own.get()) }; // at each claim: WDF merges what is queued already
            Claim::Claimed
        })
        .on_enable(|_| device::enable_interrupts())
        .on_disable(|_| device::disable_interrupts())
        .work_item(|interrupt| device::finish(interrupt.synchronize(|events| mem::take(&mut events.received))))
        .source(WdfSource(line.clone()))
        .without_dispatcher()
        .build()
        .expect("the source and the callbacks fit each other");
    Wired { line, handle, interrupt }
}

unsafe extern "C" fn evt_isr(interrupt: WDFINTERRUPT, _message: ULONG) -> BOOLEAN {
    // SAFETY: WDF calls this for an interrupt of ours, between its device's D0 entry and D0 exit.
    let wired = unsafe { wired(call_unsafe_wdf!(WdfInterruptGetDevice, interrupt)) };
    wired.line.asserted.fetch_add(1, Ordering::Release); // first: `service()` takes it, or the owner of the lock
    let is_ours = match wired.interrupt.service() {
        Delivery::Answered(claim) => matches!(claim, Claim::Claimed | Claim::ClaimedKeepMasked),
        Delivery::Pending | Delivery::Withheld | Delivery::Nothing => true,
        _ => false, // `NotServed`: not enabled
    };
    is_ours.into()
}

/// `EvtInterruptDpc` in kernel mode, `EvtInterruptWorkItem` in user mode.
unsafe extern "C" fn evt_deferred(interrupt: WDFINTERRUPT, _: WDFOBJECT) {
    // SAFETY: as in `evt_isr`.
    let wired = unsafe { wired(call_unsafe_wdf!(WdfInterruptGetDevice, interrupt)) };
    while wired.interrupt.run_work_item() {}
}

unsafe extern "C" fn evt_post_interrupts_enabled(device: WDFDEVICE, _: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    // SAFETY: WDF calls this for a device of ours.
    let wired = unsafe { wired(device) };
    let mut info = WDF_INTERRUPT_INFO { Size: size::<WDF_INTERRUPT_INFO>(), ..Default::default() };
    // SAFETY: the handle lives as long as its device. The resources are assigned.
    unsafe { call_unsafe_wdf!(WdfInterruptGetInfo, wired.handle, &mut info) };
    if info.Vector == 0 {
        return STATUS_SUCCESS; // given no resources: WDF leaves it unconnected, and the device works without it
    }
    if !mode::can_serve(&info) {
        return STATUS_NOT_SUPPORTED;
    }
    *wired.line.info.acquire_interrupt_lock() = translate(&info);
    status(mode::pinned(|| wired.interrupt.enable().is_ok()))
}

unsafe extern "C" fn evt_pre_interrupts_disabled(device: WDFDEVICE, _: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    // SAFETY: as in `evt_post_interrupts_enabled`.
    let wired = unsafe { wired(device) };
    status(mode::pinned(|| wired.interrupt.disable().is_ok()))
}

unsafe extern "C" fn evt_cleanup(device: WDFOBJECT) {
    // SAFETY: WDF calls this once for a device, after its last other callback. WDF has set the context to zeros before.
    let wired = unsafe { context::<Wired>(device.cast()).replace(ptr::null_mut()) };
    if !wired.is_null() {
        // SAFETY: `evt_device_add` has made it of a box.
        let wired = unsafe { Box::from_raw(wired) };
        mode::pinned(|| drop(wired));
    }
}

/// # Safety
///
/// The device was made by `evt_device_add`, successfully, and what this returns is not used after `evt_cleanup`.
pub unsafe fn wired<'a>(device: WDFDEVICE) -> &'a Wired {
    // SAFETY: the pointer is valid up to `evt_cleanup`.
    unsafe { &**context::<Wired>(device) }
}

fn status(succeeded: bool) -> NTSTATUS {
    if succeeded { STATUS_SUCCESS } else { STATUS_UNSUCCESSFUL }
}
