// The interrupt part of a UMDF 2 driver for a converter.
// A request names a channel, and gets a sample of it.

#include <windows.h>
#include <wdf.h>

// The line is asserted while Status is not 0, if Control lets it.
typedef struct {
    ULONG Control;
    ULONG Status;    // a 1 that is written clears the bit
    ULONG Start;     // write a channel
    ULONG Sample;    // 16 bits
} REGISTERS;

enum { CLOCK = 1, INTERRUPTS = 2 };    // in Control
enum { DONE = 1, OVER_RANGE = 2 };     // in Status

#define IOCTL_CONVERT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct {
    WDFINTERRUPT Interrupt;
    REGISTERS *Registers;
    SIZE_T Length;
    volatile LONG Removed;

    // The queue is sequential, so there is one request at a time. This one has not been started:
    WDFREQUEST New;
    ULONG NewChannel;
    WDFWORKITEM StartLater;

    // By convention, under the interrupt lock:
    WDFREQUEST Current;    // the device works on it
    ULONG Channel;
    ULONG Status;          // the ISR leaves them to the work item
    ULONG Sample;
} CONVERTER;

WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(CONVERTER, GetConverter)

EVT_WDF_INTERRUPT_ISR Isr;
EVT_WDF_INTERRUPT_WORKITEM Finish;
EVT_WDF_INTERRUPT_ENABLE Enable;
EVT_WDF_INTERRUPT_DISABLE Disable;
EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL IoDeviceControl;
EVT_WDF_IO_QUEUE_IO_STOP IoStop;
EVT_WDF_WORKITEM StartLater;
EVT_WDF_DEVICE_PREPARE_HARDWARE PrepareHardware;
EVT_WDF_DEVICE_RELEASE_HARDWARE ReleaseHardware;
EVT_WDF_DEVICE_D0_ENTRY D0Entry;
EVT_WDF_DEVICE_D0_EXIT D0Exit;
EVT_WDF_DEVICE_SURPRISE_REMOVAL SurpriseRemoval;
EVT_WDF_DRIVER_DEVICE_ADD DeviceAdd;

// The interrupt and its work item.

BOOLEAN Isr(WDFINTERRUPT Interrupt, ULONG MessageID)
{
    WDFDEVICE device = WdfInterruptGetDevice(Interrupt);
    CONVERTER *converter = GetConverter(device);
    ULONG status = WDF_READ_REGISTER_ULONG(device, &converter->Registers->Status);
    ULONG sample = WDF_READ_REGISTER_ULONG(device, &converter->Registers->Sample);

    UNREFERENCED_PARAMETER(MessageID);
    if (status == MAXDWORD || sample == MAXDWORD) {
        return FALSE;    // the device is gone
    }
    if (status == 0) {
        return FALSE;    // another device's, if the line is shared
    }
    WDF_WRITE_REGISTER_ULONG(device, &converter->Registers->Status, status);
    converter->Sample = sample;
    converter->Status |= status;
    WdfInterruptQueueWorkItemForIsr(Interrupt);
    return TRUE;
}

VOID Finish(WDFINTERRUPT Interrupt, WDFOBJECT AssociatedObject)
{
    CONVERTER *converter = GetConverter((WDFDEVICE)AssociatedObject);
    WDFREQUEST request = NULL;
    ULONG status, sample, *output;
    NTSTATUS answer;

    WdfInterruptAcquireLock(Interrupt);
    status = converter->Status;
    sample = converter->Sample;
    converter->Status = 0;
    if (status != 0) {
        request = converter->Current;
        converter->Current = NULL;
    }
    WdfInterruptReleaseLock(Interrupt);

    if (request == NULL) {
        return;    // an earlier run has completed it, or IoStop has
    }
    if (status & OVER_RANGE) {
        WdfRequestComplete(request, STATUS_DEVICE_DATA_ERROR);
        return;
    }
    answer = WdfRequestRetrieveOutputBuffer(request, sizeof(ULONG), (PVOID *)&output, NULL);
    if (!NT_SUCCESS(answer)) {
        WdfRequestComplete(request, answer);
        return;
    }
    *output = sample;
    WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, sizeof(ULONG));
}

// The framework holds the interrupt lock in both.

