//! Measures one kind of interrupt in a process of its own.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::counting;
use crate::kinds::KINDS;

/// By this argument the program knows that it is to measure one row.
const ROW: &str = "--row";
/// How many interrupts are built before the measure begins.
const FIRST: usize = 16;

/// One kind of interrupt.
pub struct Kind {
    pub name: &'static str,
    pub count: usize,
    /// Returns a function that builds and enables one interrupt, and leaves it so.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

pub fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, name] = &arguments[..]
        && flag == ROW
    {
        let kind = KINDS.iter().find(|kind| kind.name == name).expect("a name of the table");
        return print(kind);
    }
    println!("| {:<60} | {:>8} | {:>11} | {:>7} | {:>8} |", "an interrupt", "heap, B", "descriptors", "threads", "KB");
    println!("|{}|{}:|{}:|{}:|{}:|", "-".repeat(62), "-".repeat(9), "-".repeat(12), "-".repeat(8), "-".repeat(9));
    for kind in KINDS {
        if arguments.is_empty() || arguments.iter().any(|name| kind.name.contains(name.as_str())) {
            let program = std::env::current_exe().expect("the system tells which program this is");
            let row = Command::new(program).args([ROW, kind.name]).status().expect("the program starts again");
            assert!(row.success(), "{}", kind.name);
        }
    }
}

/// Measures one kind, and prints its row.
fn print(kind: &Kind) {
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).expect("within the limit");
    let mut build = (kind.prepare)();
    (0..FIRST).for_each(|_| build());
    let before = Costs::now();
    (0..kind.count).for_each(|_| build());
    let after = Costs::now();
    let each = |of: fn(&Costs) -> f64| (of(&after) - of(&before)) / kind.count as f64;
    println!(
        "| {:<60} | {:>8.0} | {:>11.2} | {:>7.2} | {:>8.1} |",
        kind.name,
        each(|costs| costs.heap),
        each(|costs| costs.descriptors),
        each(|costs| costs.threads),
        each(|costs| costs.resident_kb)
    );
    std::process::exit(0); // without ending them one by one
}

/// What the process uses at one moment.
struct Costs {
    heap: f64,
    descriptors: f64,
    threads: f64,
    resident_kb: f64,
}

impl Costs {
    fn now() -> Self {
        // Until the threads that have begun sleep.
        thread::sleep(Duration::from_millis(300));
        let status = fs::read_to_string("/proc/self/status").expect("Linux tells of the process");
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        Self {
            heap: counting::live() as f64,
            descriptors: fs::read_dir("/proc/self/fd").expect("Linux tells of descriptors").count() as f64,
            threads: figure("Threads:"),
            resident_kb: figure("VmRSS:"),
        }
    }
}
