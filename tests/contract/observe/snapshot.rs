//! What an interrupt is doing at this moment: the snapshot of rule S1.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use interrupt_lock::source::{Removal, Software};
use interrupt_lock::{
    Callback, Claim, Delivery, Fault, Interrupt, InterruptLock, NoWorkItem, OsThread, Owner, Snapshot, State,
};
use support::log::Log;
use support::script::Script;
use support::{Gate, LONG, asleep, kind, until, watchdog};

fn plain() -> Arc<Interrupt<(), NoWorkItem>> {
    let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// Whether the system tells of other threads. (An emulator of a process's calls may not.)
fn threads_are_told() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let mut words = [0_usize; 2];
        let [head, len] = &mut words;
        // SAFETY: the kernel writes a word to each of the two places.
        let answer = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut *head, &raw mut *len) };
        answer == 0 && support::has_proc()
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

#[cfg(target_os = "linux")]
fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

#[cfg(not(target_os = "linux"))]
fn this_thread() -> u32 {
    0
}

/// The owner is this other thread: its number and its name are told, if the system tells them.
#[track_caller]
fn assert_is(thread: &Option<OsThread>, id: u32, name: &str) {
    match thread {
        Some(thread) => assert_eq!((thread.id, thread.name.as_ref().unwrap().as_str()), (id, name)),
        None => assert!(!threads_are_told(), "the system tells, and the snapshot does not"),
    }
}

/// Holds the lock on a thread of that name, while `body` runs.
fn held_elsewhere(interrupt: &Arc<Interrupt<(), NoWorkItem>>, name: &str, body: impl FnOnce(u32)) {
    let (theirs, go) = (interrupt.clone(), Gate::new());
    let (told, taken) = channel();
    let wait = go.clone();
    let holder = thread::Builder::new().name(name.into()).spawn(move || {
        let _guard = theirs.acquire_interrupt_lock();
        told.send(this_thread()).unwrap();
        wait.wait();
    });
    body(taken.recv().unwrap());
    go.open();
    holder.unwrap().join().unwrap();
}

/// Who holds the lock, and where it was acquired: of this thread, of another, of one among many.
// Caught: the owner's thread taken for the caller's; a distance between thread-locals that has the wrong sign; the place of
// another acquisition (the first, or the caller's own).
#[test]
fn s1_a_snapshot_tells_who_holds_the_lock_and_where_it_was_acquired() {
    watchdog(|| {
        let interrupt = plain();
        let free = interrupt.snapshot();
        assert_eq!((&free.owner, &free.transition, free.state), (&None, &None, State::Enabled));

        let guard = interrupt.acquire_interrupt_lock();
        let line = line!() - 1;
        let mine = interrupt.snapshot().owner.unwrap();
        assert!(mine.is_caller);
        let at = mine.taken_at.unwrap();
        assert_eq!((at.file(), at.line()), (file!(), line));
        #[cfg(target_os = "linux")]
        assert_eq!(mine.thread.unwrap().id, this_thread());
        drop(guard);
        assert_eq!(interrupt.snapshot().owner, None);

        let others: Vec<_> = (0..10).map(|n| asleep(format!("other{n}"), || thread::park_timeout(LONG))).collect();
        held_elsewhere(&interrupt, "holder", |id| {
            let Owner { thread, is_caller, taken_at, .. } = interrupt.snapshot().owner.unwrap();
            assert!(!is_caller);
            assert_is(&thread, id, "holder");
            assert_ne!(taken_at.unwrap().line(), line);
            assert_eq!(taken_at.unwrap().file(), file!());
        });
        for other in others {
            other.thread().unpark();
            other.join().unwrap();
        }
    });
}

