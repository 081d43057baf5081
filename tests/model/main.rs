//! The contract as a model, and random sequences of operations held against it.
#![cfg(all(feature = "std", unix, not(loom)))]

mod answers;
mod contract;
mod driver;
mod operations;
mod run;
mod script;
mod watch;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

static QUIET: AtomicBool = AtomicBool::new(false);

#[test]
fn sequences_do_what_the_contract_says() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let count = number("MODEL_SEQUENCES").unwrap_or(2000);
    let first = number("MODEL_SEED").unwrap_or(1);
    watch::start();
    be_quiet_of_what_sequences_panic();
    let sequences = operations::sequences();
    for seed in first..first + count {
        check(seed, &sequences);
    }
    println!("{count} sequences, from MODEL_SEED={first}");
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

fn check(seed: u64, sequences: &impl Strategy<Value = operations::Sequence>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 50_000, max_shrink_time: 60_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = sequences.new_tree(&mut runner).expect("a strategy without filters");
    let answer = runner.run_one(tree, |sequence| {
        QUIET.store(true, SeqCst);
        let ran = catch_unwind(AssertUnwindSafe(|| run::run(seed, &sequence)));
        QUIET.store(false, SeqCst);
        ran.unwrap_or_else(|_| Err("the model or the driver panicked".into())).map_err(TestCaseError::fail)
    });
    match answer {
        Ok(_) => {}
        Err(TestError::Fail(why, sequence)) => panic!("MODEL_SEED={seed}: {why}\n{sequence}"),
        Err(TestError::Abort(why)) => panic!("MODEL_SEED={seed}: {why}"),
    }
}
