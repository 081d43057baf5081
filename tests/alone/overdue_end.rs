//! Rule I17: when the watchdog's thread looks, and that it ends with the last interrupt that asked for it. In a process of its
//! own, because all interrupts of a process have one.

use std::fs;
use std::thread;
use std::time::Duration;

use interrupt_lock::{Claim, Interrupt, NoWorkItem};
use support::alone::in_a_process_of_its_own;
use support::{Gate, let_it_block, until, watchdog};

fn watchdogs() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // One may end meanwhile.
    tasks
        .filter(|task| fs::read_to_string(task.as_ref().unwrap().path().join("comm")).is_ok_and(|n| n == "overdue\n"))
        .count()
}

fn wait_for(expected: usize) {
    until(|| watchdogs() == expected);
}

// Caught: a thread that stays; one that is not started again; one for each interrupt; one where nobody asks.
#[test]
fn i17_one_thread_for_all_that_ask_and_gone_with_the_last() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let plain = || Interrupt::builder(()).isr(|_| Claim::Claimed);
            let silent = plain().build().unwrap();
            assert_eq!(watchdogs(), 0);
            for _ in 0..3 {
                let watched = |hours: u64| plain().overdue_after(Duration::from_secs(3600 * hours)).build().unwrap();
                let (first, others) = (watched(1), [watched(2), watched(3)]);
                wait_for(1);
                drop(first);
                assert_eq!(watchdogs(), 1);
                drop(others);
                wait_for(0);
            }
            drop(silent);
        });
    });
}

/// The thread sleeps for long, and a callback with a shorter limit is reported all the same.
// Caught: a thread that is not woken for it.
#[test]
fn i17_a_shorter_limit_wakes_the_thread() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let _patient: Interrupt<(), NoWorkItem> = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .overdue_after(Duration::from_secs(3600))
                .build()
                .unwrap();
            let_it_block();
            let (inside, go) = (Gate::new(), Gate::new());
            let isr = (inside.clone(), go.clone());
            let slow: Interrupt<(), NoWorkItem> = Interrupt::builder(())
                .isr(move |_| {
                    isr.0.open();
                    isr.1.wait();
                    Claim::Claimed
                })
                .overdue_after(Duration::from_millis(5))
                .build()
                .unwrap();
            slow.enable().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| slow.service());
                inside.wait();
                until(|| slow.overdue().is_some());
                go.open();
            });
        });
    });
}
