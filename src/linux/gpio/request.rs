//! A request for lines of a chip.

use std::fs::File;
use std::path::PathBuf;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;
use std::{borrow::ToOwned, format};

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::linux::gpio::Gpio;
use crate::linux::gpio::lines::GpioLines;
use crate::name::Name;
use crate::system;
use crate::system::gpio::{self, Bias, Setting};
use crate::system::{Open, device_failed, failed, opening, refused};

/// A request for one or several lines of a GPIO chip, from [`Gpio::request`]: which lines, and how they are set.
///
/// Without further options, a line makes an event at both edges, its bias is left as it is, active means high, and
/// nothing is debounced. The options hold for all lines of the request.
///
/// # Examples
///
/// A button between the line and ground, by the name that the board's device tree gives the line:
///
/// ```no_run
/// use std::time::Duration;
/// use interrupt_lock::linux::Gpio;
///
/// let (source, line) = Gpio::request("/dev/gpiochip0")
///     .line_named("BUTTON")
///     .pull_up()
///     .active_low()
///     .debounce(Duration::from_millis(5))
///     .open()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until `open`"]
pub struct GpioRequest {
    chip: PathBuf,
    lines: Vec<Which>,
    setting: Setting,
    debounce: Option<Duration>,
    buffer: u32,
    consumer: String,
}

#[derive(Clone, Debug)]
enum Which {
    Offset(u32),
    Named(String),
}

const NO_CHIP: &str = "it is not a GPIO chip: those are /dev/gpiochip0 and so on";

/// How many edges the kernel keeps, if the driver does not say.
const BUFFER: u32 = 64;

impl GpioRequest {
    pub(super) fn new(chip: PathBuf) -> Self {
        Self {
            chip,
            lines: Vec::new(),
            setting: Setting::default(),
            debounce: None,
            buffer: BUFFER,
            consumer: "interrupt-lock".to_owned(),
        }
    }

