//! What each kind of interrupt costs: heap bytes, descriptors, threads, resident memory.
//!
//! `cargo bench -p interrupt-lock-benches --bench memory [-- NAME…]` prints a table, or its rows whose names contain NAME.
//!
//! Each row has a process of its own, which builds and enables many interrupts and divides what they have added by their
//! number. The heap bytes are those that the program asked the allocator for. Resident memory is what the system counts
//! for the process, so it has the allocator's own share, the threads' stacks and whole pages. A few interrupts of the same
//! kind are built first, so what the first one alone costs does not count.

#[cfg(target_os = "linux")]
#[path = "memory/counting.rs"]
mod counting;
#[cfg(target_os = "linux")]
#[path = "memory/kinds.rs"]
mod kinds;
#[cfg(target_os = "linux")]
#[path = "memory/measure.rs"]
mod measure;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

fn main() {
    #[cfg(target_os = "linux")]
    measure::main();
    #[cfg(not(target_os = "linux"))]
    println!("Linux tells what a process uses; this system is another.");
}
