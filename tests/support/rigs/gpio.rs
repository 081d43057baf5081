//! GPIO lines that a pipe plays.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::string::String;
use std::sync::Mutex;
use std::vec::Vec;

use interrupt_lock::linux::{Gpio, GpioLines};
use interrupt_lock::source::Removal;

use super::sentence;
use interrupt_lock::test_kit::{Device, Rig};

/// A GPIO line that another program has requested, played by a pipe.
pub struct GpioFake;

/// The kernel's end of a request for line 3.
pub struct GpioKernel(Mutex<Played>);

struct Played {
    end: Option<File>,
    number: u32,
}

/// An event as the kernel writes it.
pub fn gpio_event(time: u64, rising: bool, offset: u32, number: u32) -> Vec<u8> {
    let words = [if rising { 1 } else { 2 }, offset, number, number, 0, 0, 0, 0, 0, 0];
    time.to_ne_bytes().into_iter().chain(words.into_iter().flat_map(u32::to_ne_bytes)).collect()
}

impl GpioKernel {
    pub fn new() -> Result<(OwnedFd, Self), String> {
        let (lines, end) = rustix::pipe::pipe().map_err(sentence)?;
        // Nobody reads it while the interrupt is disabled under load.
        rustix::pipe::fcntl_setpipe_size(&end, 1 << 20).map_err(sentence)?;
        Ok((lines, Self(Mutex::new(Played { end: Some(end.into()), number: 0 }))))
    }

    /// Leaves out some numbers, as the kernel does where its buffer is full.
    pub fn lose(&self, events: u32) {
        self.0.lock().unwrap().number += events;
    }

    pub fn edge(&self, rising: bool) {
        let mut played = self.0.lock().unwrap();
        played.number += 1;
        let event = gpio_event(0, rising, 3, played.number);
        // Nobody reads it where the source has gone.
        let _ = played.end.as_mut().map(|end| end.write_all(&event));
    }
}

impl Rig for GpioFake {
    type Source = Gpio;
    type Device = GpioDevice;

    fn is_level(&self) -> bool {
        false
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Surprise
    }

    fn set_up(&self) -> Result<(Gpio, GpioDevice), String> {
        let (lines, kernel) = GpioKernel::new()?;
        let (source, lines) = Gpio::from_fd(lines, &[3]).map_err(sentence)?;
        Ok((source, GpioDevice(kernel, lines)))
    }
}

/// The kernel's end, and the driver's.
pub struct GpioDevice(GpioKernel, GpioLines);

impl Device for GpioDevice {
    fn assert(&self) {
        self.0.edge(true);
    }

    fn acknowledge(&self) -> bool {
        std::iter::from_fn(|| self.1.next_event()).count() > 0
    }

    fn remove(&self, how: Removal) {
        assert_eq!(how, Removal::Surprise, "a GPIO chip asks nobody");
        self.0.0.lock().unwrap().end = None;
    }
}