NTSTATUS Enable(WDFINTERRUPT Interrupt, WDFDEVICE Device)
{
    CONVERTER *converter = GetConverter(Device);

    UNREFERENCED_PARAMETER(Interrupt);
    WDF_WRITE_REGISTER_ULONG(Device, &converter->Registers->Status, MAXDWORD);
    WDF_WRITE_REGISTER_ULONG(Device, &converter->Registers->Control, CLOCK | INTERRUPTS);
    if (converter->Current != NULL && converter->Status == 0) {
        // It was under way when the interrupt was disabled.
        WDF_WRITE_REGISTER_ULONG(Device, &converter->Registers->Start, converter->Channel);
    }
    return STATUS_SUCCESS;
}

NTSTATUS Disable(WDFINTERRUPT Interrupt, WDFDEVICE Device)
{
    UNREFERENCED_PARAMETER(Interrupt);
    WDF_WRITE_REGISTER_ULONG(Device, &GetConverter(Device)->Registers->Control, CLOCK);
    return STATUS_SUCCESS;
}

// Requests.

// The caller holds the interrupt lock. If this returns FALSE, the caller completes the request, but
// releases the lock first: the framework may deliver the next request on the same thread.
static BOOLEAN StartNew(WDFDEVICE Device)
{
    CONVERTER *converter = GetConverter(Device);

    if (converter->Removed) {
        return FALSE;
    }
    converter->Current = converter->New;
    converter->Channel = converter->NewChannel;
    WDF_WRITE_REGISTER_ULONG(Device, &converter->Registers->Start, converter->Channel);
    return TRUE;
}

VOID IoDeviceControl(WDFQUEUE Queue, WDFREQUEST Request, size_t OutputLength, size_t InputLength,
                     ULONG Code)
{
    WDFDEVICE device = WdfIoQueueGetDevice(Queue);
    CONVERTER *converter = GetConverter(device);
    ULONG *input;
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;
    BOOLEAN started;

    UNREFERENCED_PARAMETER(OutputLength);
    UNREFERENCED_PARAMETER(InputLength);
    if (Code == IOCTL_CONVERT) {
        status = WdfRequestRetrieveInputBuffer(Request, sizeof(ULONG), (PVOID *)&input, NULL);
    }
    if (!NT_SUCCESS(status)) {
        WdfRequestComplete(Request, status);
        return;
    }
    converter->New = Request;
    converter->NewChannel = *input;
    // On an arbitrary thread a driver must not wait for the lock.
    if (!WdfInterruptTryToAcquireLock(converter->Interrupt)) {
        WdfWorkItemEnqueue(converter->StartLater);
        return;
    }
    started = StartNew(device);
    WdfInterruptReleaseLock(converter->Interrupt);
    if (!started) {
        WdfRequestComplete(Request, STATUS_NO_SUCH_DEVICE);
    }
}

VOID StartLater(WDFWORKITEM WorkItem)
{
    WDFDEVICE device = (WDFDEVICE)WdfWorkItemGetParentObject(WorkItem);
    CONVERTER *converter = GetConverter(device);
    WDFREQUEST request = converter->New;
    BOOLEAN started;

    WdfInterruptAcquireLock(converter->Interrupt);
    started = StartNew(device);
    WdfInterruptReleaseLock(converter->Interrupt);
    if (!started) {
        WdfRequestComplete(request, STATUS_NO_SUCH_DEVICE);
    }
}

// The device leaves D0 or is removed, and this request is under way.
VOID IoStop(WDFQUEUE Queue, WDFREQUEST Request, ULONG ActionFlags)
{
    CONVERTER *converter = GetConverter(WdfIoQueueGetDevice(Queue));
    BOOLEAN cancel = FALSE;

    WdfInterruptAcquireLock(converter->Interrupt);
    if (converter->Current == Request) {    // otherwise it is being started, or completed
        if (ActionFlags & WdfRequestStopActionPurge) {
            converter->Current = NULL;
            cancel = TRUE;
        } else {
            WdfRequestStopAcknowledge(Request, FALSE);    // kept: Enable starts it again
        }
    }
    WdfInterruptReleaseLock(converter->Interrupt);
    if (cancel) {
        WdfRequestComplete(Request, STATUS_CANCELLED);
    }
}

// Resources and power.

