//! Stands in for the published crate `wdk-sys`: those of its types, constants and functions that the driver of the guide
//! uses, of the same names and shapes. `standin/wdf.h` declares the same in C.
//!
//! A structure may lack members that the driver does not name.
#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, missing_docs)]

use core::ffi::{c_char, c_void};

pub type BOOLEAN = u8;
pub type UCHAR = u8;
pub type USHORT = u16;
pub type ULONG = u32;
pub type ULONG64 = u64;
pub type KAFFINITY = u64;
pub type KIRQL = UCHAR;
pub type NTSTATUS = i32;

pub const STATUS_SUCCESS: NTSTATUS = 0;
pub const STATUS_UNSUCCESSFUL: NTSTATUS = 0xC000_0001_u32 as NTSTATUS;
pub const STATUS_NOT_SUPPORTED: NTSTATUS = 0xC000_00BB_u32 as NTSTATUS;
pub const PASSIVE_LEVEL: u32 = 0;
pub const DISPATCH_LEVEL: u32 = 2;

pub const fn NT_SUCCESS(status: NTSTATUS) -> bool {
    status >= 0
}

macro_rules! handles {
    ($($name:ident $target:ident),*) => {$(
        #[repr(C)]
        pub struct $target {
            _private: [u8; 0],
        }
        pub type $name = *mut $target;
    )*};
}
handles!(WDFDRIVER WDFDRIVER__, WDFDEVICE WDFDEVICE__, WDFINTERRUPT WDFINTERRUPT__, WDFSPINLOCK WDFSPINLOCK__);
handles!(WDFWAITLOCK WDFWAITLOCK__, PWDFDEVICE_INIT WDFDEVICE_INIT, PDRIVER_OBJECT _DRIVER_OBJECT);
handles!(PCUNICODE_STRING _UNICODE_STRING, PCM_PARTIAL_RESOURCE_DESCRIPTOR _CM_PARTIAL_RESOURCE_DESCRIPTOR);
pub type WDFOBJECT = *mut c_void;

macro_rules! enums {
    ($($name:ident $module:ident { $($constant:ident = $value:literal),* })*) => {$(
        pub mod $module {
            pub type Type = i32;
            $(pub const $constant: Type = $value;)*
        }
        pub use $module::Type as $name;
    )*};
}
enums! {
    KINTERRUPT_MODE _KINTERRUPT_MODE { LevelSensitive = 0, Latched = 1 }
    CM_SHARE_DISPOSITION _CM_SHARE_DISPOSITION { CmResourceShareDeviceExclusive = 1, CmResourceShareShared = 3 }
    WDF_INTERRUPT_POLARITY _WDF_INTERRUPT_POLARITY { WdfInterruptActiveHigh = 1, WdfInterruptActiveLow = 2 }
    WDF_TRI_STATE _WDF_TRI_STATE { WdfFalse = 0, WdfTrue = 1, WdfUseDefault = 2 }
    WDF_EXECUTION_LEVEL _WDF_EXECUTION_LEVEL { WdfExecutionLevelInheritFromParent = 1 }
    WDF_SYNCHRONIZATION_SCOPE _WDF_SYNCHRONIZATION_SCOPE { WdfSynchronizationScopeInheritFromParent = 1 }
    WDF_POWER_DEVICE_STATE _WDF_POWER_DEVICE_STATE { WdfPowerDeviceD0 = 1, WdfPowerDeviceD3 = 4 }
}

