//! The lab's program for the network card: the driver of the example `e1000e`, which is switched off and on under load,
//! and talks to a peer.

#[path = "../../../examples/e1000e/chip.rs"]
mod chip;
#[path = "lab_card/cycles.rs"]
mod cycles;
#[path = "lab_card/echo.rs"]
mod echo;
#[path = "../../../examples/support/failure.rs"]
mod failure;
#[path = "../../../examples/e1000e/loopback.rs"]
mod loopback;
#[path = "../../../examples/e1000e/nic.rs"]
mod nic;
#[path = "../../../examples/support/program.rs"]
mod program;
#[path = "../../../examples/e1000e/ring.rs"]
mod ring;

use std::process::ExitCode;

use failure::Failure;
use nic::Nic;

const USAGE: &str = "\
usage: lab_card echo --vfio ADDRESS N             ask the peer for its address, and for N echoes
       lab_card cycles --vfio ADDRESS N CYCLES    N frames in loopback, with power and interrupts off and on so often";

fn main() -> ExitCode {
    program::main("lab_card", |words| {
        let words: Vec<_> = words.collect();
        let number = |word: &str| word.parse().map_err(Failure::of_the_device);
        let (said, nic) = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["echo", "--vfio", address, echoes] => {
                let nic = Nic::open(address, false)?;
                (echo::run(&nic, number(echoes)?)?, nic)
            }
            ["cycles", "--vfio", address, frames, cycles] => {
                let nic = Nic::open(address, true)?;
                (cycles::run(&nic, number(frames)?, number(cycles)?)?, nic)
            }
            _ => return Err(Failure::usage(USAGE.into())),
        };
        program::print(format_args!("{said}\n{}", nic.finish()?))
    })
}
