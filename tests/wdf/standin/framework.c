/* The framework: its objects, and the order of its callbacks. One driver, one device, one interrupt. */
#include <stdlib.h>
#include <string.h>

#include "standin.h"

NTSTATUS DriverEntry(void *driver, void *registry);

_Thread_local bool framework_holds_lock;
static WDF_DRIVER_CONFIG driver;
static struct device the_device;
static struct interrupt the_interrupt;
static atomic_ulong calls, dropped;
static atomic_uint running; /* callbacks that were deferred */

NTSTATUS WdfDriverCreate(void *object, void *registry, WDF_OBJECT_ATTRIBUTES *attributes, WDF_DRIVER_CONFIG *config,
                         WDFDRIVER *created) {
    expect_irql(PASSIVE_LEVEL, "WdfDriverCreate");
    driver = *config;
    return 0;
}

void WdfDeviceInitSetPnpPowerEventCallbacks(WDFDEVICE init, WDF_PNPPOWER_EVENT_CALLBACKS *callbacks) {
    expect_irql(PASSIVE_LEVEL, "WdfDeviceInitSetPnpPowerEventCallbacks");
    init->power = *callbacks;
}

NTSTATUS WdfDeviceCreate(WDFDEVICE *init, WDF_OBJECT_ATTRIBUTES *attributes, WDFDEVICE *created) {
    expect_irql(PASSIVE_LEVEL, "WdfDeviceCreate");
    *created = *init;
    *init = NULL;
    (*created)->attributes = *attributes;
    (*created)->context = calloc(1, attributes->ContextTypeInfo->ContextSize);
    return 0;
}

void *WdfObjectGetTypedContextWorker(WDFOBJECT object, const WDF_OBJECT_CONTEXT_TYPE_INFO *type) {
    struct device *device = object;
    if (device != &the_device || type != device->attributes.ContextTypeInfo)
        fail("WdfObjectGetTypedContextWorker: no such context");
    return device->context;
}

NTSTATUS WdfInterruptCreate(WDFDEVICE device, WDF_INTERRUPT_CONFIG *config, WDF_OBJECT_ATTRIBUTES *attributes,
                            WDFINTERRUPT *created) {
    expect_irql(PASSIVE_LEVEL, "WdfInterruptCreate");
    if (config->Size != sizeof *config)
        return (NTSTATUS)0xC0000004; /* STATUS_INFO_LENGTH_MISMATCH */
    if (!config->EvtInterruptIsr || (config->EvtInterruptDpc && config->EvtInterruptWorkItem))
        return (NTSTATUS)0xC000000D; /* STATUS_INVALID_PARAMETER */
    the_interrupt = (struct interrupt){.device = device, .config = *config};
    *created = device->interrupt = &the_interrupt;
    return 0;
}

WDFDEVICE WdfInterruptGetDevice(WDFINTERRUPT interrupt) {
    return interrupt->device;
}

void WdfInterruptGetInfo(WDFINTERRUPT interrupt, WDF_INTERRUPT_INFO *info) {
    if (machine_irql() > DISPATCH_LEVEL)
        fail("WdfInterruptGetInfo above DISPATCH_LEVEL");
    *info = (WDF_INTERRUPT_INFO){.Size = sizeof *info};
    if (has_no_resources)
        return;
    *info = (WDF_INTERRUPT_INFO){
        .Size = sizeof *info,
        .TargetProcessorSet = 0xf,
        .MessageNumber = 0,
        .Vector = 0x71,
        .Irql = is_passive_level ? PASSIVE_LEVEL : machine_device_irql,
        .Mode = line_not_message ? LevelSensitive : Latched,
        .Polarity = line_not_message ? WdfInterruptActiveLow : WdfInterruptActiveHigh,
        .MessageSignaled = !line_not_message,
        .ShareDisposition = line_not_message ? CmResourceShareShared : CmResourceShareDeviceExclusive,
    };
}

static BOOLEAN queue(WDFINTERRUPT interrupt, PFN_WDF_INTERRUPT_DEFERRED callback) {
    if (!callback)
        fail("queued, and there is no callback");
    if (atomic_exchange(&interrupt->is_deferred, true))
        return false;
    machine_defer(interrupt);
    return true;
}

