//! `e1000e` drives an Intel 82574 network card, which QEMU calls `e1000e`, through VFIO.
//!
//! The receive ring, the transmit ring and the link each have a message vector and an interrupt lock. The card sends
//! frames of all sizes to itself, and every byte is compared. `guide::several_interrupts` explains the structure.
//!
//! It needs Linux on a 64-bit processor, and a card that is bound to `vfio-pci`, behind an IOMMU. The exit status is that
//! of the example `nvme`. `tests/lab/run` boots an emulated machine that has a card.

#[path = "e1000e/chip.rs"]
mod chip;
#[path = "support/failure.rs"]
mod failure;
#[path = "e1000e/loopback.rs"]
mod loopback;
#[path = "e1000e/nic.rs"]
mod nic;
#[path = "support/program.rs"]
mod program;
#[path = "e1000e/ring.rs"]
mod ring;

use failure::Failure;

const USAGE: &str = "\
usage: e1000e --vfio ADDRESS [--frames N]
  --vfio ADDRESS   the network card, bound to vfio-pci: 0000:00:0e.0 (`nvme` without arguments says how)
  --frames N       how many frames it sends to itself (default: 10000)";

fn main() -> std::process::ExitCode {
    program::main("e1000e", |mut words| {
        let (mut address, mut frames) = (String::new(), 10_000);
        while let Some(word) = words.next() {
            let given = words.next().unwrap_or_default();
            match (word.as_str(), given.parse()) {
                ("--help" | "-h", _) => return program::print(format_args!("{USAGE}\n")),
                ("--vfio", _) if !given.is_empty() => address = given,
                ("--frames", Ok(n @ 1..)) => frames = n,
                _ => return Err(Failure::usage(format!("'{word}' with '{given}' is no argument; try --help"))),
            }
        }
        if address.is_empty() {
            return Err(Failure::usage("it needs a network card: --vfio ADDRESS; try --help".into()));
        }
        let nic = nic::Nic::open(&address, true)?;
        loopback::run(&nic, frames, |_| {})?;
        program::print(format_args!("loopback  {frames} frames, all contents right\n{}", nic.finish()?))
    })
}