pub type PFN_WDF_DRIVER_DEVICE_ADD = Option<unsafe extern "C" fn(WDFDRIVER, PWDFDEVICE_INIT) -> NTSTATUS>;
pub type PFN_WDF_OBJECT_CONTEXT_CLEANUP = Option<unsafe extern "C" fn(WDFOBJECT)>;
pub type PFN_WDF_OBJECT_CONTEXT_DESTROY = Option<unsafe extern "C" fn(WDFOBJECT)>;
pub type PFN_WDF_DEVICE_D0 = Option<unsafe extern "C" fn(WDFDEVICE, WDF_POWER_DEVICE_STATE) -> NTSTATUS>;
pub type PFN_WDF_INTERRUPT_ISR = Option<unsafe extern "C" fn(WDFINTERRUPT, ULONG) -> BOOLEAN>;
pub type PFN_WDF_INTERRUPT_DPC = Option<unsafe extern "C" fn(WDFINTERRUPT, WDFOBJECT)>;
pub type PFN_WDF_INTERRUPT_WORKITEM = Option<unsafe extern "C" fn(WDFINTERRUPT, WDFOBJECT)>;
pub type PFN_WDF_INTERRUPT_ENABLE = Option<unsafe extern "C" fn(WDFINTERRUPT, WDFDEVICE) -> NTSTATUS>;
pub type PFN_WDF_INTERRUPT_DISABLE = Option<unsafe extern "C" fn(WDFINTERRUPT, WDFDEVICE) -> NTSTATUS>;
pub type PCWDF_OBJECT_CONTEXT_TYPE_INFO = *const WDF_OBJECT_CONTEXT_TYPE_INFO;

macro_rules! structures {
    ($($name:ident { $($field:ident: $type:ty),* })*) => {$(
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name {
            $(pub $field: $type,)*
        }
        impl Default for $name {
            fn default() -> Self {
                // SAFETY: each member may be zero: numbers, pointers, optional functions.
                unsafe { core::mem::zeroed() }
            }
        }
    )*};
}
structures! {
    WDF_DRIVER_CONFIG { Size: ULONG, EvtDriverDeviceAdd: PFN_WDF_DRIVER_DEVICE_ADD }
    WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: ULONG, EvtDeviceD0Entry: PFN_WDF_DEVICE_D0, EvtDeviceD0EntryPostInterruptsEnabled: PFN_WDF_DEVICE_D0,
        EvtDeviceD0Exit: PFN_WDF_DEVICE_D0, EvtDeviceD0ExitPreInterruptsDisabled: PFN_WDF_DEVICE_D0
    }
    WDF_OBJECT_ATTRIBUTES {
        Size: ULONG, EvtCleanupCallback: PFN_WDF_OBJECT_CONTEXT_CLEANUP,
        EvtDestroyCallback: PFN_WDF_OBJECT_CONTEXT_DESTROY, ExecutionLevel: WDF_EXECUTION_LEVEL,
        SynchronizationScope: WDF_SYNCHRONIZATION_SCOPE, ParentObject: WDFOBJECT, ContextSizeOverride: usize,
        ContextTypeInfo: PCWDF_OBJECT_CONTEXT_TYPE_INFO
    }
    WDF_OBJECT_CONTEXT_TYPE_INFO {
        Size: ULONG, ContextName: *mut c_char, ContextSize: usize, UniqueType: PCWDF_OBJECT_CONTEXT_TYPE_INFO,
        EvtDriverGetUniqueContextType: Option<unsafe extern "C" fn() -> PCWDF_OBJECT_CONTEXT_TYPE_INFO>
    }
    WDF_INTERRUPT_CONFIG {
        Size: ULONG, SpinLock: WDFSPINLOCK, ShareVector: WDF_TRI_STATE, FloatingSave: BOOLEAN,
        AutomaticSerialization: BOOLEAN, EvtInterruptIsr: PFN_WDF_INTERRUPT_ISR, EvtInterruptDpc: PFN_WDF_INTERRUPT_DPC,
        EvtInterruptEnable: PFN_WDF_INTERRUPT_ENABLE, EvtInterruptDisable: PFN_WDF_INTERRUPT_DISABLE,
        EvtInterruptWorkItem: PFN_WDF_INTERRUPT_WORKITEM, InterruptRaw: PCM_PARTIAL_RESOURCE_DESCRIPTOR,
        InterruptTranslated: PCM_PARTIAL_RESOURCE_DESCRIPTOR, WaitLock: WDFWAITLOCK, PassiveHandling: BOOLEAN,
        ReportInactiveOnPowerDown: WDF_TRI_STATE, CanWakeDevice: BOOLEAN
    }
    WDF_INTERRUPT_INFO {
        Size: ULONG, Reserved1: ULONG64, TargetProcessorSet: KAFFINITY, Reserved2: ULONG, MessageNumber: ULONG,
        Vector: ULONG, Irql: KIRQL, Mode: KINTERRUPT_MODE, Polarity: WDF_INTERRUPT_POLARITY, MessageSignaled: BOOLEAN,
        ShareDisposition: UCHAR, Group: USHORT
    }
}

