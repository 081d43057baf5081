/* What the driver sees of the framework and of the kernel: names and shapes as in ../wdk-sys/lib.rs. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t BOOLEAN, UCHAR, KIRQL;
typedef uint16_t USHORT;
typedef uint32_t ULONG;
typedef uint64_t ULONG64, KAFFINITY;
typedef int32_t NTSTATUS;

enum { PASSIVE_LEVEL = 0, DISPATCH_LEVEL = 2, HIGH_LEVEL = 15 };
enum { LevelSensitive, Latched };
enum { CmResourceShareDeviceExclusive = 1, CmResourceShareShared = 3 };
enum { WdfInterruptActiveHigh = 1, WdfInterruptActiveLow };
enum { WdfPowerDeviceD0 = 1, WdfPowerDeviceD3 = 4 };
#define NT_SUCCESS(status) ((status) >= 0)

typedef struct driver *WDFDRIVER;
typedef struct device *WDFDEVICE;
typedef struct interrupt *WDFINTERRUPT;
typedef void *WDFOBJECT;

typedef NTSTATUS (*PFN_WDF_DRIVER_DEVICE_ADD)(WDFDRIVER, WDFDEVICE init);
typedef void (*PFN_WDF_OBJECT_CONTEXT_CLEANUP)(WDFOBJECT);
typedef NTSTATUS (*PFN_WDF_DEVICE_D0)(WDFDEVICE, int state);
typedef BOOLEAN (*PFN_WDF_INTERRUPT_ISR)(WDFINTERRUPT, ULONG message);
typedef void (*PFN_WDF_INTERRUPT_DEFERRED)(WDFINTERRUPT, WDFOBJECT device);
typedef NTSTATUS (*PFN_WDF_INTERRUPT_CHANGE)(WDFINTERRUPT, WDFDEVICE);

typedef struct {
    ULONG Size;
    PFN_WDF_DRIVER_DEVICE_ADD EvtDriverDeviceAdd;
} WDF_DRIVER_CONFIG;

typedef struct {
    ULONG Size;
    PFN_WDF_DEVICE_D0 EvtDeviceD0Entry, EvtDeviceD0EntryPostInterruptsEnabled;
    PFN_WDF_DEVICE_D0 EvtDeviceD0Exit, EvtDeviceD0ExitPreInterruptsDisabled;
} WDF_PNPPOWER_EVENT_CALLBACKS;

typedef struct {
    ULONG Size;
    char *ContextName;
    size_t ContextSize;
    const void *UniqueType;
    const void *(*EvtDriverGetUniqueContextType)(void);
} WDF_OBJECT_CONTEXT_TYPE_INFO;

typedef struct {
    ULONG Size;
    PFN_WDF_OBJECT_CONTEXT_CLEANUP EvtCleanupCallback, EvtDestroyCallback;
    int ExecutionLevel, SynchronizationScope;
    WDFOBJECT ParentObject;
    size_t ContextSizeOverride;
    const WDF_OBJECT_CONTEXT_TYPE_INFO *ContextTypeInfo;
} WDF_OBJECT_ATTRIBUTES;

typedef struct {
    ULONG Size;
    void *SpinLock;
    int ShareVector;
    BOOLEAN FloatingSave, AutomaticSerialization;
    PFN_WDF_INTERRUPT_ISR EvtInterruptIsr;
    PFN_WDF_INTERRUPT_DEFERRED EvtInterruptDpc;
    PFN_WDF_INTERRUPT_CHANGE EvtInterruptEnable, EvtInterruptDisable;
    PFN_WDF_INTERRUPT_DEFERRED EvtInterruptWorkItem;
    void *InterruptRaw, *InterruptTranslated, *WaitLock;
    BOOLEAN PassiveHandling;
    int ReportInactiveOnPowerDown;
    BOOLEAN CanWakeDevice;
} WDF_INTERRUPT_CONFIG;

typedef struct {
    ULONG Size;
    ULONG64 Reserved1;
    KAFFINITY TargetProcessorSet;
    ULONG Reserved2, MessageNumber, Vector;
    KIRQL Irql;
    int Mode, Polarity;
    BOOLEAN MessageSignaled;
    UCHAR ShareDisposition;
    USHORT Group;
} WDF_INTERRUPT_INFO;

NTSTATUS WdfDriverCreate(void *driver, void *registry, WDF_OBJECT_ATTRIBUTES *, WDF_DRIVER_CONFIG *, WDFDRIVER *);
void WdfDeviceInitSetPnpPowerEventCallbacks(WDFDEVICE init, WDF_PNPPOWER_EVENT_CALLBACKS *);
NTSTATUS WdfDeviceCreate(WDFDEVICE *init, WDF_OBJECT_ATTRIBUTES *, WDFDEVICE *);
void *WdfObjectGetTypedContextWorker(WDFOBJECT, const WDF_OBJECT_CONTEXT_TYPE_INFO *);
NTSTATUS WdfInterruptCreate(WDFDEVICE, WDF_INTERRUPT_CONFIG *, WDF_OBJECT_ATTRIBUTES *, WDFINTERRUPT *);
WDFDEVICE WdfInterruptGetDevice(WDFINTERRUPT);
void WdfInterruptGetInfo(WDFINTERRUPT, WDF_INTERRUPT_INFO *);
BOOLEAN WdfInterruptQueueDpcForIsr(WDFINTERRUPT);
BOOLEAN WdfInterruptQueueWorkItemForIsr(WDFINTERRUPT);
void WdfInterruptAcquireLock(WDFINTERRUPT);
void WdfInterruptReleaseLock(WDFINTERRUPT);

KIRQL KeGetCurrentIrql(void);
KIRQL KfRaiseIrql(KIRQL);
void KeLowerIrql(KIRQL);
ULONG KeGetCurrentProcessorNumberEx(void *);
void *ExAllocatePool2(uint64_t flags, size_t bytes, ULONG tag);
void ExFreePool(void *);
