//! The simulated chip: its lines are driven by files of sysfs, and it goes and comes by a file of configfs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use interrupt_lock::linux::{Gpio, GpioLines, GpioRequest};
use interrupt_lock::source::Removal;
use interrupt_lock::test_kit::{Device, Rig};

/// What the scenario has made (`make_gpio_chip`).
const CONFIG: &str = "/sys/kernel/config/gpio-sim/lab";

/// The chip, as long as it is there.
pub struct Chip {
    pub path: String,
    lines: PathBuf,
}

impl Chip {
    /// The chip; it comes back if it was removed.
    pub fn get() -> Result<Self, String> {
        let said =
            |file: &str| fs::read_to_string(Path::new(CONFIG).join(file)).map_err(|error| format!("{file}: {error}"));
        if said("live")?.trim() != "1" {
            set_live(true);
        }
        let (device, chip) = (said("dev_name")?, said("bank/chip_name")?);
        let lines = Path::new("/sys/devices/platform").join(device.trim()).join(chip.trim());
        Ok(Self { path: format!("/dev/{}", chip.trim()), lines })
    }

    pub fn request(&self) -> GpioRequest {
        Gpio::request(&self.path)
    }

    /// What drives a line.
    pub fn driver(&self, offset: u32) -> Driver {
        let file = self.lines.join(format!("sim_gpio{offset}/pull"));
        Driver(File::options().write(true).open(file).expect("a simulated line can be driven"))
    }
}

fn set_live(live: bool) {
    fs::write(Path::new(CONFIG).join("live"), if live { "1" } else { "0" }).expect("the chip comes and goes");
}

/// What drives a line from outside: a file that takes words.
pub struct Driver(File);

impl Driver {
    pub fn set(&self, high: bool) {
        // A chip that has gone is driven by nobody.
        let _ = self.0.write_all_at(if high { b"pull-up" } else { b"pull-down" }, 0);
    }

    /// One rising edge, and one falling.
    pub fn pulse(&self) {
        self.set(true);
        self.set(false);
    }
}

/// The line that most of the tests use.
pub const LINE: u32 = 3;

/// Rising edges of a line, for the suite.
pub struct Line;

/// Its device: what drives it, and what the ISR asks.
pub struct Driven {
    driver: Driver,
    lines: GpioLines,
}

impl Rig for Line {
    type Source = Gpio;
    type Device = Driven;

    fn is_level(&self) -> bool {
        false
    }

    /// The kernel makes one event of edges that come before its thread has run.
    fn counts(&self) -> bool {
        false
    }

    /// A line that is disconnected makes no events.
    fn may_assert_unheard(&self) -> bool {
        false
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Surprise
    }

    fn set_up(&self) -> Result<(Gpio, Driven), String> {
        let chip = Chip::get()?;
        let driver = chip.driver(LINE);
        driver.set(false);
        let (source, lines) = chip.request().line(LINE).rising().open().map_err(|error| format!("{error:#}"))?;
        Ok((source, Driven { driver, lines }))
    }
}

impl Device for Driven {
    fn assert(&self) {
        self.driver.pulse();
    }

    fn acknowledge(&self) -> bool {
        std::iter::from_fn(|| self.lines.next_event()).count() > 0
    }

    fn remove(&self, how: Removal) {
        assert_eq!(how, Removal::Surprise, "a GPIO chip asks nobody");
        set_live(false);
    }
}