/// The functions of the framework. In the published crate they are entries of a table, which the macro looks up; what it
/// makes of one that returns something is `must_use`, too.
pub mod wdf {
    use super::*;

    unsafe extern "C" {
        #[must_use]
        pub fn WdfDriverCreate(
            driver: PDRIVER_OBJECT,
            registry: PCUNICODE_STRING,
            attributes: *mut WDF_OBJECT_ATTRIBUTES,
            config: *mut WDF_DRIVER_CONFIG,
            created: *mut WDFDRIVER,
        ) -> NTSTATUS;
        pub fn WdfDeviceInitSetPnpPowerEventCallbacks(
            init: PWDFDEVICE_INIT,
            callbacks: *mut WDF_PNPPOWER_EVENT_CALLBACKS,
        );
        #[must_use]
        pub fn WdfDeviceCreate(
            init: *mut PWDFDEVICE_INIT,
            attributes: *mut WDF_OBJECT_ATTRIBUTES,
            created: *mut WDFDEVICE,
        ) -> NTSTATUS;
        #[must_use]
        pub fn WdfObjectGetTypedContextWorker(object: WDFOBJECT, kind: PCWDF_OBJECT_CONTEXT_TYPE_INFO) -> *mut c_void;
        #[must_use]
        pub fn WdfInterruptCreate(
            device: WDFDEVICE,
            config: *mut WDF_INTERRUPT_CONFIG,
            attributes: *mut WDF_OBJECT_ATTRIBUTES,
            created: *mut WDFINTERRUPT,
        ) -> NTSTATUS;
        #[must_use]
        pub fn WdfInterruptGetDevice(interrupt: WDFINTERRUPT) -> WDFDEVICE;
        pub fn WdfInterruptGetInfo(interrupt: WDFINTERRUPT, info: *mut WDF_INTERRUPT_INFO);
        #[must_use]
        pub fn WdfInterruptQueueDpcForIsr(interrupt: WDFINTERRUPT) -> BOOLEAN;
        #[must_use]
        pub fn WdfInterruptQueueWorkItemForIsr(interrupt: WDFINTERRUPT) -> BOOLEAN;
        pub fn WdfInterruptAcquireLock(interrupt: WDFINTERRUPT);
        pub fn WdfInterruptReleaseLock(interrupt: WDFINTERRUPT);
    }
}

/// Functions of the kernel.
pub mod ntddk {
    use super::*;

    unsafe extern "C" {
        pub fn KeGetCurrentIrql() -> KIRQL;
        pub fn KfRaiseIrql(to: KIRQL) -> KIRQL;
        pub fn KeLowerIrql(to: KIRQL);
        pub fn KeGetCurrentProcessorNumberEx(number: *mut c_void) -> ULONG;
        pub fn ExAllocatePool2(flags: u64, bytes: usize, tag: ULONG) -> *mut c_void;
        pub fn ExFreePool(memory: *mut c_void);
    }
}

/// Calls a function of the framework.
#[macro_export]
macro_rules! call_unsafe_wdf_function_binding {
    ($name:ident $(, $argument:expr)* $(,)?) => {
        $crate::wdf::$name($($argument),*)
    };
}
