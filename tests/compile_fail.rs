//! Section M of the contract: misuse does not compile, and the compiler says so in words of the driver's author.
//!
//! Each case is a program of its own with its message pinned beside it, and a twin without the misuse, which is
//! compiled and run here. After a change that is meant, `TRYBUILD=overwrite cargo test --test compile_fail` pins anew. A program of its
//! own, because the compiler takes all processors from whatever else is tested.

#![cfg(all(feature = "std", not(loom)))]

use std::fs;

/// Has the compiler refuse the case, which differs from its twin in little more than the misuse.
#[track_caller]
fn refused(case: &str) {
    let lines = |name: &str| -> Vec<String> {
        let program = fs::read_to_string(format!("compile_fail/{name}.rs")).unwrap();
        program.lines().map(str::to_owned).collect()
    };
    let (misuse, twin) = (lines(case), lines(&format!("{case}_twin")));
    let only_in = |these: &[String], those: &[String]| these.iter().filter(|line| !those.contains(line)).count();
    assert!(only_in(&misuse, &twin) <= 2 && only_in(&twin, &misuse) <= 3, "{case} and its twin have little in common");
    trybuild::TestCases::new().compile_fail(format!("compile_fail/{case}.rs"));
}

/// The case is refused; its twin compiles and runs.
macro_rules! misuse {
    ($case:literal) => {{
        mod twin {
            include!(concat!("compile_fail/", $case, "_twin.rs"));
        }
        twin::main();
        refused($case);
    }};
}

// Mutations: the object has a `release_interrupt_lock`; the guard is `Default`.
#[test]
fn m_releasing_what_was_not_acquired() {
    misuse!("release_not_acquired");
    misuse!("guard_made_up");
}

#[test]
fn m_releasing_twice() {
    misuse!("release_twice");
}

// Mutation: `synchronize` lends the data for as long as the interrupt.
#[test]
fn m_touching_the_data_without_the_lock() {
    misuse!("data_without_lock");
    misuse!("data_maybe_without_lock");
    misuse!("data_after_release");
    misuse!("data_out_of_synchronize");
}

// Mutations: the guard's `Send`, or its `Sync`, without its bound.
#[test]
fn m_sending_a_guard_to_another_thread() {
    misuse!("guard_sent");
    misuse!("guard_lent");
}

// Mutation: `acquire_interrupt_lock` gives a guard of any lifetime.
#[test]
fn m_a_guard_that_outlives_its_interrupt() {
    misuse!("guard_outlives_interrupt");
}

#[test]
fn m_keeping_the_context_after_the_isr() {
    misuse!("context_kept");
    misuse!("context_data_kept");
}

/// The twins own the register handle of the simulated device.
#[test]
fn m_an_isr_that_is_not_send() {
    misuse!("isr_not_send");
    misuse!("isr_raw_pointer");
}

// Mutation: `NoWorkItem` is `WorkItemRegistered`.
#[test]
fn m_a_work_item_queued_where_none_is_registered() {
    misuse!("no_work_item_in_isr");
    misuse!("no_work_item_from_outside");
    misuse!("no_work_item_to_run");
}

// Mutation: the object has a `shared`.
#[test]
fn m_a_policy_set_after_building() {
    misuse!("shared_after_building");
    misuse!("source_after_building");
    misuse!("name_after_building");
    misuse!("policy_after_building");
}

// Mutation: `Missing` is `IsrRegistered`.
#[test]
fn m_an_interrupt_without_an_isr() {
    misuse!("isr_missing");
}

// Mutations: the guard is `Send`; `InterruptObject` derefs to its data; `Driver::Data` need not be `Send`; `NoWorkItem` is
// `WorkItemRegistered`; `Driver::isr` is provided.
#[test]
fn m_the_object_for_one_core_refuses_the_same() {
    misuse!("single_core_data_without_lock");
    misuse!("single_core_data_out_of_synchronize");
    misuse!("single_core_data_not_send");
    misuse!("single_core_guard_sent");
    misuse!("single_core_guard_outlives_interrupt");
    misuse!("single_core_release_twice");
    misuse!("single_core_context_kept");
    misuse!("single_core_no_work_item");
    misuse!("single_core_isr_missing");
}
