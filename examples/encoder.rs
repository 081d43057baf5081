//! A quadrature encoder on two GPIO lines: tells its position, in quarter steps, as it turns.
//!
//! ```text
//! cargo run --features gpio --example encoder -- /dev/gpiochip0 17 27
//! ```
//!
//! Ctrl-C ends it. A failure is told in one sentence on standard error: exit status 2 if the lines can't be had, 1 if the
//! chip has gone.

#[path = "support/failure.rs"]
mod failure;
#[path = "support/program.rs"]
mod program;

use std::process::ExitCode;
use std::sync::mpsc::channel;

use failure::Failure;
use interrupt_lock::linux::{Gpio, GpioEdge, GpioLines};
use interrupt_lock::{Claim, Error, Interrupt};

/// The interrupt data.
struct Encoder {
    lines: GpioLines,
    /// Whether A and B are active.
    levels: [bool; 2],
    position: i64,
}

impl Encoder {
    /// Forward, A changes before B: the two differ after an edge of A, and are equal after an edge of B.
    fn edge(&mut self, line: usize, level: bool) {
        self.levels[line] = level;
        let differ = self.levels[0] != self.levels[1];
        self.position += if differ == (line == 0) { 1 } else { -1 };
    }
}

fn main() -> ExitCode {
    program::main("encoder", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let usage = || Failure::usage("usage: encoder CHIP A B, such as encoder /dev/gpiochip0 17 27".into());
    let words: Vec<String> = words.collect();
    let [chip, a, b] = words.as_slice() else { return Err(usage()) };
    let [a, b] = [a.parse().map_err(|_| usage())?, b.parse().map_err(|_| usage())?];
    // One request for both, so that their edges come in one order.
    let request = Gpio::request(chip).line(a).line(b).pull_up().buffer(1024).consumer("encoder");
    let (source, lines) = request.open().map_err(Failure::of_the_device)?;
    let (report, positions) = channel();
    let gone = report.clone();
    let interrupt = Interrupt::builder(Encoder { lines, levels: [false; 2], position: 0 })
        .isr(move |encoder| {
            while let Some(event) = encoder.lines.next_event() {
                encoder.edge(event.line, event.edge == GpioEdge::Rising);
            }
            let _ = report.send(Some((encoder.position, encoder.lines.lost())));
            Claim::Claimed
        })
        // Where it stands now makes no edge.
        .on_enable(|encoder| {
            encoder.levels = [encoder.lines.is_active(0)?, encoder.lines.is_active(1)?];
            Ok::<(), Error>(())
        })
        .on_removal(move |_| _ = gone.send(None))
        .source(source)
        .build()
        .map_err(Failure::of_the_device)?;
    interrupt.enable().map_err(Failure::of_the_device)?;
    program::print("turn the encoder\n")?;
    while let Ok(Some((position, lost))) = positions.recv() {
        program::print(format_args!("position {position}, {lost} edges lost\n"))?;
    }
    interrupt.check().map_err(Failure::of_the_run)
}
