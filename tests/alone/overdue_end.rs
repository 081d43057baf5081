//! Rule I17: the watchdog's thread ends with the last interrupt that asked for it. In a process of its own, because it
//! looks at the threads of the process.

use std::fs;
use std::time::Duration;

use interrupt_lock::{Claim, Interrupt};
use support::alone::in_a_process_of_its_own;
use support::{until, watchdog};

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