NTSTATUS PrepareHardware(WDFDEVICE Device, WDFCMRESLIST Raw, WDFCMRESLIST Translated)
{
    CONVERTER *converter = GetConverter(Device);
    ULONG i;

    UNREFERENCED_PARAMETER(Raw);
    for (i = 0; i < WdfCmResourceListGetCount(Translated); i++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR found = WdfCmResourceListGetDescriptor(Translated, i);

        if (found->Type == CmResourceTypeMemory && found->u.Memory.Length >= sizeof(REGISTERS)) {
            converter->Length = found->u.Memory.Length;
            return WdfDeviceMapIoSpace(Device, found->u.Memory.Start, converter->Length,
                                       MmNonCached, (PVOID *)&converter->Registers);
        }
    }
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

NTSTATUS ReleaseHardware(WDFDEVICE Device, WDFCMRESLIST Translated)
{
    CONVERTER *converter = GetConverter(Device);

    UNREFERENCED_PARAMETER(Translated);
    if (converter->Registers != NULL) {
        WdfDeviceUnmapIoSpace(Device, converter->Registers, converter->Length);
        converter->Registers = NULL;
    }
    return STATUS_SUCCESS;
}

NTSTATUS D0Entry(WDFDEVICE Device, WDF_POWER_DEVICE_STATE PreviousState)
{
    UNREFERENCED_PARAMETER(PreviousState);
    WDF_WRITE_REGISTER_ULONG(Device, &GetConverter(Device)->Registers->Control, CLOCK);
    return STATUS_SUCCESS;    // then the framework connects the interrupt and calls Enable
}

NTSTATUS D0Exit(WDFDEVICE Device, WDF_POWER_DEVICE_STATE TargetState)
{
    CONVERTER *converter = GetConverter(Device);

    UNREFERENCED_PARAMETER(TargetState);
    if (!converter->Removed) {
        WDF_WRITE_REGISTER_ULONG(Device, &converter->Registers->Control, 0);
    }
    return STATUS_SUCCESS;
}

VOID SurpriseRemoval(WDFDEVICE Device)
{
    InterlockedExchange(&GetConverter(Device)->Removed, TRUE);
}

NTSTATUS DeviceAdd(WDFDRIVER Driver, PWDFDEVICE_INIT Init)
{
    WDF_PNPPOWER_EVENT_CALLBACKS power;
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_INTERRUPT_CONFIG interrupt;
    WDF_INTERRUPT_EXTENDED_POLICY policy;
    WDF_WORKITEM_CONFIG later;
    WDF_IO_QUEUE_CONFIG queue;
    WDF_DEVICE_POWER_POLICY_IDLE_SETTINGS idle;
    WDFDEVICE device;
    CONVERTER *converter;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(Driver);
    WDF_PNPPOWER_EVENT_CALLBACKS_INIT(&power);
    power.EvtDevicePrepareHardware = PrepareHardware;
    power.EvtDeviceReleaseHardware = ReleaseHardware;
    power.EvtDeviceD0Entry = D0Entry;
    power.EvtDeviceD0Exit = D0Exit;
    power.EvtDeviceSurpriseRemoval = SurpriseRemoval;
    WdfDeviceInitSetPnpPowerEventCallbacks(Init, &power);

    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, CONVERTER);
    status = WdfDeviceCreate(&Init, &attributes, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    converter = GetConverter(device);

    WDF_INTERRUPT_CONFIG_INIT(&interrupt, Isr, NULL);    // in UMDF it sets PassiveHandling
    interrupt.EvtInterruptWorkItem = Finish;
    interrupt.EvtInterruptEnable = Enable;
    interrupt.EvtInterruptDisable = Disable;
    status = WdfInterruptCreate(device, &interrupt, WDF_NO_OBJECT_ATTRIBUTES,
                                &converter->Interrupt);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_INTERRUPT_EXTENDED_POLICY_INIT(&policy);
    policy.Policy = WdfIrqPolicyAllProcessorsInMachine;
    policy.Priority = WdfIrqPriorityNormal;
    WdfInterruptSetExtendedPolicy(converter->Interrupt, &policy);

    WDF_WORKITEM_CONFIG_INIT(&later, StartLater);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = device;
    status = WdfWorkItemCreate(&later, &attributes, &converter->StartLater);
    if (!NT_SUCCESS(status)) {
        return status;
    }

    WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&queue, WdfIoQueueDispatchSequential);
    queue.EvtIoDeviceControl = IoDeviceControl;
    queue.EvtIoStop = IoStop;
    status = WdfIoQueueCreate(device, &queue, WDF_NO_OBJECT_ATTRIBUTES, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }

    WDF_DEVICE_POWER_POLICY_IDLE_SETTINGS_INIT(&idle, IdleCannotWakeFromS0);
    idle.IdleTimeout = 10 * 1000;
    return WdfDeviceAssignS0IdleSettings(device, &idle);
}
