//! Kernel mode: IRQL is the mask.

use core::ptr;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use interrupt_lock::bare_metal::{Cpu, Platform};
use wdk_sys::ntddk::{KeGetCurrentIrql, KeGetCurrentProcessorNumberEx, KeLowerIrql, KfRaiseIrql};
use wdk_sys::{call_unsafe_wdf_function_binding as call_unsafe_wdf, *};

const DISPATCH: KIRQL = DISPATCH_LEVEL as KIRQL;

/// The highest device IRQL of the driver's interrupts. Below `DISPATCH_LEVEL` a thread might migrate with the lock.
static HIGHEST: AtomicU8 = AtomicU8::new(DISPATCH);

/// As many processors as Windows supports.
static CPUS: [Cpu; 2048] = [const { Cpu::new() }; 2048];

struct Kernel;

// SAFETY: each processor has a number of its own, in all groups.
unsafe impl Platform for Kernel {
    fn this_processor() -> &'static Cpu {
        // SAFETY: callable at any IRQL, and the pointer may be null.
        &CPUS[unsafe { KeGetCurrentProcessorNumberEx(ptr::null_mut()) } as usize]
    }

    fn mask() -> usize {
        raise(HIGHEST.load(Relaxed)) // one word, which orders nothing
    }

    fn unmask(found: usize) {
        lower(found);
    }
}

interrupt_lock::platform!(Kernel);

/// Returns what `lower` needs: 0 if the IRQL was as high already.
fn raise(to: KIRQL) -> usize {
    // SAFETY: the IRQL is not lowered by this.
    unsafe {
        let before = KeGetCurrentIrql();
        if before >= to {
            return 0;
        }
        KfRaiseIrql(to);
        usize::from(before) + 1
    }
}

fn lower(found: usize) {
    // SAFETY: to where the IRQL was before `raise`.
    unsafe { KeLowerIrql((found - 1) as KIRQL) };
}

/// Runs a transition on one processor, at `DISPATCH_LEVEL`. So a work item that it flushes runs at the level of a DPC.
pub fn pinned<R>(transition: impl FnOnce() -> R) -> R {
    let found = raise(DISPATCH);
    let result = transition();
    if found != 0 {
        lower(found);
    }
    result
}

/// Returns whether the interrupt has a level to mask. A passive-level one has none.
pub fn can_serve(info: &WDF_INTERRUPT_INFO) -> bool {
    HIGHEST.fetch_max(info.Irql, Relaxed);
    info.Irql > DISPATCH
}

pub fn deferring_to(callback: unsafe extern "C" fn(WDFINTERRUPT, WDFOBJECT)) -> WDF_INTERRUPT_CONFIG {
    WDF_INTERRUPT_CONFIG { EvtInterruptDpc: Some(callback), ..Default::default() }
}

/// # Safety
///
/// The handle is valid.
pub unsafe fn queue(interrupt: WDFINTERRUPT) {
    // SAFETY: as the caller promises; callable at device IRQL.
    let _is_new = unsafe { call_unsafe_wdf!(WdfInterruptQueueDpcForIsr, interrupt) };
}
