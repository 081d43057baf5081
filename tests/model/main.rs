//! The contract as a model, and random sequences of operations held against it.
//!
//! The model (`contract`) is a plain state machine that one can read beside `src/guide/contract.md`. A sequence is a
//! small world of interrupts and a list of operations (`operations`). Both worlds perform it on one thread, without
//! dispatchers: the real crate's (`driver`) and the model's. Callbacks of both follow the same scripts (`script`). After
//! each operation, those inside callbacks and sections too, `run` compares what it has answered, which callbacks have run in
//! which order and with which arguments, and the state, the fault and all counters of all interrupts.
//!
//! A sequence that differs is shrunk to the smallest, and printed with its seed.
//!
//! | environment | says | otherwise |
//! |---|---|---|
//! | `MODEL_SEQUENCES` | how many sequences | 1000, which take some seconds in a debug build |
//! | `MODEL_SEED` | the seed of the first; each further one has the next | 1 |
//!
//! ```sh
//! MODEL_SEQUENCES=100000 cargo test --release -p interrupt-lock-tests --test model -- --nocapture
//! MODEL_SEQUENCES=1 MODEL_SEED=4711 cargo test -p interrupt-lock-tests --test model
//! ```
#![cfg(all(feature = "std", not(loom)))]

mod answers;
mod contract;
mod driver;
mod operations;
mod run;
mod script;
mod shrink;
mod watch;
mod wire;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use operations::Sequence;
use run::Tally;

/// What ten thousand sequences do at least once. A generator that has grown tame fails here.
const HAPPEN: &[&str] = &[
    // Callbacks and sections.
    "Isr",
    "Unmask",
    "Enable",
    "Disable",
    "Removal",
    "Work",
    "closure",
    "section",
    "D0Entry",
    "InterruptsEnabled",
    "DisablingInterrupts",
    "D0Exit",
    "reset",
    "synchronized",
    "elsewhere",
    // States.
    "Disabled",
    "Enabled",
    "Inactive",
    "Asleep",
    "Faulted",
    "Removed",
    "Ended",
    // Answers.
    "Done",
    "Already",
    "Answered(Claimed)",
    "Answered(Unclaimed)",
    "Answered(ClaimedKeepMasked)",
    "Answered(DeviceGone)",
    "Nothing",
    "NotServed",
    "Pending",
    "Withheld",
    "New",
    "Merged",
    "Refused(Disabled)",
    "Refused(Ended)",
    "Refused(Faulted)",
    "Refused(Removed)",
    "Ran",
    "Deferred",
    "held",
    "not free",
    "Recursive",
    "panics: Recursive",
    "panics: callback lock",
    "WouldDeadlock",
    "EnableCallback",
    "DisableCallback",
    "Source",
    "Faulted: Isr panicked",
    "Faulted: Source panicked",
    "Faulted: Deferred panicked",
    "Faulted: WorkItem panicked",
    "Faulted: Unmask panicked",
    "cleared source failed",
    "D0Entry failed",
    "D0Exit failed",
    "Reset failed",
];

/// Set while a sequence runs.
static QUIET: AtomicBool = AtomicBool::new(false);

// Caught, each within the first few hundred sequences:
// - of disable: no flush after a removal, or none at all; the ISR after the callback; an ISR that opens the line; a
//   drain that is not counted as stale; a kept mask that survives; no look for a removal; an inactive that is forgotten;
//   a work item that stays open;
// - of transitions: a clear_fault that revives a removed interrupt; an enable callback that fails and leaves the source
//   connected; a removal callback that a sleeping interrupt does not get, or whose panic is no fault;
// - of power: a D0 entry that enables what the driver has disabled; a D0 exit in order of creation; a reset that leaves
//   the fault;
// - of the end: closures that are dropped; an end within another interrupt's ISR;
// - of delivery: an inactive interrupt whose ISR runs; deliveries left to the owner that count as one; withheld ones that
//   are not stale; a source that is not looked at between closures;
// - of a shared line: an inactive member that never answers; a leaving one that takes what it is owed, or that leaves the
//   line masked;
// - of what is kept masked: an unmask callback that is not put off, or not made up for; one whose panic is no fault; another
//   run that it asks for and nobody queues, or that `run_work_item` does not answer; what a disable or a fault leaves kept;
//   an unmasking while a run is queued; one that a run was too early for; a message kept that nothing unmasks;
// - of the work item: a count of merged queueings that is one off; a line that opens before the run that was queued.
#[test]
fn sequences_do_what_the_contract_says() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let count = number("MODEL_SEQUENCES").unwrap_or(1000);
    let first = number("MODEL_SEED").unwrap_or(1);
    watch::start();
    be_quiet_of_what_sequences_panic();
    let sequences = operations::sequences();
    let mut tally = Tally::default();
    for seed in first..first + count {
        tally = check(seed, &sequences, tally);
    }
    println!("{tally}{count} sequences, from MODEL_SEED={first}");
    if count >= 10_000 {
        assert_eq!(tally.missing(HAPPEN), Vec::<&str>::new(), "these have never happened");
    }
}

/// Runs the sequence of that seed. Shrinks it if the worlds differ.
fn check(seed: u64, sequences: &impl Strategy<Value = Sequence>, tally: Tally) -> Tally {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { failure_persistence: None, max_shrink_iters: 50_000, max_shrink_time: 60_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = sequences.new_tree(&mut runner).expect("no strategy filters");
    let tally = RefCell::new(tally);
    let fails = |sequence: &Sequence| {
        QUIET.store(true, SeqCst);
        let ran = catch_unwind(AssertUnwindSafe(|| run::run(seed, sequence, &mut tally.borrow_mut())));
        QUIET.store(false, SeqCst);
        ran.unwrap_or_else(|said| Err(format!("the model or the driver {}", answers::panic(&*said)))).err()
    };
    let answer = runner.run_one(tree, |sequence| fails(&sequence).map_or(Ok(()), |why| Err(TestCaseError::fail(why))));
    match answer {
        Ok(_) => tally.into_inner(),
        Err(TestError::Fail(why, sequence)) => {
            let (sequence, why) = shrink::smallest(sequence, why.to_string(), fails);
            panic!("MODEL_SEED={seed}: {why}\n{sequence}");
        }
        Err(TestError::Abort(why)) => panic!("MODEL_SEED={seed}: {why}"),
    }
}

/// Sequences panic by the thousand, as the contract says.
fn be_quiet_of_what_sequences_panic() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !QUIET.load(SeqCst) {
            loud(panic);
        }
    }));
}
