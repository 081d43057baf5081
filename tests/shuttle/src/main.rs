//! The public operations on 2 to 8 threads, under shuttle: random programs, each with random and PCT schedules.
//!
//! `interrupt-lock-shuttle [--programs N] [--schedules N] [--seed S [--without N,N...]] [SCENARIO...]`
//!
//! A seed determines a program and its schedules. The first failure prints the seed, and ends the run: to repeat it, give
//! the seed and the scenario.
//!
//! | file | holds |
//! |---|---|
//! | `scenarios` | families of programs |
//! | `program` | the program of a seed |
//! | `machine`, `callbacks`, `source` | its interrupts |
//! | `run` | one run of it |
//! | `judge` | what must hold in each run |
//! | `random` | the numbers of a seed |

mod callbacks;
mod judge;
mod machine;
mod program;
mod random;
mod run;
mod scenarios;
mod source;

use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use interrupt_lock::{PlannedPanic, take_all_part};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::program::{Program, Scenario};
use crate::random::Random;

/// PCT's depth: how many preemptions a fault needs.
const DEPTH: usize = 3;

struct Options {
    programs: u64,
    schedules: usize,
    seed: Option<u64>,
    /// Parts that are left out of each program.
    without: Vec<usize>,
    scenarios: Vec<String>,
}

fn main() {
    let options = options();
    take_all_part();
    let running = Arc::<Mutex<Running>>::default();
    stop_at_the_first_panic(running.clone());
    let base = options.seed.unwrap_or(0);
    for scenario in scenarios::ALL {
        if !options.scenarios.is_empty() && !options.scenarios.iter().any(|name| name == scenario.name) {
            continue;
        }
        let began = Instant::now();
        let mut seeds = Random::new(base);
        *running.lock().unwrap() = Running { scenario: Some(scenario), ..Running::default() };
        for number in 0..options.programs {
            // A seed that is given is the first program's.
            let seed = if number == 0 && options.seed.is_some() { base } else { seeds.number() };
            let program = Program::new(scenario, seed).without(&options.without);
            {
                let mut running = running.lock().unwrap();
                (running.seed, running.programs, running.program) = (seed, number + 1, Some(program.clone()));
            }
            let check = |scheduler: Box<dyn Scheduler + Send>| {
                let (running, program) = (running.clone(), program.clone());
                Runner::new(scheduler, config()).run(move || {
                    running.lock().unwrap().schedules += 1;
                    run::run(scenario, &program);
                });
            };
            check(Box::new(RandomScheduler::new_from_seed(seed, options.schedules)));
            check(Box::new(PctScheduler::new_from_seed(seed, DEPTH, options.schedules)));
        }
        let schedules = running.lock().unwrap().schedules;
        println!("{}: {schedules} schedules in {:.1} s", scenario.name, began.elapsed().as_secs_f32());
    }
}

/// The program that runs.
#[derive(Default)]
struct Running {
    scenario: Option<&'static Scenario>,
    seed: u64,
    program: Option<Program>,
    programs: u64,
    schedules: u64,
}

/// Makes the first panic that the program has not planned end the process. (To unwind would run the program further.)
fn stop_at_the_first_panic(running: Arc<Mutex<Running>>) {
    // Shuttle sets a hook of its own at its first run.
    Runner::new(RandomScheduler::new_from_seed(0, 1), config()).run(|| ());
    panic::set_hook(Box::new(move |info| {
        if info.payload().is::<PlannedPanic>() {
            return;
        }
        println!("{info}");
        let running = running.lock().unwrap();
        let Running { scenario: Some(scenario), seed, program: Some(program), programs, schedules } = &*running else {
            return;
        };
        println!("{program:?}");
        println!("parts: {}", Program::new(scenario, *seed).parts());
        println!("{}: failed after {schedules} schedules of {programs} programs", scenario.name);
        println!("to repeat: .ci/shuttle --seed {seed} {}", scenario.name);
        std::process::exit(1);
    }));
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 0x4_0000;
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(50_000);
    config
}

fn options() -> Options {
    let mut options = Options { programs: 400, schedules: 20, seed: None, without: Vec::new(), scenarios: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if scenarios::ALL.iter().any(|scenario| scenario.name == argument) {
            options.scenarios.push(argument);
            continue;
        }
        let value = arguments.next().unwrap_or_else(|| panic!("{argument}: no such scenario, or no value"));
        let number = || value.parse::<u64>().unwrap_or_else(|_| panic!("{argument} needs a number"));
        match argument.as_str() {
            "--programs" => options.programs = number(),
            "--schedules" => options.schedules = usize::try_from(number()).unwrap(),
            "--seed" => options.seed = Some(number()),
            "--without" => options.without = value.split(',').filter_map(|part| part.parse().ok()).collect(),
            other => panic!("no such option: {other}"),
        }
    }
    options
}
