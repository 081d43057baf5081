/* The machine of kernel mode: four processors with an IRQL, among which threads migrate.
 *
 * A thread runs while it has a processor. A signal is the processor's interrupt: it comes at any instruction, and does
 * nothing unless the IRQL of the thread lets something run that waits for its processor: the ISR, a DPC, or another thread.
 * So the ISR and the DPC run on top of the code that they interrupt, as on a processor. The IRQL is kept by thread, because
 * a thread that has raised it keeps its processor. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "standin.h"

enum { PROCESSORS = 4, THREADS = 32, DEVICE_IRQL = 7 };
const char machine_name[] = "kernel mode";
const KIRQL machine_device_irql = DEVICE_IRQL;
const KIRQL machine_deferred_irql = DISPATCH_LEVEL;

struct thread {
    pthread_t id;
    struct processor *volatile on; /* changes at HIGH_LEVEL */
    volatile KIRQL irql;
    atomic_bool preempt;
};
static struct processor {
    _Atomic(struct thread *) current;
    atomic_uint assertions; /* that wait for the IRQL. A line waits once */
    atomic_bool dpc;
} processors[PROCESSORS];

static struct thread threads[THREADS];
static atomic_uint thread_count;
static _Thread_local struct thread *me;
static atomic_flag spin_lock = ATOMIC_FLAG_INIT;
static struct interrupt *interrupt;
static pthread_t timer, idles[PROCESSORS];
static atomic_bool stopping;
static atomic_ulong migrations, dpcs, interrupted, allocated;

/* At HIGH_LEVEL. */
static void take_a_processor(void) {
    for (unsigned at = random_below(PROCESSORS);; at++) {
        struct thread *none = NULL;
        if (atomic_compare_exchange_strong(&processors[at % PROCESSORS].current, &none, me)) {
            me->on = &processors[at % PROCESSORS];
            return;
        }
        if (at % PROCESSORS == 0)
            sched_yield();
    }
}

static void give_the_processor_up(void) {
    struct processor *on = me->on;
    me->on = NULL;
    atomic_store(&on->current, NULL);
}

/* Something waits for this processor, and the IRQL lets it run. */
static bool is_due(void) {
    struct processor *on = me->on;
    KIRQL irql = me->irql;
    return on && ((irql < DEVICE_IRQL && on->assertions) || (irql < DISPATCH_LEVEL && (on->dpc || me->preempt)));
}

static void run_due(void);

/* At HIGH_LEVEL, above a code at `irql`. Returns whether there was something to run. */
static bool run_one(KIRQL irql) {
    struct processor *on = me->on;
    if (irql < DEVICE_IRQL && on->assertions) {
        if (line_not_message)
            on->assertions = 0;
        else
            atomic_fetch_sub(&on->assertions, 1); /* only this processor takes one */
        atomic_fetch_add(&interrupted, irql == PASSIVE_LEVEL);
        me->irql = DEVICE_IRQL;
        framework_interrupt(interrupt);
        expect_irql(DEVICE_IRQL, "the end of EvtInterruptIsr");
        me->irql = HIGH_LEVEL;
        if (line_not_message && device_asserts()) {
            on->assertions = 1; /* a level comes again, until the device has been dealt with */
            sched_yield();
        }
        return true;
    }
    if (irql < DISPATCH_LEVEL && atomic_exchange(&on->dpc, false)) {
        atomic_fetch_add(&dpcs, 1);
        me->irql = DISPATCH_LEVEL;
        run_due();
        /* The DPCs of others, which were queued before. */
        for (unsigned spins = random_below(random_below(4) ? 5000 : 400000); spins > 0; spins--)
            atomic_signal_fence(memory_order_seq_cst);
        framework_deferred(interrupt);
        expect_irql(DISPATCH_LEVEL, "the end of EvtInterruptDpc");
        me->irql = HIGH_LEVEL;
        return true;
    }
    if (irql < DISPATCH_LEVEL && atomic_exchange(&me->preempt, false)) {
        give_the_processor_up();
        sched_yield();
        take_a_processor();
        atomic_fetch_add(&migrations, me->on != on);
        return true;
    }
    return false;
}

static void run_due(void) {
    while (is_due()) {
        KIRQL irql = me->irql;
        me->irql = HIGH_LEVEL;
        atomic_signal_fence(memory_order_seq_cst);
        while (run_one(irql)) {
        }
        atomic_signal_fence(memory_order_seq_cst);
        me->irql = irql; /* a signal that came before this has done nothing: so look again */
        atomic_signal_fence(memory_order_seq_cst);
    }
}

static void on_signal(int signal) {
    int before = errno;
    if (me)
        run_due();
    errno = before;
}

static void interrupt_processor(struct processor *processor) {
    struct thread *current = atomic_load(&processor->current);
    if (current)
        pthread_kill(current->id, SIGUSR1);
}

KIRQL KeGetCurrentIrql(void) {
    return me->irql;
}

KIRQL KfRaiseIrql(KIRQL to) {
    KIRQL before = me->irql;
    if (to < before)
        fail("KfRaiseIrql from %d to %d", before, to);
    me->irql = to;
    atomic_signal_fence(memory_order_seq_cst);
    return before;
}

