//! Every call of the system that an interrupt's life needs, refused at every use and with every number: the campaign of
//! rule I19, on sources that need no device. `tests/support/campaign.rs` says what has to hold. (The lab runs it on real UIO
//! and VFIO devices.) Compiled for `--cfg refused_calls` alone.
#![cfg(all(refused_calls, target_os = "linux", feature = "std", not(loom)))]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use interrupt_lock::linux::{Eventfd, EventfdSignaller, Gpio, Timer, Uio};
use interrupt_lock::{Dispatcher, Error};
use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
use support::campaign::{Campaign, Unit, software, unit};
use support::rigs::GpioKernel;
use support::watchdog;

fn eventfd(dispatcher: Option<&Dispatcher>) -> Result<Unit, Error> {
    let eventfd = Eventfd::new()?;
    let device: EventfdSignaller = eventfd.signaller();
    // The device makes calls of its own, which nobody refuses.
    let signal = move || _ = rustix::io::write(&device, &1_u64.to_ne_bytes()).unwrap();
    unit("eventfd", eventfd, signal, |assertions| assertions, dispatcher)
}

fn timer() -> Result<Unit, Error> {
    let (source, handle) = Timer::new()?;
    handle.stop()?;
    let device = std::os::fd::AsFd::as_fd(&source).try_clone_to_owned().unwrap();
    let soon =
        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec: 0, tv_nsec: 1 } };
    let signal = move || _ = timerfd_settime(&device, TimerfdTimerFlags::empty(), &soon).unwrap();
    unit("timer", source, signal, |assertions| assertions, None)
}

/// A pipe plays the lines.
fn gpio() -> Result<Unit, Error> {
    let (lines, kernel) = GpioKernel::new().unwrap();
    let (source, lines) = Gpio::from_fd(lines, &[3])?;
    let edges = move |_| std::iter::from_fn(|| lines.next_event()).count() as u64;
    unit("gpio", source, move || kernel.edge(true), edges, None)
}

/// A socket plays the UIO device, and a file in memory its configuration space, if it is unmasked there.
fn uio(config: Option<File>) -> Result<Unit, Error> {
    let (device, kernel) = UnixStream::pair().unwrap();
    kernel.set_nonblocking(true).unwrap();
    let (name, source) = match config {
        Some(config) => ("uio-pci", Uio::from_fds(device.into(), config.into())?),
        None => ("uio", Uio::from_fd(device.into())?),
    };
    let count = AtomicU32::new(0);
    let signal = move || {
        let _ = (&kernel).read(&mut [0; 64]);
        (&kernel).write_all(&(count.fetch_add(1, SeqCst) + 1).to_ne_bytes()).unwrap();
    };
    unit(name, source, signal, |assertions| assertions, None)
}

fn config() -> File {
    let file = File::from(rustix::fs::memfd_create("config", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all_at(&[0; 64], 0).unwrap();
    file
}

// Caught, most of it on the lab's devices: a refused `fcntl` that is taken for a removal; a refused `readlink` that is taken
// for a device without a group, or of another driver; an error that does not name its call.
#[test]
fn i19_every_call_refused_at_every_use() {
    watchdog(|| {
        let build = || {
            let dispatcher = Dispatcher::new()?;
            let shared = Some(&dispatcher);
            Ok(vec![
                eventfd(shared)?,
                software(shared)?,
                eventfd(None)?,
                software(None)?,
                uio(None)?,
                uio(Some(config()))?,
                timer()?,
                gpio()?,
            ])
        };
        let lives = Campaign { build: &build }.run();
        println!("{lives} lives");
    });
}
