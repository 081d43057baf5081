//! The lab's own program, run in the guest on real `edu` devices: the suite that every source passes, the example's
//! driver under disable and enable cycles, policies, power, reset and storms; and the lines of a simulated GPIO chip. What
//! it prints last are its figures.

#[path = "../../../examples/edu/account.rs"]
mod account;
#[allow(dead_code, reason = "the example's usage, and its number of requests")]
#[path = "../../../examples/edu/arguments.rs"]
mod arguments;
#[path = "lab_guest/cycles.rs"]
mod cycles;
#[path = "../../../examples/edu/driver.rs"]
mod driver;
#[path = "lab_guest/forks.rs"]
mod forks;
#[path = "lab_guest/given.rs"]
mod given;
#[path = "lab_guest/gone.rs"]
mod gone;
#[path = "lab_guest/gpio/mod.rs"]
mod gpio;
#[path = "lab_guest/mistakes.rs"]
mod mistakes;
#[path = "lab_guest/moves.rs"]
mod moves;
#[path = "../../../examples/edu/open.rs"]
mod open;
#[path = "lab_guest/operator.rs"]
mod operator;
#[path = "lab_guest/policy.rs"]
mod policy;
#[path = "lab_guest/power.rs"]
mod power;
#[path = "lab_guest/rearm.rs"]
mod rearm;
#[cfg(refused_calls)]
#[path = "lab_guest/refused.rs"]
mod refused;
#[path = "lab_guest/registers.rs"]
mod registers;
#[path = "lab_guest/reset.rs"]
mod reset;
#[path = "lab_guest/rig.rs"]
mod rig;
#[path = "lab_guest/storm.rs"]
mod storm;
#[path = "lab_guest/suite.rs"]
mod suite;
#[path = "lab_guest/supervise.rs"]
mod supervise;
#[path = "lab_guest/unheard.rs"]
mod unheard;
#[path = "lab_guest/way.rs"]
mod way;

use std::process::ExitCode;

use account::Failure;
use arguments::Arguments;
use given::By;

const USAGE: &str = "\
usage: lab_guest (suite | cycles | forks | gone | mistakes | moves | policy | power | rearm | refused | registers | reset | unheard) (--uio DEVICE | --vfio ADDRESS [--msi])
       lab_guest operator --vfio ADDRESS --msi
       lab_guest (supervise-cdev | supervise-group | given-cdev | given-group | way) --vfio ADDRESS
       lab_guest storm THAT DEVICE -- ANOTHER
       lab_guest gpio (suite | edges | overflow | cycles | debounce | mistakes | refused)";

fn main() -> ExitCode {
    match run() {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("lab_guest: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run() -> Result<String, Failure> {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    if what == "gpio" {
        return gpio::run(&words.next().unwrap_or_default());
    }
    let device = device(words.by_ref().take_while(|word| word != "--"))?;
    match what.as_str() {
        "suite" => suite::run(&device),
        "cycles" => cycles::run(&device),
        "forks" => forks::run(&device),
        "gone" => gone::run(&device),
        "mistakes" => mistakes::run(&device),
        "moves" => moves::run(&device),
        "operator" => operator::run(&device),
        "policy" => policy::run(&device),
        "power" => power::run(&device),
        "rearm" => rearm::run(&device),
        #[cfg(refused_calls)]
        "refused" => refused::run(&device),
        "registers" => registers::run(&device),
        "reset" => reset::run(&device),
        "storm" => storm::run(&device, &self::device(words)?),
        "supervise-cdev" => supervise::run(&device, By::Cdev),
        "supervise-group" => supervise::run(&device, By::Group),
        "given-cdev" => given::run(&device, By::Cdev),
        "given-group" => given::run(&device, By::Group),
        "unheard" => unheard::run(&device),
        "way" => way::run(&device),
        _ => Err(Failure::usage(USAGE.into())),
    }
}

fn device(words: impl Iterator<Item = String>) -> Result<arguments::Device, Failure> {
    let arguments = Arguments::parse(words)?;
    arguments.map(|arguments| arguments.device).ok_or_else(|| Failure::usage(USAGE.into()))
}
