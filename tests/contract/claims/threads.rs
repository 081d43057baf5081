//! Threads that sleep until the ISR has claimed, or until it has changed the interrupt data (rule A1).

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, InterruptLock};
use support::log::Log;
use support::{Gate, LONG, asleep, kind, receive, until, watchdog};

use super::{answering, served};

/// A driver submits and sleeps until its ISR has answered, a thousand times.
// Caught: a thread that does not look after it has set its waker (hangs now and then); no waker set; a wake-up that wakes
// nobody; the claims from before the wait not returned.
#[test]
fn a1_a_thread_sleeps_until_the_isr_has_claimed() {
    watchdog(|| {
        let (interrupt, line) = served();
        let mut claims = interrupt.claims().unwrap();
        for _ in 0..1000 {
            line.assert();
            assert_eq!(claims.wait_for(LONG).unwrap(), 1);
        }
        interrupt.service();
        line.assert();
        until(|| interrupt.stats().claimed == 1001);
        assert_eq!(claims.wait_for(Duration::ZERO).unwrap(), 1, "at once");
    });
}

/// It wakes those that are asleep, each of several, and only for a claim.
// Caught: one thread woken of several; a thread woken for an unclaimed run.
#[test]
fn a1_all_threads_that_sleep_are_woken() {
    watchdog(|| {
        let mut runs = 0;
        let interrupt = Arc::new(answering(move || {
            runs += 1;
            if runs == 1 { Claim::Unclaimed } else { Claim::Claimed }
        }));
        let threads = [0, 1, 2].map(|number| {
            let interrupt = interrupt.clone();
            asleep(format!("waits {number}"), move || interrupt.claims().unwrap().wait_for(LONG))
        });
        interrupt.service();
        assert!(threads.iter().all(|thread| !thread.is_finished()));
        interrupt.service();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), 1);
        }
    });
}

/// It gives up, says so, and can wait again.
// Caught: Ok(0) at the time-out; the wait for ever; a claim that comes as the time runs out left for nobody.
#[test]
fn a1_a_thread_gives_up() {
    let interrupt = answering(|| Claim::Claimed);
    let mut claims = interrupt.claims().unwrap();
    for patience in [Duration::ZERO, Duration::from_millis(1)] {
        let error = claims.wait_for(patience).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoClaim));
        assert_eq!(error.to_string(), "edu0: its ISR has claimed nothing in time");
    }
    interrupt.service();
    assert_eq!(claims.wait_for(Duration::ZERO).unwrap(), 1);
    // Its waker is not left behind: it would wake the thread in somebody else's wait.
    assert!(claims.wait_for(Duration::ZERO).is_err());
}

/// Time-outs and claims meet: none is lost between them.
// Caught: the last look left out; `seen` brought up to date at a time-out.
#[test]
fn a2_no_claim_falls_between_a_time_out_and_the_next_wait() {
    watchdog(|| {
        let (interrupt, line) = served();
        let mut claims = interrupt.claims().unwrap();
        let mut seen = 0;
        for round in 0..2000 {
            line.assert();
            let patience = Duration::from_nanos(round * 50);
            seen += claims.wait_for(patience).unwrap_or(0);
        }
        interrupt.disable().unwrap();
        seen += claims.wait_for(Duration::ZERO).unwrap_or(0);
        assert_eq!(seen, interrupt.stats().claimed);
    });
}

/// What can't end is refused, at once.
// Caught: each `Some` of may_wait_for_claims left out (waits until the watchdog); the error told although there were claims.
#[test]
fn e4_a_thread_that_keeps_the_isr_from_running_does_not_wait_for_it() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (source, _line) = Software::edge();
        let waited = Arc::new(
            Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(&dispatcher).build().unwrap(),
        );
        waited.enable().unwrap();
        let claims = Arc::new(Mutex::new(waited.claims().unwrap()));
        let wait = {
            let claims = claims.clone();
            move || claims.lock().unwrap().wait_for(LONG).unwrap_err()
        };
        // In a section of its own.
        let section = waited.acquire_interrupt_lock();
        assert!(matches!(wait().kind(), ErrorKind::WouldDeadlock { .. }));
        drop(section);
        // In another interrupt's ISR, and in a waker that a dispatcher's thread calls.
        let (send, errors) = channel();
        let (source, line) = Software::edge();
        let other = Interrupt::builder(())
            .isr(move |_| {
                send.send(wait()).unwrap();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        let (tell, told) = channel();
        let theirs = claims.clone();
        let waker = super::calls(move || tell.send(theirs.lock().unwrap().wait_for(LONG).unwrap_err()).unwrap());
        let mut listener = other.claims().unwrap();
        assert!(super::poll(&mut listener, &waker).is_pending());
        line.assert();
        let error = receive(&errors);
        assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }));
        assert!(error.to_string().contains("from an ISR"), "{error}");
        let error = receive(&told);
        assert!(error.to_string().contains("dispatcher's thread"), "{error}");
    });
}

