//! A push button between a GPIO line and ground: tells how long it was held, each time it is let go.
//!
//! ```text
//! cargo run --features gpio --example button -- /dev/gpiochip0 17
//! ```
//!
//! The contact has to be still for 10 ms; a third argument says another time. Ctrl-C ends it. A failure is told in one sentence on standard error: exit status 2 if the line can't be had, 1 if the
//! chip has gone.

#[path = "support/failure.rs"]
mod failure;
#[path = "support/program.rs"]
mod program;

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use failure::Failure;
use interrupt_lock::linux::{Gpio, GpioEdge, GpioLines};
use interrupt_lock::{Claim, Error, Interrupt};

/// The interrupt data.
struct Button {
    line: GpioLines,
    pressed_at: Option<Instant>,
}

fn main() -> ExitCode {
    program::main("button", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let usage = || Failure::usage("usage: button CHIP LINE [MILLISECONDS], such as button /dev/gpiochip0 17".into());
    let words: Vec<String> = words.collect();
    let [chip, line, rest @ ..] = words.as_slice() else { return Err(usage()) };
    let line = line.parse().map_err(|_| usage())?;
    let stable = rest.first().map_or(Ok(10), |time| time.parse()).map_err(|_| usage())?;
    let stable = Duration::from_millis(stable);
    let request = Gpio::request(chip).line(line).pull_up().active_low().debounce(stable).consumer("button");
    let (source, line) = request.open().map_err(Failure::of_the_device)?;
    let (report, held) = channel();
    let gone = report.clone();
    let interrupt = Interrupt::builder(Button { line, pressed_at: None })
        .isr(move |button| {
            while let Some(event) = button.line.next_event() {
                match event.edge {
                    GpioEdge::Rising => button.pressed_at = Some(event.time),
                    GpioEdge::Falling => {
                        if let Some(pressed_at) = button.pressed_at.take() {
                            let _ = report.send(Some(event.time - pressed_at));
                        }
                    }
                }
            }
            Claim::Claimed
        })
        // A button that is held already makes no edge.
        .on_enable(|button| {
            button.pressed_at = button.line.is_active(0)?.then(Instant::now);
            Ok::<(), Error>(())
        })
        .on_removal(move |_| _ = gone.send(None))
        .source(source)
        .build()
        .map_err(Failure::of_the_device)?;
    interrupt.enable().map_err(Failure::of_the_device)?;
    program::print("press the button\n")?;
    while let Ok(Some(time)) = held.recv() {
        program::print(format_args!("held for {time:.1?}\n"))?;
    }
    interrupt.check().map_err(Failure::of_the_run)
}
