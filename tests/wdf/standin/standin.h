/* The parts of the stand-in, to each other. `framework.c` is both modes'; `kernel.c` or `user.c` is the machine. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

#include "wdf.h"

struct device {
    WDF_PNPPOWER_EVENT_CALLBACKS power;
    WDF_OBJECT_ATTRIBUTES attributes;
    void *context;
    struct interrupt *interrupt;
};

struct interrupt {
    struct device *device;
    WDF_INTERRUPT_CONFIG config;
    bool connected;             /* changes with the lock held */
    atomic_bool is_deferred;    /* the DPC or the work item is queued */
};

/* framework.c: what happens to the device. All at PASSIVE_LEVEL, but for `framework_interrupt` and `framework_deferred`. */
struct device *framework_add_device(void);
void framework_d0_entry(struct device *);
void framework_d0_exit(struct device *);
void framework_remove(struct device *);
/* An assertion has reached a processor: calls the ISR, with the lock held. */
void framework_interrupt(struct interrupt *);
void framework_deferred(struct interrupt *);
/* How often the ISR was called, and how many assertions found the interrupt disconnected. */
unsigned long framework_calls(void);
unsigned long framework_dropped(void);
/* Whether this thread is in a callback that runs with the interrupt's lock held. */
extern _Thread_local bool framework_holds_lock;

/* kernel.c, user.c: processors or threads. */
extern const char machine_name[];
extern const KIRQL machine_device_irql; /* the level of the ISR */
extern const KIRQL machine_deferred_irql; /* the level of the DPC or the work item */
void machine_start(void);
void machine_stop(void); /* also looks whether the driver has freed its memory */
void machine_report(void);
/* Starts a thread of the system, or makes this one such a thread; it ends with `machine_leave`. */
void machine_enter(void);
void machine_leave(void);
/* A thread of the system has nothing to do for a moment. At PASSIVE_LEVEL. */
void machine_pause(void);
void machine_lock(struct interrupt *);
void machine_unlock(struct interrupt *);
/* The device asserts. From any thread. */
void machine_assert(struct interrupt *);
/* Queues `framework_deferred`. */
void machine_defer(struct interrupt *);
/* The level of this thread; always PASSIVE_LEVEL in user mode. */
KIRQL machine_irql(void);

/* test.c: the device, the run and its end. */
extern bool line_not_message, is_passive_level, has_no_resources;
bool device_asserts(void);
unsigned long device_acknowledged(void);
unsigned random_below(unsigned);
void progress(void);
_Noreturn void fail(const char *, ...);
void expect_irql(KIRQL, const char *);