/// In the ISR, in the callbacks, with the lock held: nobody waits, and each sees itself as the owner.
// Caught: a snapshot that acquires the lock, or waits for a transition; a callback told as another; the lock of the transition
// told as the interrupt's.
#[test]
fn s1_a_snapshot_can_be_taken_anywhere() {
    watchdog(|| {
        let object = Arc::new(Mutex::new(std::sync::Weak::new()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let look = |what: &'static str| {
            let (object, seen) = (object.clone(), seen.clone());
            move || {
                let object: std::sync::Weak<interrupt_lock::InterruptObject<(), _>> = object.lock().unwrap().clone();
                let snapshot: Snapshot = object.upgrade().unwrap().snapshot();
                seen.lock().unwrap().push((what, snapshot));
            }
        };
        let (isr, enable, disable, work) = (look("isr"), look("enable"), look("disable"), look("work"));
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                isr();
                cx.queue_work_item();
                Claim::Claimed
            })
            .on_enable(move |_| enable())
            .on_disable(move |_| disable())
            .work_item(move |_| work())
            .overdue_after(LONG)
            .without_dispatcher()
            .build()
            .unwrap();
        *object.lock().unwrap() = Arc::downgrade(interrupt.object());
        interrupt.enable().unwrap();
        interrupt.service();
        assert!(interrupt.snapshot().work_queued);
        assert!(!interrupt.run_work_item());
        interrupt.disable().unwrap();
        let seen = seen.lock().unwrap();
        let told: Vec<_> = seen
            .iter()
            .map(|(what, snapshot)| {
                let running = [&snapshot.callback, &snapshot.work_item].map(|one| one.as_ref().map(|run| run.callback));
                let is_caller = |owner: &Option<Owner>| owner.as_ref().is_some_and(|owner| owner.is_caller);
                (*what, running, is_caller(&snapshot.owner), is_caller(&snapshot.transition))
            })
            .collect();
        assert_eq!(
            told,
            [
                ("enable", [Some(Callback::Enable), None], true, true),
                ("isr", [Some(Callback::Isr), None], true, false),
                ("work", [None, Some(Callback::WorkItem)], false, false),
                ("disable", [Some(Callback::Disable), None], true, true),
            ]
        );
        for (what, snapshot) in &*seen {
            let running = snapshot.callback.as_ref().or(snapshot.work_item.as_ref()).unwrap();
            assert!(running.running_for.is_some(), "{what}");
            #[cfg(target_os = "linux")]
            assert_eq!(running.thread.as_ref().unwrap().id, this_thread(), "{what}");
        }
    });
}

/// The times of what runs are those that are measured anyway: the watchdog's, and of a timed interrupt the ISR's. An
/// interrupt that asks for neither has none.
// Caught: a time that is the limit; an ISR that is told as running after it has returned, or has panicked; a callback that is
// guessed without a measurement.
#[test]
fn s1_a_snapshot_tells_for_how_long_a_callback_runs_if_that_is_measured() {
    watchdog(|| {
        for (timed, watched) in [(false, false), (true, false), (false, true), (true, true)] {
            let (inside, go) = (Gate::new(), Gate::new());
            let (enter, wait) = (inside.clone(), go.clone());
            let mut runs = 0;
            let builder = Interrupt::builder(()).isr(move |_| {
                runs += 1;
                if runs == 2 {
                    panic!("on purpose");
                }
                enter.open();
                wait.wait();
                Claim::Claimed
            });
            let builder = if timed { builder.timed() } else { builder };
            let builder = if watched { builder.overdue_after(LONG) } else { builder };
            let interrupt = builder.build().unwrap();
            interrupt.enable().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| interrupt.service());
                inside.wait();
                let runs_for = || interrupt.snapshot().callback.map(|run| (run.callback, run.running_for.unwrap()));
                match runs_for() {
                    None => assert!(!timed && !watched),
                    Some(first) => {
                        assert_eq!(first.0, Callback::Isr);
                        assert!(timed || watched);
                        until(|| runs_for().unwrap().1 >= first.1 + Duration::from_millis(2));
                        assert!(runs_for().unwrap().1 < LONG);
                    }
                }
                go.open();
            });
            until(|| interrupt.snapshot().owner.is_none());
            assert_eq!(interrupt.snapshot().callback, None);
            interrupt.service();
            let after = interrupt.snapshot();
            assert_eq!((after.callback, after.state), (None, State::Faulted));
            assert!(matches!(after.fault, Some(Fault::Panicked { callback: Callback::Isr, .. })));
        }
    });
}

