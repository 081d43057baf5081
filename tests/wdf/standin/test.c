/* The device, and 200 power cycles of it: 40,000 assertions, while threads make requests.
 *
 * usage: (message|line) (between|amid), or: passive-level, or: no-resources
 *   message, line   how the device interrupts
 *   between         each D0 exit comes when all has been served, a few events at a time
 *   amid            it comes at any moment: what is under way then is served after the next D0 entry
 *   passive-level   the device's interrupt has no level of its own: the driver refuses it (kernel mode)
 *   no-resources    the system has none for the interrupt: the device works without it */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "standin.h"

enum { CYCLES = 200, EVENTS = 200, ALL = CYCLES * EVENTS, DEVICE_THREADS = 2, REQUEST_THREADS = 3 };

struct counts {
    uint64_t served, stale, work_item_runs, requests, faults, vector;
};
void driver_request(struct device *);
struct counts driver_counts(struct device *);

bool line_not_message, is_passive_level, has_no_resources;
static struct device *device;
static atomic_ulong moved;

_Noreturn void fail(const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    if (write(1, "violation, ", 11) + write(1, text, strlen(text)) < 0)
        _exit(2);
    _exit(1);
}

unsigned random_below(unsigned limit) {
    static atomic_uint seeds;
    static _Thread_local unsigned state;
    if (!state)
        state = 2654435769u * (atomic_fetch_add(&seeds, 1) + 1);
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

void progress(void) {
    atomic_fetch_add(&moved, 1);
}

void expect_irql(KIRQL irql, const char *what) {
    if (machine_irql() != irql)
        fail("%s at IRQL %d instead of %d", what, machine_irql(), irql);
}

/* The device. An event sets its status, and it asserts while its interrupts are on and the status is not zero. */

static atomic_flag busy = ATOMIC_FLAG_INIT;
static bool on;
static atomic_uint status;
static atomic_ulong asked, raised, asserted, acknowledged, finished, acknowledgements, by_release;
static atomic_bool in_section;

bool device_asserts(void) {
    return on && status;
}

unsigned long device_acknowledged(void) {
    return acknowledgements;
}

static void lock_device(void) {
    while (atomic_flag_test_and_set(&busy))
        sched_yield();
}

static void check_section(const char *what) {
    expect_irql(machine_device_irql, what);
    if (in_section)
        fail("%s while a request is in its section", what);
}

uint32_t device_acknowledge(void) {
    check_section("the ISR");
    if (!on)
        fail("an ISR between D0 exit and D0 entry");
    by_release += !framework_holds_lock;
    uint32_t events = atomic_exchange(&status, 0);
    atomic_fetch_add(&acknowledgements, 1);
    atomic_fetch_add(&acknowledged, events);
    progress();
    return events;
}

void device_enable_interrupts(void) {
    check_section("the enable callback");
    if (framework_holds_lock)
        fail("enabled with the lock of the framework held");
    lock_device();
    on = true;
    if (status) {
        atomic_fetch_add(&asserted, 1);
        machine_assert(device->interrupt);
    }
    atomic_flag_clear(&busy);
}

void device_disable_interrupts(void) {
    check_section("the disable callback");
    lock_device();
    on = false;
    atomic_flag_clear(&busy);
}

void device_finish(uint32_t events) {
    expect_irql(machine_deferred_irql, "the work item");
    if (framework_holds_lock)
        fail("a work item with the lock of the framework held");
    atomic_fetch_add(&finished, events);
    progress();
}

void device_in_section(void) {
    expect_irql(machine_device_irql, "the section of a request");
    if (atomic_exchange(&in_section, true))
        fail("two requests in their sections");
    for (unsigned spins = random_below(10000); spins > 0; spins--)
        atomic_signal_fence(memory_order_seq_cst);
    atomic_store(&in_section, false);
}

static bool raise_one(void) {
    lock_device();
    bool raises = on && raised < asked;
    if (raises) {
        raised++;
        asserted++;
        status++;
        machine_assert(device->interrupt);
    }
    atomic_flag_clear(&busy);
    return raises;
}

static atomic_bool stopping;

static void *run_device(void *nothing) {
    while (!stopping) {
        if (raise_one())
            progress();
        if (random_below(4) == 0)
            usleep(random_below(60));
    }
    return NULL;
}

static void *run_requests(void *made) {
    machine_enter();
    while (!stopping) {
        driver_request(device);
        ++*(uint64_t *)made;
        if (random_below(4) == 0)
            machine_pause();
    }
    machine_leave();
    return NULL;
}

/* Fails if nothing has moved for a long time. */
static void *watch(void *nothing) {
    for (unsigned long before = ~0ul; moved != before; sleep(10))
        before = moved;
    fail("lost: %lu of %lu events acknowledged, %lu finished", acknowledged, raised, finished);
}

static bool is_quiet(void) {
    bool is_called = line_not_message || framework_calls() + framework_dropped() == asserted;
    return raised == asked && acknowledged == raised && finished == raised && is_called;
}

static void expect_same(const char *what, uint64_t is, uint64_t should_be) {
    if (is != should_be)
        fail("%s: %llu instead of %llu", what, (unsigned long long)is, (unsigned long long)should_be);
}

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Between: the device has its events in groups, and each is waited for. Amid: all at once, and for a while. */
static void cycle(bool amid, unsigned events) {
    framework_d0_entry(device);
    do {
        unsigned group = amid ? events : smaller(events, 1 + random_below(40));
        asked += group;
        events -= group;
        unsigned pauses = amid ? random_below(60) : ~0u;
        while (!is_quiet() && pauses-- > 0)
            machine_pause();
    } while (events > 0);
    framework_d0_exit(device);
    if (on)
        fail("the device interrupts after D0 exit");
    expect_same("events left behind by the work item", acknowledged - finished, 0);
    progress();
}

/* A D0 entry and exit alone. */
static int enter_and_exit(const char *what, uint32_t expected) {
    machine_start();
    machine_enter();
    device = framework_add_device();
    NTSTATUS status = device->power.EvtDeviceD0EntryPostInterruptsEnabled(device, WdfPowerDeviceD3);
    expect_same("status of EvtDeviceD0EntryPostInterruptsEnabled", (uint32_t)status, expected);
    if (on)
        fail("the device interrupts without an interrupt");
    status = device->power.EvtDeviceD0ExitPreInterruptsDisabled(device, WdfPowerDeviceD3);
    expect_same("status of EvtDeviceD0ExitPreInterruptsDisabled", (uint32_t)status, 0);
    framework_remove(device);
    machine_leave();
    machine_stop();
    printf("%s, %s: %s\n", machine_name, what, expected ? "refused" : "left out");
    return 0;
}

int main(int count, char **arguments) {
    is_passive_level = count == 2 && !strcmp(arguments[1], "passive-level");
    has_no_resources = count == 2 && !strcmp(arguments[1], "no-resources");
    if (is_passive_level || has_no_resources)
        return enter_and_exit(arguments[1], is_passive_level ? 0xC00000BB /* STATUS_NOT_SUPPORTED */ : 0);
    if (count != 3)
        return 2;
    line_not_message = !strcmp(arguments[1], "line");
    bool amid = !strcmp(arguments[2], "amid");
    pthread_t threads[DEVICE_THREADS + REQUEST_THREADS], watcher;
    uint64_t made[REQUEST_THREADS] = {0}, requests = 0;

    machine_start();
    machine_enter();
    device = framework_add_device();
    cycle(false, 0); /* from here on the driver knows the level of its interrupt */
    pthread_create(&watcher, NULL, watch, NULL);
    for (unsigned at = 0; at < DEVICE_THREADS; at++)
        pthread_create(&threads[at], NULL, run_device, NULL);
    for (unsigned at = 0; at < REQUEST_THREADS; at++)
        pthread_create(&threads[DEVICE_THREADS + at], NULL, run_requests, &made[at]);

    for (unsigned number = 0; number < CYCLES; number++)
        cycle(amid, EVENTS);
    cycle(false, 0);
    stopping = true;
    machine_leave();
    for (unsigned at = 0; at < DEVICE_THREADS + REQUEST_THREADS; at++)
        pthread_join(threads[at], NULL);
    machine_enter();
    for (unsigned at = 0; at < REQUEST_THREADS; at++)
        requests += made[at];
    framework_d0_entry(device); /* counts what came to a disabled interrupt */
    framework_d0_exit(device);

    struct counts counts = driver_counts(device);
    framework_remove(device);
    machine_leave();
    machine_stop();
    expect_same("events", raised, ALL);
    expect_same("events that the ISR has dealt with", acknowledged, ALL);
    expect_same("events that the work item has finished", finished, ALL);
    expect_same("served and stale assertions", counts.served + counts.stale, framework_calls());
    expect_same("requests", counts.requests, requests);
    expect_same("faults", counts.faults, 0);
    expect_same("vector", counts.vector, 0x71);
    if (!line_not_message)
        expect_same("assertions", framework_calls() + framework_dropped(), asserted);
    if (!line_not_message && !amid) {
        expect_same("served assertions", counts.served, ALL);
        expect_same("stale assertions", counts.stale, 0);
    }
    printf("%s, %s, D0 exit %s: %llu of %lu assertions served, %llu stale, %lu dropped; %lu of %d events finished by %llu "
           "work item runs; %lu ISRs run by a release; %llu requests", machine_name, arguments[1], arguments[2],
           (unsigned long long)counts.served, framework_calls(), (unsigned long long)counts.stale, framework_dropped(),
           finished, ALL, (unsigned long long)counts.work_item_runs, by_release, (unsigned long long)requests);
    machine_report();
    printf("\n");
    return 0;
}