    /// Adds the line with this number on the chip (its *offset*).
    ///
    /// Several lines make one interrupt, whose events come in one order: for a quadrature encoder, or a keypad.
    ///
    /// ```no_run
    /// let encoder = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).line(27).open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn line(mut self, offset: u32) -> Self {
        self.lines.push(Which::Offset(offset));
        self
    }

    /// Adds the line that the chip knows by this name.
    ///
    /// ```no_run
    /// let button = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line_named("BUTTON").open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn line_named(mut self, name: &str) -> Self {
        self.lines.push(Which::Named(name.to_owned()));
        self
    }

    /// Has only rising edges make events: those at which a line becomes active. (Together with
    /// [`falling`](Self::falling) it is as without both.)
    ///
    /// ```no_run
    /// let ready = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(4).rising().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn rising(mut self) -> Self {
        self.setting.rising = true;
        self
    }

    /// Has only falling edges make events: those at which a line becomes inactive.
    ///
    /// ```no_run
    /// let done = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(4).falling().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn falling(mut self) -> Self {
        self.setting.falling = true;
        self
    }

    /// Takes low as active. Rising edges are then those from high to low.
    ///
    /// ```no_run
    /// let irq_n = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(4).active_low().rising().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn active_low(mut self) -> Self {
        self.setting.active_low = true;
        self
    }

    /// Has the chip pull the lines up. Chips that can't, leave them as they are, and the kernel does not tell.
    ///
    /// ```no_run
    /// let button = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).pull_up().active_low().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn pull_up(mut self) -> Self {
        self.setting.bias = Some(Bias::Up);
        self
    }

    /// Has the chip pull the lines down, as for [`pull_up`](Self::pull_up).
    ///
    /// ```no_run
    /// let button = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).pull_down().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn pull_down(mut self) -> Self {
        self.setting.bias = Some(Bias::Down);
        self
    }

    /// Has the chip pull the lines neither up nor down, as for [`pull_up`](Self::pull_up).
    ///
    /// ```no_run
    /// let driven = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).no_bias().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn no_bias(mut self) -> Self {
        self.setting.bias = Some(Bias::Nothing);
        self
    }

    /// Has a line make an event only when its level has been the same for this time: for contacts, which bounce. The
    /// kernel rounds it to microseconds, and takes at most 71 minutes.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use interrupt_lock::linux::Gpio;
    /// let button = Gpio::request("/dev/gpiochip0").line(17).debounce(Duration::from_millis(5)).open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn debounce(mut self, stable: Duration) -> Self {
        self.debounce = Some(stable);
        self
    }

    /// Says how many edges the kernel keeps until the interrupt is served. If more arrive meanwhile, the oldest are
    /// [lost](GpioLines::lost). The default is 64. The kernel may keep some more, and at most 1,024.
    ///
    /// ```no_run
    /// let fast = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).buffer(1024).open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn buffer(mut self, edges: u32) -> Self {
        self.buffer = edges;
        self
    }

    /// Says who has the lines, for an operator who looks (`gpioinfo`). At most 31 bytes. The default is
    /// "interrupt-lock".
    ///
    /// ```no_run
    /// let button = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).consumer("front panel").open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn consumer(mut self, name: &str) -> Self {
        self.consumer = name.to_owned();
        self
    }

    /// Requests the lines from the kernel: the source for the interrupt, and the lines for its ISR. Nothing else can
    /// use the lines until both are dropped.
    ///
    /// The lines make no events until the interrupt is enabled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - there is no such chip, or permission is lacking;
    /// - no line was named, or one twice, or one that the chip does not have, or more than 64;
    /// - somebody else has a line: the error says who;
    /// - a line can't interrupt;
    /// - an option can't be: a buffer of more than 1,024 edges, for example;
    /// - the kernel is older than 5.10.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::linux::Gpio;
    ///
    /// let error = Gpio::request("/dev/null").line(17).open().unwrap_err();
    /// assert_eq!(
    ///     format!("{error:#}"),
    ///     "/dev/null: could not be set up: it is not a GPIO chip: those are /dev/gpiochip0 and so on"
    /// );
    /// ```
    pub fn open(self) -> Result<(Gpio, GpioLines), Error> {
        let name = self.chip.display().to_string();
        if self.debounce == Some(Duration::ZERO) {
            return Err(Error::new(name.into(), ErrorKind::NoTime { option: "debounce" }));
        }
        self.open_chip().map_err(opening(name))
    }

    fn open_chip(mut self) -> Result<(Gpio, GpioLines), SourceError> {
        self.check()?;
        let chip = self.chip()?;
        let offsets = self.offsets(&chip)?;
        if !(self.setting.rising || self.setting.falling) {
            (self.setting.rising, self.setting.falling) = (true, true);
        }
        // With its edges, so that a line that can't interrupt is refused here.
        let requested = gpio::request(&chip, &offsets, &self.consumer, self.setting, self.buffer);
        let lines = requested.map_err(|failure| {
            let user = offsets.iter().filter(|_| failure.is_busy()).find_map(|&offset| {
                let line = gpio::line(&chip, offset).ok().filter(|line| !line.consumer.is_empty())?;
                Some(refused(format!("line {offset} is in use by \"{}\"", line.consumer)))
            });
            user.unwrap_or_else(|| match failure.has_no_interrupt() {
                true => failed("requesting its lines, of which one has no interrupt")(failure),
                false => device_failed("requesting its lines")(failure),
            })
        })?;
        gpio::set(&lines, self.setting.silent()).map_err(device_failed("switching their edges off"))?;
        Gpio::of_request(lines, offsets, self.setting, self.buffer, self.name())
    }

    fn check(&mut self) -> Result<(), SourceError> {
        match self.lines.len() {
            0 => return Err(refused("no line was named: use `line` or `line_named`")),
            1..=gpio::MOST_LINES => {}
            _ => return Err(refused("one request has at most 64 lines")),
        }
        if !(1..=gpio::MOST_EVENTS).contains(&self.buffer) {
            return Err(refused("`buffer` must be from 1 to 1,024 edges, which is what the kernel keeps"));
        }
        if self.consumer.len() >= gpio::CONSUMER || self.consumer.contains('\0') {
            return Err(refused("`consumer` must be at most 31 bytes, without a NUL"));
        }
        if let Some(stable) = self.debounce {
            let debounce = u32::try_from(stable.as_micros());
            self.setting.debounce = debounce.map_err(|_| refused("`debounce` must be less than 71 minutes"))?.max(1);
        }
        Ok(())
    }

    fn chip(&self) -> Result<File, SourceError> {
        let numbers = system::character_device_at(&self.chip).map_err(failed("looking it up"))?;
        let (major, minor) = numbers.ok_or_else(|| refused(NO_CHIP))?;
        // Before it is opened, because that may set another device going. Without sysfs the chip itself tells.
        let kind = system::link_name(format!("/sys/dev/char/{major}:{minor}/subsystem"));
        if kind.map_err(failed("asking what kind of device it is"))?.is_some_and(|kind| kind != "gpio") {
            return Err(refused(NO_CHIP));
        }
        let chip = system::open(&self.chip, Open::Plain);
        let chip = chip.map_err(failed("opening it, which needs permission to read and write"))?;
        Ok(chip.into())
    }

    /// The chip's numbers of the lines.
    fn offsets(&self, chip: &File) -> Result<Vec<u32>, SourceError> {
        let count = gpio::lines(chip).map_err(|failure| match failure.is_unknown_request() {
            true => refused(NO_CHIP),
            false => device_failed("asking for its lines")(failure),
        })?;
        let line = |offset| {
            gpio::line(chip, offset).map_err(|failure| match failure.is_unknown_request() {
                true => failed("asking for a line, which needs Linux 5.10")(failure),
                false => device_failed("asking for a line")(failure),
            })
        };
        let mut offsets = Vec::with_capacity(self.lines.len());
        for which in &self.lines {
            let offset = match which {
                &Which::Offset(offset) if offset < count => offset,
                Which::Offset(offset) => {
                    return Err(refused(format!("there is no line {offset}: the chip has {count}, counted from 0")));
                }
                Which::Named(name) => {
                    let named = (0..count).find_map(|offset| match line(offset) {
                        Ok(line) => (line.name == *name).then_some(Ok(offset)),
                        Err(error) => Some(Err(error)),
                    });
                    let none = || refused(format!("it has no line with the name {name:?}: `gpioinfo` lists them"));
                    named.ok_or_else(none)??
                }
            };
            if offsets.contains(&offset) {
                return Err(refused(format!("line {offset} was named twice")));
            }
            offsets.push(offset);
        }
        Ok(offsets)
    }

    /// The interrupt's name: the chip, and its lines as the driver named them.
    fn name(&self) -> Name {
        let lines: Vec<_> = self.lines.iter().map(Which::to_string).collect();
        format!("{}[{}]", self.chip.display(), lines.join(",")).into()
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}