/// Who waits, and what is left: deliveries, threads, assertions.
// Caught: deliveries counted once however many wait; the bit of the threads taken for that of what is left; assertions that
// are told as withheld while they are left to the owner.
#[test]
fn s1_a_snapshot_counts_what_waits() {
    watchdog(|| {
        let interrupt = plain();
        let guard = interrupt.acquire_interrupt_lock();
        assert_eq!(interrupt.service(), Delivery::Pending);
        assert_eq!(interrupt.service(), Delivery::Pending);
        let left = interrupt.snapshot();
        assert_eq!((left.pending, left.left_to_owner, left.deliveries_waiting, left.withheld), (2, true, 0, 0));
        assert!(!left.threads_waiting);
        let deliver = || {
            let theirs = interrupt.clone();
            asleep("delivery", move || theirs.service())
        };
        let mut threads = vec![deliver()];
        until(|| interrupt.snapshot().deliveries_waiting == 1);
        threads.push(deliver());
        until(|| interrupt.snapshot().deliveries_waiting == 2);
        assert!(!interrupt.snapshot().threads_waiting);
        let theirs = interrupt.clone();
        let section = asleep("section", move || drop(theirs.acquire_interrupt_lock()));
        until(|| interrupt.snapshot().threads_waiting);
        drop(guard);
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), Delivery::Answered(Claim::Claimed)));
        section.join().unwrap();
        let after = interrupt.snapshot();
        assert_eq!((after.pending, after.deliveries_waiting, after.threads_waiting), (0, 0, false));
        assert!(!after.left_to_owner);

        interrupt.report_inactive().unwrap();
        assert_eq!(interrupt.service(), Delivery::Withheld);
        let inactive = interrupt.snapshot();
        assert_eq!((inactive.state, inactive.withheld, inactive.pending), (State::Inactive, 1, 0));
    });
}

