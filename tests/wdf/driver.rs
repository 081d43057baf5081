//! The driver: the guide's program, its entry, and what the stand-in's tests ask of it.
#![cfg_attr(feature = "kernel-mode", no_std)]

extern crate alloc;

mod device;
#[path = "../../src/guide/wdf/glue.rs"]
mod glue;
#[path = "../../src/guide/wdf/driver.rs"]
mod interrupt;
#[cfg_attr(feature = "kernel-mode", path = "../../src/guide/wdf/kernel_mode.rs")]
#[cfg_attr(not(feature = "kernel-mode"), path = "../../src/guide/wdf/user_mode.rs")]
mod mode;
#[cfg(feature = "kernel-mode")]
mod runtime;

use wdk_sys::{call_unsafe_wdf_function_binding as call_unsafe_wdf, *};

/// # Safety
///
/// The system calls it.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, registry: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: size_of::<WDF_DRIVER_CONFIG>() as ULONG,
        EvtDriverDeviceAdd: Some(interrupt::evt_device_add),
    };
    let none = core::ptr::null_mut();
    // SAFETY: the system has given both.
    unsafe { call_unsafe_wdf!(WdfDriverCreate, driver, registry, none, &mut config, none.cast()) }
}

/// A request of a program: a section of the lock, in which the interrupt data changes in two steps.
///
/// # Safety
///
/// The device is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_request(device: WDFDEVICE) {
    // SAFETY: as the caller promises.
    let mut events = unsafe { interrupt::wired(device) }.interrupt.acquire_interrupt_lock();
    let before = events.requests;
    device::in_section();
    events.requests = before + 1;
}

/// What the interrupt has counted.
#[repr(C)]
pub struct Counts {
    served: u64,
    stale: u64,
    work_item_runs: u64,
    requests: u64,
    faults: u64,
    vector: u64,
}

/// # Safety
///
/// The device is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn driver_counts(device: WDFDEVICE) -> Counts {
    // SAFETY: as the caller promises.
    let interrupt = unsafe { &interrupt::wired(device).interrupt };
    let stats = interrupt.stats();
    Counts {
        served: stats.delivered + stats.coalesced,
        stale: stats.stale,
        work_item_runs: stats.work_run,
        requests: interrupt.acquire_interrupt_lock().requests,
        faults: stats.faults,
        vector: interrupt.info().vector.unwrap_or(0).into(),
    }
}