BOOLEAN WdfInterruptQueueDpcForIsr(WDFINTERRUPT interrupt) {
    return queue(interrupt, interrupt->config.EvtInterruptDpc);
}

BOOLEAN WdfInterruptQueueWorkItemForIsr(WDFINTERRUPT interrupt) {
    return queue(interrupt, interrupt->config.EvtInterruptWorkItem);
}

/* Queued from here on: another processor may run the callback beside this run. */
void framework_deferred(struct interrupt *interrupt) {
    PFN_WDF_INTERRUPT_DEFERRED callback = interrupt->config.EvtInterruptDpc;
    if (!callback)
        callback = interrupt->config.EvtInterruptWorkItem;
    atomic_fetch_add(&running, 1);
    atomic_store(&interrupt->is_deferred, false);
    callback(interrupt, interrupt->device);
    atomic_fetch_sub(&running, 1);
}

void WdfInterruptAcquireLock(WDFINTERRUPT interrupt) {
    machine_lock(interrupt);
    framework_holds_lock = true;
}

void WdfInterruptReleaseLock(WDFINTERRUPT interrupt) {
    framework_holds_lock = false;
    machine_unlock(interrupt);
}

void framework_interrupt(struct interrupt *interrupt) {
    WdfInterruptAcquireLock(interrupt);
    if (!interrupt->connected) {
        dropped++;
    } else if (!line_not_message || device_asserts()) {
        calls++;
        unsigned long acknowledged = device_acknowledged();
        bool asserted = device_asserts();
        bool claimed = interrupt->config.EvtInterruptIsr(interrupt, 0);
        if (!claimed && asserted && device_asserts() && device_acknowledged() == acknowledged)
            fail("EvtInterruptIsr declines the interrupt of its own device");
    }
    WdfInterruptReleaseLock(interrupt);
}

unsigned long framework_calls(void) {
    return calls;
}

unsigned long framework_dropped(void) {
    return dropped;
}

static void change(struct interrupt *interrupt, PFN_WDF_INTERRUPT_CHANGE callback, bool connected) {
    WdfInterruptAcquireLock(interrupt);
    interrupt->connected = true;
    if (callback && !NT_SUCCESS(callback(interrupt, interrupt->device)))
        fail("EvtInterruptEnable or EvtInterruptDisable has failed");
    interrupt->connected = connected;
    WdfInterruptReleaseLock(interrupt);
}

static void power(PFN_WDF_DEVICE_D0 callback, struct device *device, int state, const char *name) {
    expect_irql(PASSIVE_LEVEL, name);
    if (callback && !NT_SUCCESS(callback(device, state)))
        fail("%s has failed", name);
    expect_irql(PASSIVE_LEVEL, name);
}

struct device *framework_add_device(void) {
    if (!NT_SUCCESS(DriverEntry(NULL, NULL)) || !NT_SUCCESS(driver.EvtDriverDeviceAdd(NULL, &the_device)))
        fail("the driver does not start");
    return &the_device;
}

void framework_d0_entry(struct device *device) {
    power(device->power.EvtDeviceD0Entry, device, WdfPowerDeviceD3, "EvtDeviceD0Entry");
    change(device->interrupt, device->interrupt->config.EvtInterruptEnable, true);
    power(device->power.EvtDeviceD0EntryPostInterruptsEnabled, device, WdfPowerDeviceD3,
          "EvtDeviceD0EntryPostInterruptsEnabled");
}

void framework_d0_exit(struct device *device) {
    power(device->power.EvtDeviceD0ExitPreInterruptsDisabled, device, WdfPowerDeviceD3,
          "EvtDeviceD0ExitPreInterruptsDisabled");
    change(device->interrupt, device->interrupt->config.EvtInterruptDisable, false);
    power(device->power.EvtDeviceD0Exit, device, WdfPowerDeviceD3, "EvtDeviceD0Exit");
}

void framework_remove(struct device *device) {
    while (device->interrupt->is_deferred || running)
        machine_pause();
    device->attributes.EvtCleanupCallback(device);
    free(device->context);
    device->context = NULL;
}