/// The work item, and a line that is kept masked for it.
// Caught: a work item that is told as queued while it runs; a kept line that is not told.
#[test]
fn s1_a_snapshot_tells_of_the_work_item_and_the_line() {
    watchdog(|| {
        let (inside, go) = (Gate::new(), Gate::new());
        let (enter, wait) = (inside.clone(), go.clone());
        let (source, line) = Software::level();
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .work_item(move |_| {
                enter.open();
                wait.wait();
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        interrupt.service();
        let queued = interrupt.snapshot();
        assert_eq!((queued.work_queued, &queued.work_item, queued.kept_masked), (true, &None, true));
        line.deassert();
        thread::scope(|scope| {
            let worker = thread::Builder::new().name("its-worker".into());
            let worker = worker.spawn_scoped(scope, || {
                let me = this_thread();
                let _ = interrupt.run_work_item();
                me
            });
            inside.wait();
            let running = interrupt.snapshot();
            assert_eq!((running.work_queued, running.kept_masked), (false, true));
            let work_item = running.work_item.unwrap();
            assert_eq!((work_item.callback, work_item.running_for), (Callback::WorkItem, None));
            go.open();
            assert_is(&work_item.thread, worker.unwrap().join().unwrap(), "its-worker");
        });
        let after = interrupt.snapshot();
        assert_eq!((after.work_queued, after.work_item, after.kept_masked), (false, None, false));
    });
}

/// A removal that the system has asked for, and a lock that several interrupts share.
// Caught: a request that is no longer told once a thread has taken it up; a lock of the interrupt's own, instead of the shared one.
#[test]
fn s1_a_snapshot_tells_of_a_requested_removal_and_of_a_shared_lock() {
    watchdog(|| {
        let (source, device) = Script::waking(&Log::new());
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher();
        let interrupt = interrupt.build().unwrap();
        interrupt.enable().unwrap();
        assert!(!interrupt.snapshot().removal_requested);
        device.remove(Removal::Requested);
        interrupt.service_removal();
        let removed = interrupt.snapshot();
        assert_eq!((removed.removal_requested, removed.state), (true, State::Removed));
        assert!(kind(&interrupt.enable()).is_some());

        let lock = Arc::new(InterruptLock::new(()));
        let [one, other] = [(); 2].map(|()| Interrupt::builder_sharing(&lock).isr(|_| Claim::Claimed).build().unwrap());
        let held = lock.acquire_interrupt_lock();
        assert!(one.snapshot().owner.unwrap().is_caller && other.snapshot().owner.unwrap().is_caller);
        drop(held);
        assert_eq!((one.snapshot().owner, other.snapshot().owner), (None, None));
    });
}

/// What an operator reads, in one line; and `Debug` of an interrupt shows the same.
// Caught: an owner, what is left to it, threads that wait, or a fault left out of the line; a name with control characters; a
// `Debug` without the snapshot.
#[test]
fn s1_a_snapshot_is_printed_for_an_operator() {
    watchdog(|| {
        let interrupt = Interrupt::builder(()).name("edu\n0").isr(|_| panic!("no such register")).build().unwrap();
        assert_eq!(interrupt.snapshot().to_string(), "edu\\n0: disabled");
        interrupt.enable().unwrap();
        let interrupt = Arc::new(interrupt);
        let guard = interrupt.acquire_interrupt_lock();
        assert_eq!(interrupt.service(), Delivery::Pending);
        let theirs = interrupt.clone();
        let waits = asleep("waits", move || drop(theirs.acquire_interrupt_lock()));
        until(|| interrupt.snapshot().threads_waiting);
        let line = interrupt.snapshot().to_string();
        assert!(line.starts_with("edu\\n0: enabled; its lock is held by "), "{line}");
        assert!(line.contains(&format!(", which asks, acquired at {}:", file!())), "{line}");
        assert!(line.ends_with("; 1 left to the owner of the lock; threads wait for the lock"), "{line}");
        let debug = format!("{interrupt:?}");
        assert!(debug.contains(&format!("{:?}", interrupt.snapshot())), "{debug}");
        drop(guard);
        waits.join().unwrap();
        assert_eq!(interrupt.snapshot().to_string(), "edu\\n0: faulted; the ISR panicked: no such register");
    });
}

/// All that the line may have, in its order.
// Caught: each part of the line, of an owner and of a callback that is left out.
#[test]
fn s1_a_snapshot_is_printed_with_all_its_parts() {
    watchdog(|| {
        let (inside, go) = (Gate::new(), Gate::new());
        let (enter, wait) = (inside.clone(), go.clone());
        let interrupt = Interrupt::builder(())
            .name("edu0")
            .isr(|_| Claim::Claimed)
            .on_enable(move |_| {
                enter.open();
                wait.wait();
            })
            .overdue_after(LONG)
            .build()
            .unwrap();
        let mut all = thread::scope(|scope| {
            scope.spawn(|| interrupt.enable().unwrap());
            inside.wait();
            let all = interrupt.snapshot();
            go.open();
            all
        });
        let (owner, transition) = (all.owner.clone().unwrap(), all.transition.clone().unwrap());
        let callback = all.callback.clone().unwrap();
        let thread =
            owner.thread.as_ref().map(|thread| format!("thread {} ({})", thread.id, thread.name.as_ref().unwrap()));
        let on = thread.as_ref().map_or(String::new(), |thread| format!(" on {thread}"));
        let thread = thread.unwrap_or("a thread".into());
        assert_eq!(owner.to_string(), format!("{thread}, acquired at {}", owner.taken_at.unwrap()));
        let time = callback.running_for.unwrap();
        assert_eq!(callback.to_string(), format!("the {} runs{on}, for {time:.1?} so far", callback.callback));

        all.work_item = Some(callback.clone());
        all.state = State::Enabled;
        (all.pending, all.deliveries_waiting, all.withheld) = (2, 3, 4);
        (all.work_queued, all.threads_waiting, all.kept_masked, all.removal_requested) = (true, true, true, true);
        assert_eq!(
            all.to_string(),
            format!(
                "edu0: enabled; its lock is held by {owner}; a transition is made by {transition}; {callback}; {callback}; \
                 a work item is queued; 2 left to the owner of the lock; 3 waiting for the lock; 4 withheld; threads wait for \
                 the lock; it is kept masked; the system asks for the device back"
            )
        );
        let mut left = interrupt.snapshot();
        left.left_to_owner = true;
        assert_eq!(left.to_string(), "edu0: enabled; something is left to the owner of the lock");
    });
}