/// A work item may wait for its own ISR. A disable, which waits for the work item, ends that.
// Caught: a work item that is always refused; one that is never (the disable hangs).
#[test]
fn w7_a_disable_ends_its_work_items_wait() {
    watchdog(|| {
        let log = Log::new();
        let theirs = log.clone();
        let (source, line) = Software::edge();
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |interrupt| {
                let mut claims = interrupt.claims().unwrap();
                theirs.add("begun");
                assert_eq!(claims.wait_for(LONG).unwrap(), 1);
                theirs.add("claimed");
                let error = claims.wait_for(LONG).unwrap_err();
                assert!(error.to_string().contains("its disable waits"), "{error}");
                theirs.add("refused");
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        log.wait_for("begun", 1);
        line.assert();
        log.wait_for("claimed", 1);
        interrupt.disable().unwrap();
        assert_eq!(log.take(), ["begun", "claimed", "refused"]);
        assert_eq!(interrupt.fault(), None);
    });
}

/// A thread waits for what the ISR makes of the data, and has the lock when it is so.
// Caught: the guard returned before the condition holds; no wait (it spins: claims.wait left out); the listener begun after
// the look.
#[test]
fn a1_a_thread_waits_for_a_condition_on_the_data() {
    watchdog(|| {
        let (interrupt, line) = served();
        let device = thread::spawn(move || {
            for _ in 0..1000 {
                line.assert();
                thread::yield_now();
            }
        });
        let mut looks = 0;
        // Assertions coalesce, so it waits for a part of them.
        let data = interrupt
            .try_acquire_interrupt_lock_when(
                |count| {
                    looks += 1;
                    *count >= 1
                },
                LONG,
            )
            .unwrap();
        assert!(*data >= 1);
        assert!(interrupt.try_acquire_interrupt_lock().is_none(), "held");
        drop(data);
        device.join().unwrap();
        interrupt.disable().unwrap();
        let all = *interrupt.acquire_interrupt_lock();
        let data = interrupt.try_acquire_interrupt_lock_when(|count| *count == all, Duration::ZERO).unwrap();
        drop(data);
        assert!(looks > 0 && u64::from(looks as u32) <= all + 2, "{looks} looks for {all} claims");
    });
}

/// The waits for a condition and its listeners leave nothing behind; a condition that does not come true is told.
// Caught: NoClaim told for a condition; the listener kept (its bit); the lock kept after a panic.
#[test]
fn a1_a_condition_that_does_not_come_true_is_told() {
    watchdog(|| {
        let interrupt = Arc::new(answering(|| Claim::Claimed));
        let error =
            interrupt.try_acquire_interrupt_lock_when(|(): &mut ()| false, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConditionUnmet));
        assert_eq!(error.to_string(), "edu0: its ISR has not brought about in time what was waited for");
        // Claims come and change nothing.
        let theirs = interrupt.clone();
        let looks = Arc::new(AtomicU32::new(0));
        let seen = looks.clone();
        let waiter = asleep("waits", move || {
            let look = |(): &mut ()| seen.fetch_add(1, SeqCst) == 3;
            theirs.try_acquire_interrupt_lock_when(look, LONG).map(drop)
        });
        for claims in 1.. {
            let before = looks.load(SeqCst);
            interrupt.service();
            until(|| looks.load(SeqCst) > before || waiter.is_finished());
            if waiter.is_finished() {
                assert!(claims <= 4);
                break;
            }
        }
        waiter.join().unwrap().unwrap();

        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = interrupt.try_acquire_interrupt_lock_when(|(): &mut ()| panic!("theirs"), LONG);
        }));
        assert!(panics.is_err());
        assert!(interrupt.try_acquire_interrupt_lock().is_some());
    });
}

/// A fault, a removal and the end end each thread's wait, for claims and for a condition.
// Caught: an error that is told to tasks alone.
#[test]
fn a4_a_fault_and_the_end_end_a_threads_wait() {
    watchdog(|| {
        for fault in [true, false] {
            let interrupt = answering(move || if fault { panic!("a fault") } else { Claim::Unclaimed });
            let object = interrupt.object().clone();
            let mut claims = interrupt.claims().unwrap();
            let one = asleep("claims", move || kind(&claims.wait_for(LONG)).is_some());
            let two =
                asleep("condition", move || object.try_acquire_interrupt_lock_when(|(): &mut ()| false, LONG).is_err());
            if fault {
                interrupt.service();
            } else {
                drop(interrupt);
            }
            assert!(one.join().unwrap() && two.join().unwrap());
        }
    });
}

/// A wait for a condition holds no lock while it sleeps, and honours the lock's time limit.
// Caught: the guard kept through the wait (hangs); a lock waited for without the deadline.
#[test]
fn l8_a_wait_for_a_condition_gives_up_at_the_lock_too() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0));
        let interrupt = Interrupt::builder_sharing(&lock).isr(|_| Claim::Claimed).build().unwrap();
        interrupt.enable().unwrap();
        let (held, go_on) = (Gate::new(), Gate::new());
        let (theirs, holds, waits) = (lock.clone(), held.clone(), go_on.clone());
        let holder = thread::spawn(move || {
            let guard = theirs.acquire_interrupt_lock();
            holds.open();
            waits.wait();
            drop(guard);
        });
        held.wait();
        let error = interrupt.try_acquire_interrupt_lock_when(|_| true, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimedOut));
        go_on.open();
        holder.join().unwrap();
    });
}
