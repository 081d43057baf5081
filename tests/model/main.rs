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

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

#[test]
fn sequences_do_what_the_contract_says() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let count = number("MODEL_SEQUENCES").unwrap_or(2000);
    let first = number("MODEL_SEED").unwrap_or(1);
    watch::start();
    let sequences = operations::sequences();
    for seed in first..first + count {
        check(seed, &sequences);
    }
    println!("{count} sequences, from MODEL_SEED={first}");
}

fn check(seed: u64, sequences: &impl Strategy<Value = operations::Sequence>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = sequences.new_tree(&mut runner).expect("a strategy without filters");
    let answer = runner.run_one(tree, |sequence| {
        let ran = catch_unwind(AssertUnwindSafe(|| run::run(seed, &sequence)));
        ran.unwrap_or_else(|_| Err("the model or the driver panicked".into())).map_err(TestCaseError::fail)
    });
    match answer {
        Ok(_) => {}
        Err(TestError::Fail(why, sequence)) => panic!("MODEL_SEED={seed}: {why}\n{sequence}"),
        Err(TestError::Abort(why)) => panic!("MODEL_SEED={seed}: {why}"),
    }
}
