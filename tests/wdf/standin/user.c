/* The machine of user mode: threads of the host process call the driver, all at PASSIVE_LEVEL. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "standin.h"

enum { ISR_THREADS = 2 };
const char machine_name[] = "user mode";
const KIRQL machine_device_irql = PASSIVE_LEVEL;
const KIRQL machine_deferred_irql = PASSIVE_LEVEL;

static pthread_mutex_t wait_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER;
static unsigned assertions, deferrals;
static struct interrupt *interrupt;
static pthread_t isr_threads[ISR_THREADS], worker;
static bool stopping;
static atomic_ulong work_items;

KIRQL machine_irql(void) {
    return PASSIVE_LEVEL;
}

void machine_lock(struct interrupt *of) {
    pthread_mutex_lock(&wait_lock);
}

void machine_unlock(struct interrupt *of) {
    pthread_mutex_unlock(&wait_lock);
}

static void add_to(unsigned *count, bool coalesces, struct interrupt *of) {
    pthread_mutex_lock(&queue);
    interrupt = of;
    *count = coalesces ? 1 : *count + 1;
    pthread_cond_broadcast(&queued);
    pthread_mutex_unlock(&queue);
}

void machine_assert(struct interrupt *of) {
    add_to(&assertions, line_not_message, of);
}

void machine_defer(struct interrupt *of) {
    add_to(&deferrals, false, of);
}

/* Waits for one. Returns false at the end. */
static bool take_from(unsigned *count) {
    pthread_mutex_lock(&queue);
    while (!*count && !stopping)
        pthread_cond_wait(&queued, &queue);
    bool took = *count > 0;
    *count -= took;
    pthread_mutex_unlock(&queue);
    return took;
}

static void *run_isr_thread(void *nothing) {
    while (take_from(&assertions)) {
        framework_interrupt(interrupt);
        if (line_not_message && device_asserts())
            machine_assert(interrupt); /* a level comes again, until the device has been dealt with */
    }
    return NULL;
}

static void *run_worker(void *nothing) {
    while (take_from(&deferrals)) {
        atomic_fetch_add(&work_items, 1);
        framework_deferred(interrupt);
    }
    return NULL;
}

void machine_start(void) {
    for (unsigned at = 0; at < ISR_THREADS; at++)
        pthread_create(&isr_threads[at], NULL, run_isr_thread, NULL);
    pthread_create(&worker, NULL, run_worker, NULL);
}

void machine_stop(void) {
    pthread_mutex_lock(&queue);
    stopping = true;
    pthread_cond_broadcast(&queued);
    pthread_mutex_unlock(&queue);
    for (unsigned at = 0; at < ISR_THREADS; at++)
        pthread_join(isr_threads[at], NULL);
    pthread_join(worker, NULL);
}

void machine_report(void) {
    printf(", %lu work items", work_items);
}

void machine_enter(void) {
}

void machine_leave(void) {
}

void machine_pause(void) {
    usleep(random_below(100));
}
