//! What can be asked of a chip and not be had, and lines that another program has requested.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::Duration;

use gpiocdev_uapi::v2::{LineConfig, LineFlags, LineRequest, Offsets, get_line};
use interrupt_lock::linux::{Gpio, GpioLines, GpioRequest};
use interrupt_lock::{Claim, Interrupt, NoWorkItem};

use super::sim::{Chip, LINE};
use crate::account::Failure;
use crate::rig::{ensure, until};

pub fn run() -> Result<String, Failure> {
    let chip = Chip::get().map_err(Failure::Device)?;
    let held = chip.request().line(LINE).consumer("front panel").open().map_err(Failure::of_the_device)?;
    let cases: [(&str, GpioRequest); 5] = [
        ("line 3 is in use by \"front panel\"", chip.request().line(LINE)),
        ("line 3 is in use by \"front panel\"", chip.request().line_named("BUTTON")),
        ("there is no line 8: the chip has 8, counted from 0", chip.request().line(8)),
        ("it has no line with the name \"DOOR\": `gpioinfo` lists them", chip.request().line_named("DOOR")),
        ("line 1 was named twice", chip.request().line(1).line(1)),
    ];
    let count = cases.len();
    for (why, request) in cases {
        let said = request.open().err().map(|error| format!("{error:#}"));
        let right = format!("{}: could not be set up: {why}", chip.path);
        ensure(said.as_ref() == Some(&right), || format!("{said:?} instead of {right:?}"))?;
    }
    // Caught: a line that two sources may have (`linux::in_use`). No pipe can play that: the kernel's proc tells the line.
    let again = held.0.as_fd().try_clone_to_owned().map_err(Failure::of_the_run)?;
    let said = Gpio::from_fd(again, &[LINE]).err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure(said.contains("in use already"), || format!("a second source on one request: {said:?}"))?;
    drop(held);
    given(&chip)?;
    several(&chip)?;
    Ok(format!("{count} mistakes, each refused in one sentence; lines of another's request, and several lines of one"))
}

/// Lines that other code has requested with its own options.
fn given(chip: &Chip) -> Result<(), Failure> {
    let file = File::options().read(true).write(true).open(&chip.path).map_err(Failure::of_the_device)?;
    let flags = LineFlags::INPUT | LineFlags::EDGE_RISING;
    let request = LineRequest {
        offsets: Offsets::from_slice(&[LINE]),
        num_lines: 1,
        config: LineConfig { flags, ..Default::default() },
        ..Default::default()
    };
    let theirs = get_line(&file, request).map_err(Failure::of_the_device)?;
    let driver = chip.driver(LINE);
    driver.set(false);
    let (source, lines) = Gpio::from_fd(theirs.into(), &[LINE]).map_err(Failure::of_the_device)?;
    let interrupt = counted(source, &lines)?;
    for cycle in 1..=20 {
        interrupt.enable().map_err(Failure::of_the_run)?;
        driver.pulse();
        until("an edge is served", || *interrupt.acquire_interrupt_lock() == cycle).map_err(Failure::Run)?;
        interrupt.disable().map_err(Failure::of_the_run)?;
        // Its edges stay on: these are stale.
        driver.pulse();
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt.enable().map_err(Failure::of_the_run)?;
    let stats = interrupt.stats();
    ensure(stats.stale > 0 && lines.lost() == 0, || format!("{stats}, {} lost", lines.lost()))
}

/// Several lines are one interrupt, and each event says of which line it is.
fn several(chip: &Chip) -> Result<(), Failure> {
    let drivers = [1, LINE].map(|offset| chip.driver(offset));
    drivers.iter().for_each(|driver| driver.set(false));
    // In another order than the chip's.
    let request = chip.request().line_named("BUTTON").line(1).rising();
    let (source, lines) = request.open().map_err(Failure::of_the_device)?;
    let seen: Interrupt<Vec<usize>, NoWorkItem> = Interrupt::builder(Vec::new())
        .isr({
            let lines = lines.clone();
            move |seen| {
                while let Some(event) = lines.next_event() {
                    seen.push(event.line);
                }
                Claim::Claimed
            }
        })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    seen.enable().map_err(Failure::of_the_run)?;
    for (count, line) in [0, 1, 1, 0, 1].into_iter().enumerate() {
        drivers[1 - line].set(true);
        until("an edge of the line is served", || seen.acquire_interrupt_lock().len() == count + 1)
            .map_err(Failure::Run)?;
        let last = seen.acquire_interrupt_lock().last().copied();
        let active = [lines.is_active(0), lines.is_active(1)].map(|active| active.unwrap_or_default());
        ensure(last == Some(line) && active[line] && !active[1 - line], || {
            format!("{last:?}, {active:?}, not {line}")
        })?;
        drivers[1 - line].set(false);
    }
    ensure(lines.lost() == 0, || format!("{} lost", lines.lost()))
}

fn counted(source: Gpio, lines: &GpioLines) -> Result<Interrupt<u64, NoWorkItem>, Failure> {
    let lines = lines.clone();
    Interrupt::builder(0)
        .isr(move |edges| {
            **edges += std::iter::from_fn(|| lines.next_event()).count() as u64;
            Claim::Claimed
        })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)
}
