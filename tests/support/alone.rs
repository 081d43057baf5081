//! Tests that need a process of their own.

use std::any::type_name;
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The path of this program.
pub fn this_program() -> PathBuf {
    // Without /proc the system does not know it. The shell does, or cargo.
    env::current_exe().unwrap_or_else(|_| PathBuf::from(env::args_os().next().unwrap()))
}

/// Runs `test`, the body of a test function, in a new process: the same program, told to run this one test.
#[track_caller]
pub fn in_a_process_of_its_own<F: FnOnce()>(test: F) {
    const HERE: &str = "INTERRUPT_LOCK_TEST_RUNS_HERE";
    if env::var_os(HERE).is_some() {
        return test();
    }
    // The closure's type is named after the function that it is written in: `alone::leaks::e6_…::{{closure}}`.
    let name = type_name::<F>().strip_suffix("::{{closure}}").and_then(|name| name.split_once("::"));
    let (_, name) = name.expect("a closure, written in the test function");
    let output = Command::new(this_program()).args(["--exact", name, "--nocapture"]).env(HERE, "1").output().unwrap();
    let [said, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success() && said.contains("1 passed"), "{said}{errors}");
}