void KeLowerIrql(KIRQL to) {
    if (to > me->irql)
        fail("KeLowerIrql from %d to %d", me->irql, to);
    atomic_signal_fence(memory_order_seq_cst);
    me->irql = to;
    atomic_signal_fence(memory_order_seq_cst);
    run_due();
}

/* A thread that may migrate may have done so as this returns. */
ULONG KeGetCurrentProcessorNumberEx(void *number) {
    ULONG current = (ULONG)(me->on - processors);
    if (me->irql < DISPATCH_LEVEL && random_below(4) == 0) {
        atomic_store(&me->preempt, true);
        run_due();
    }
    return current;
}

/* The host's allocator is not to be interrupted by a DPC that calls it. */
void *ExAllocatePool2(uint64_t flags, size_t bytes, ULONG tag) {
    if (me->irql > DISPATCH_LEVEL)
        fail("ExAllocatePool2 at IRQL %d", me->irql);
    KIRQL before = KfRaiseIrql(HIGH_LEVEL);
    void *memory = calloc(1, bytes);
    allocated++;
    KeLowerIrql(before);
    return memory;
}

void ExFreePool(void *memory) {
    if (me->irql > DISPATCH_LEVEL)
        fail("ExFreePool at IRQL %d", me->irql);
    KIRQL before = KfRaiseIrql(HIGH_LEVEL);
    free(memory);
    allocated--;
    KeLowerIrql(before);
}

_Noreturn void standin_panicked(const char *message, size_t length) {
    fail("%.*s", (int)length, message);
}

KIRQL machine_irql(void) {
    return me->irql;
}

/* The lock's holder keeps the IRQL to which it goes back. */
static KIRQL before_the_lock;

void machine_lock(struct interrupt *of) {
    KIRQL before = KfRaiseIrql(DEVICE_IRQL);
    while (atomic_flag_test_and_set(&spin_lock))
        sched_yield();
    before_the_lock = before;
}

void machine_unlock(struct interrupt *of) {
    KIRQL before = before_the_lock;
    atomic_flag_clear(&spin_lock);
    KeLowerIrql(before);
}

void machine_assert(struct interrupt *of) {
    interrupt = of;
    struct processor *processor = &processors[random_below(PROCESSORS)];
    if (line_not_message)
        processor->assertions = 1;
    else
        atomic_fetch_add(&processor->assertions, 1);
    interrupt_processor(processor);
}

void machine_defer(struct interrupt *of) {
    KIRQL before = me->irql;
    me->irql = HIGH_LEVEL; /* to stay on this processor */
    atomic_signal_fence(memory_order_seq_cst);
    me->on->dpc = true;
    atomic_signal_fence(memory_order_seq_cst);
    me->irql = before;
    atomic_signal_fence(memory_order_seq_cst);
    run_due();
}

void machine_enter(void) {
    struct thread *thread = &threads[atomic_fetch_add(&thread_count, 1)];
    if (thread >= &threads[THREADS])
        fail("too many threads");
    thread->id = pthread_self();
    thread->irql = HIGH_LEVEL;
    me = thread;
    take_a_processor();
    KeLowerIrql(PASSIVE_LEVEL);
}

void machine_leave(void) {
    KfRaiseIrql(HIGH_LEVEL);
    give_the_processor_up();
}

void machine_pause(void) {
    expect_irql(PASSIVE_LEVEL, "a thread that waits");
    KfRaiseIrql(HIGH_LEVEL);
    struct processor *on = me->on;
    give_the_processor_up();
    usleep(random_below(100));
    take_a_processor();
    atomic_fetch_add(&migrations, me->on != on);
    KeLowerIrql(PASSIVE_LEVEL);
}

/* Preempts what runs on some processor, at any instruction. */
static void *run_timer(void *nothing) {
    while (!stopping) {
        usleep(random_below(200));
        struct thread *current = processors[random_below(PROCESSORS)].current;
        if (current) {
            atomic_store(&current->preempt, true);
            pthread_kill(current->id, SIGUSR1);
        }
    }
    return NULL;
}

/* A processor without a thread still takes its interrupts. */
static void *run_idle(void *number) {
    struct processor *processor = &processors[(size_t)number];
    struct thread *thread = &threads[atomic_fetch_add(&thread_count, 1)];
    thread->id = pthread_self();
    thread->irql = HIGH_LEVEL;
    me = thread;
    while (!stopping) {
        struct thread *none = NULL;
        if ((processor->assertions || processor->dpc) && atomic_compare_exchange_strong(&processor->current, &none, me)) {
            me->on = processor;
            while (run_one(PASSIVE_LEVEL)) {
                if (me->on != processor)
                    processor = me->on; /* it has been preempted */
            }
            give_the_processor_up();
            processor = &processors[(size_t)number];
        }
        usleep(50);
    }
    return NULL;
}

void machine_start(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER | SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&timer, NULL, run_timer, NULL);
    for (size_t number = 0; number < PROCESSORS; number++)
        pthread_create(&idles[number], NULL, run_idle, (void *)number);
}

void machine_stop(void) {
    stopping = true;
    pthread_join(timer, NULL);
    for (size_t number = 0; number < PROCESSORS; number++)
        pthread_join(idles[number], NULL);
    if (allocated)
        fail("the driver has left %lu pieces of memory", allocated);
}

void machine_report(void) {
    printf(", %lu migrations, %lu DPCs, %lu ISRs at PASSIVE_LEVEL interrupted", migrations, dpcs, interrupted);
}
