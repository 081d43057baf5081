//! The contract, rule by rule. A test is named after its rule, so `cargo test i7_` runs the tests of rule I7.
//!
//! | rules | are about | tested in |
//! |---|---|---|
//! | L | the interrupt lock | `lock` |
//! | I | delivery to the ISR | `delivery`; its sources in `source`; dispatchers in `dispatch` |
//! | W | the work item | `work_item`; under the callback lock in `device` |
//! | E | enabling, disabling, the end | `transition`; of a device's interrupts in `device` |
//! | P | policy and information | `dispatch`, `observe` |
//! | S | what an operator sees | `observe`; events in `tests/tracing.rs` |
//! | A | waiting for claims | `claims` |
//! | B | bare metal | `tests/bare_metal` |
//! | M | misuse | `tests/compile_fail.rs` |
//!
//! What needs a process of its own is in `tests/alone`. The tests here share one, at the same time: none may count what
//! belongs to the process, or change it.
#![cfg(all(feature = "std", not(loom)))]

/// Section A.
mod claims;

/// Section L.
mod lock {
    pub mod circles;
    mod deferred;
    mod fairness;
    #[cfg(target_os = "linux")] // A futex that lends priorities.
    mod inheriting;
    mod order;
    mod precedence;
    mod raw;
    mod recursion;
    mod sections;
    mod shared;
    mod timed;
}

/// Section I.
mod delivery {
    mod cycle;
    mod enabled;
    mod faults;
    mod isr;
    mod level;
    mod overdue;
    mod removal;
    mod removal_anywhere;
    mod shared_line;
    mod shared_line_late;
    mod shared_line_meets;
    mod shared_line_order;
    mod shared_line_stress;
    mod silence;
    mod storm;
}

/// Section W.
mod work_item {
    mod end;
    mod queued;
}

/// Section E.
mod transition {
    mod circles;
    mod deadlock;
    mod destructors;
    mod end;
    mod end_elsewhere;
    mod inactive;
    mod meets;
    mod order;
}

/// Several interrupts of one device: rules E4, E5, E6, E9, P4 and W5.
mod device {
    mod callback_lock;
    mod circles;
    mod owned;
    mod power;
    mod reset;
    mod wake;
}

/// Threads that serve interrupts: rules I16, P1 and P2.
mod dispatch {
    mod dispatcher;
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    mod io_uring;
    #[cfg(target_os = "linux")] // Reads in /proc where threads run.
    mod moving;
    #[cfg(target_os = "linux")] // Loops that wait on descriptors.
    mod own_loops;
    #[cfg(any(target_os = "linux", windows))]
    mod policy;
    mod polling;
    mod scale;
}

/// Sections P and S.
mod observe {
    mod errors;
    mod export;
    mod information;
    mod snapshot;
    mod table;
    mod timing;
}

/// Each source of interrupts by itself, and the suite that all of them pass. What is in `interrupt_lock::linux` is tested on
/// Linux.
mod source {
    #[cfg(windows)]
    mod event;
    #[cfg(target_os = "linux")]
    mod eventfd;
    #[cfg(target_os = "linux")]
    mod eventfd_read;
    #[cfg(target_os = "linux")]
    mod foreign;
    #[cfg(target_os = "linux")]
    mod gpio;
    #[cfg(target_os = "linux")]
    mod mapped_registers;
    mod simulated_edu;
    mod software;
    mod suite;
    #[cfg(target_os = "linux")]
    mod timer;
    #[cfg(target_os = "linux")]
    mod uio_fake;
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    mod vfio_host;
}
