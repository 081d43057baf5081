//! The crate's own threads: their names, and that they block every signal. In a process of its own, because it looks at
//! all threads of the process.

use std::collections::BTreeMap;
use std::fs;

use interrupt_lock::simulated::Edu;
use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt, NoWorkItem, Registers};
use support::alone::in_a_process_of_its_own;
use support::{LONG, until, watchdog};

const NAMES: [&str; 5] = ["nic", "work nic", "work shared", "overdue", "simulated edu"];

/// Which signals the calling thread blocks.
fn own_mask() -> u64 {
    mask(&fs::read_to_string("/proc/thread-self/status").unwrap())
}

fn mask(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

/// Which signals each thread blocks, by the thread's name.
fn blocked() -> BTreeMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let read = |task: std::path::PathBuf| {
        // A thread may end meanwhile.
        let name = fs::read_to_string(task.join("comm")).ok()?.trim_end().to_owned();
        Some((name, mask(&fs::read_to_string(task.join("status")).ok()?)))
    };
    tasks.filter_map(read).collect()
}

// Caught: a thread that inherits its creator's mask, whose signals it then takes; a creator whose mask stays changed; a
// worker, a shared worker or a watchdog, named as the dispatcher is.
#[test]
fn i21_threads_block_every_signal_and_have_names_of_their_own() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let before = own_mask();
            let interrupt = Interrupt::builder(())
                .name("nic")
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .source(Software::edge().0)
                .overdue_after(LONG)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            let nic: Interrupt<(), NoWorkItem> = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .source(Software::edge().0)
                .shared_worker()
                .build()
                .unwrap();
            nic.enable().unwrap();
            let edu = Edu::new();
            edu.registers().write32(0x08, 5); // it computes a factorial by itself
            // A thread gets its name as it begins.
            until(|| NAMES.iter().all(|name| blocked().contains_key(*name)));
            let now = blocked();
            // All but SIGKILL and SIGSTOP, which can't be blocked, of those that have no other meaning inside the C library.
            let all =
                (1..=31).filter(|signal| ![9, 19].contains(signal)).fold(0, |mask, signal| mask | 1 << (signal - 1));
            for name in NAMES {
                assert_eq!(now[name] & all, all, "{name}: {:x}", now[name]);
            }
            assert_eq!(own_mask(), before, "the creator's");
        });
    });
}
