//! Rule L12: the order of the closures that closures and ISRs submit while others submit and run them.

use std::sync::Arc;
use std::thread;

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{Claim, Interrupt, InterruptLock, InterruptObject, IsrContext, NoWorkItem};
use support::slot::Slot;
use support::{until, watchdog};

/// What the closures of one interrupt note. Whoever submits with the lock held draws the next number for its closure.
#[derive(Default)]
struct Noted {
    drawn: u64,
    ran: u64,
    /// Which closure ran out of order, and after which.
    wrong: Option<(u64, u64)>,
}

/// The interrupt data: a note for each interrupt.
type Notes = [Noted; 2];
type Object = Arc<InterruptObject<Notes, NoWorkItem>>;

/// Submits a closure for the interrupt of that number, with the lock held. The closure submits others in turn, to that
/// depth.
fn submit(objects: &[Slot<Notes, NoWorkItem>; 2], number: usize, notes: &mut Notes, depth: u32) {
    notes[number].drawn += 1;
    let (drawn, theirs) = (notes[number].drawn, objects.clone());
    let object: Object = objects[number].get();
    let submitted = object.run_or_defer(move |notes| {
        let noted = &mut notes[number];
        if noted.ran + 1 != drawn {
            noted.wrong.get_or_insert((drawn, noted.ran));
        }
        noted.ran = drawn;
        if depth > 0 {
            submit(&theirs, number, notes, depth - 1);
            submit(&theirs, 1 - number, notes, depth - 1);
        }
    });
    submitted.unwrap();
}

/// Submits from sections, from closures that run at once, from ISRs and from closures, on several threads.
fn stress(objects: &[Slot<Notes, NoWorkItem>; 2], lines: &[EdgeHandle], rounds: u32) {
    thread::scope(|threads| {
        for number in 0..2 {
            threads.spawn(move || {
                for round in 0..rounds {
                    let object = objects[number].get();
                    let mut section = object.acquire_interrupt_lock();
                    // Now and then more than one release may run.
                    let closures = if round % 50 == 0 { 150 } else { 2 };
                    (0..closures).for_each(|_| submit(objects, number, &mut section, 0));
                    submit(objects, 1 - number, &mut section, 1);
                    drop(section);
                }
            });
            threads.spawn(move || {
                for _ in 0..rounds {
                    let theirs = objects.clone();
                    let submitted = objects[number].get().run_or_defer(move |notes| {
                        submit(&theirs, number, notes, 1);
                        submit(&theirs, number, notes, 0);
                    });
                    submitted.unwrap();
                }
            });
        }
        threads.spawn(move || {
            for _ in 0..rounds {
                lines.iter().for_each(EdgeHandle::assert);
                support::pause();
            }
        });
    });
}

fn isr(
    objects: &[Slot<Notes, NoWorkItem>; 2],
    number: usize,
) -> impl FnMut(&mut IsrContext<'_, Notes, NoWorkItem>) -> Claim + Send + use<> {
    let objects = objects.clone();
    move |notes| {
        submit(&objects, number, notes, 1);
        submit(&objects, 1 - number, notes, 0);
        Claim::Claimed
    }
}

/// Waits until all that was submitted has run, and looks at the order.
fn check(lock: &InterruptLock<Notes>) {
    until(|| {
        let notes = lock.acquire_interrupt_lock();
        assert_eq!(notes.each_ref().map(|noted| noted.wrong), [None, None], "one ran out of order, after another");
        notes.iter().all(|noted| noted.ran == noted.drawn)
    });
}

/// The closures of an interrupt run in the order of their submission, although callbacks submit some with the lock held,
/// and although releases of all threads, the watcher and the worker run them.
// Caught: a release that frees the lock without the bit `LEFT` while closures wait; a stack that is not turned round.
#[test]
fn l12_what_closures_and_isrs_submit_keeps_its_order() {
    watchdog(|| {
        for with_dispatcher in [false, true] {
            let lock = Arc::new(InterruptLock::new(Notes::default()));
            let objects: [Slot<Notes, NoWorkItem>; 2] = [Slot::new(), Slot::new()];
            let (interrupts, lines): (Vec<_>, Vec<_>) = (0..2)
                .map(|number| {
                    let (source, line) = Software::edge();
                    let builder = Interrupt::builder_sharing(&lock).isr(isr(&objects, number)).source(source);
                    // One without a dispatcher of its own: the other's worker goes on for both.
                    let interrupt = if with_dispatcher && number == 0 {
                        builder.build()
                    } else {
                        builder.without_dispatcher().build()
                    };
                    let interrupt: Interrupt<Notes, NoWorkItem> = interrupt.unwrap();
                    interrupt.enable().unwrap();
                    objects[number].set(&interrupt);
                    (interrupt, line)
                })
                .unzip();
            stress(&objects, &lines, 1_000);
            check(&lock);
            drop(interrupts);
        }
    });
}

/// The same on a lock of its own, and for each thread's own submissions, with the lock held or not.
// Caught: as above.
#[test]
fn l12_submissions_of_one_thread_keep_their_order_on_an_own_lock() {
    const THREADS: usize = 3;
    const EACH: u64 = 4_000;
    watchdog(|| {
        let (source, line) = Software::edge();
        let slot: Slot<[u64; THREADS + 1], NoWorkItem> = Slot::new();
        let theirs = slot.clone();
        let mut isr_runs = 0;
        let interrupt: Interrupt<[u64; THREADS + 1], NoWorkItem> = Interrupt::builder([0; THREADS + 1])
            .isr(move |_| {
                for _ in 0..2 {
                    isr_runs += 1;
                    let n = isr_runs;
                    theirs.get().run_or_defer(move |last| ran(last, THREADS, n)).unwrap();
                }
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        thread::scope(|threads| {
            for thread in 0..THREADS {
                let (interrupt, line) = (&interrupt, &line);
                threads.spawn(move || {
                    for n in 1..=EACH {
                        let held = (n % 100 < 80 && thread == 0).then(|| interrupt.try_acquire_interrupt_lock());
                        interrupt.run_or_defer(move |last| ran(last, thread, n)).unwrap();
                        drop(held);
                        if n % 8 == 0 {
                            line.assert();
                        }
                    }
                });
            }
        });
        until(|| interrupt.fault().is_some() || interrupt.acquire_interrupt_lock()[..THREADS] == [EACH; THREADS]);
        assert_eq!(interrupt.fault(), None);
    });

    /// A panic in a closure is a fault, which the test finds.
    fn ran(last: &mut [u64; THREADS + 1], submitter: usize, n: u64) {
        assert_eq!(last[submitter] + 1, n, "submitter {submitter}");
        last[submitter] = n;
    }
}
