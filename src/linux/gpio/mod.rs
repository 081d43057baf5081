//! Lines of a GPIO chip as a source (the kernel's character device, version 2).
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the source | I13, I15, I18, S2 |
//! | `request` | which lines, and how they are set | |
//! | `lines` | the driver's end: edges and levels | I9, I20 |
//! | `queue` | the edges between the two, and how many were lost | I3 |

mod lines;
mod queue;
mod request;

use std::{
    fmt, format,
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
    task::Waker,
    vec::Vec,
};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::{Info, Polarity, Trigger};
use crate::linux::in_use::{Identity, Sole};
use crate::name::Name;
use crate::source::{Assertions, Ready, Source};
use crate::sync::Process;
use crate::system;
use crate::system::gpio::{self, Edges, Looked, Setting};
use crate::system::{device_failed, failed, opening, refused};
use lines::Shared;
pub use lines::{GpioEdge, GpioEvent, GpioLines};
use queue::Queue;
pub use request::GpioRequest;

/// One or several lines of a GPIO chip (`/dev/gpiochip0`) as a source: for buttons, encoders, and interrupt lines of
/// devices on other buses.
///
/// Each edge is an assertion. The kernel keeps the edges until they are taken, so [`take`](Source::take) returns how
/// many there were. The ISR gets them one by one from the [`GpioLines`], each with its time and its number: see
/// [`next_event`](GpioLines::next_event). Edges for which the kernel had no more room are
/// [counted as lost](GpioLines::lost).
///
/// The lines make events only while the source is connected. A line that is active already when the interrupt is enabled
/// makes no edge: read its level in the enable callback, as the example of [`GpioLines`] does
/// ([rule I9](crate::guide::contract#i9)).
///
/// A [timed](crate::Builder::timed) interrupt measures the latency from the kernel's own time of the edge
/// ([rule S2](crate::guide::contract#s2)).
///
/// If the chip is removed, so is the interrupt ([rule I13](crate::guide::contract#i13)).
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{Claim, Interrupt, linux::Gpio};
///
/// let (source, line) = Gpio::request("/dev/gpiochip0").line(17).rising().open()?;
/// let interrupt = Interrupt::builder(0_u64)
///     .isr(move |edges| {
///         while let Some(event) = line.next_event() {
///             **edges += 1;
///             println!("edge {} at {:?}", event.number, event.time);
///         }
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[doc(alias = "gpiochip")]
pub struct Gpio {
    /// Given up before the file is closed, as that of an eventfd is.
    _sole: Option<Sole>,
    shared: Arc<Shared>,
    /// How the lines are set while they are connected. `None`: other code has requested them, and they stay as they are.
    setting: Option<Setting>,
    connected: bool,
    edges: Edges,
    timing: Option<Assertions>,
}

/// How many looks one [`take`](Source::take) makes. More edges than that come only from what is no chip of the kernel's.
const LOOKS: u32 = 4096;

impl Gpio {
    /// Begins a request for lines of the chip at this path, such as `/dev/gpiochip0`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::linux::Gpio;
    ///
    /// let (source, lines) = Gpio::request("/dev/gpiochip0").line(17).pull_up().open()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn request(chip: impl AsRef<Path>) -> GpioRequest {
        GpioRequest::new(chip.as_ref().into())
    }

    /// Takes lines that other code has requested with their edges (`GPIO_V2_GET_LINE_IOCTL`), and says which lines of
    /// the chip they are, in the order of that request.
    ///
    /// The lines stay as they are set. So they make events while the interrupt is disabled, too. These are drained
    /// before the next connection, and counted as stale. The times of the events are expected to be of
    /// `CLOCK_MONOTONIC`, which is the kernel's default.
    ///
    /// The descriptor is made non-blocking, for all that have it open, and closed on exec. Other code that reads it takes
    /// edges away from the source: they are counted as lost. A socket or a pipe is taken for lines that a test plays: it
    /// writes events as the kernel does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - it is no such request;
    /// - it is another source of this process already, perhaps by another descriptor (kernels before 6.1 don't tell);
    /// - no line is named, or more than 64.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::Write, os::unix::net::UnixStream};
    /// use interrupt_lock::{linux::{Gpio, GpioEdge}, source::Source};
    ///
    /// let (device, mut kernel) = UnixStream::pair()?;
    /// let (mut source, lines) = Gpio::from_fd(device.into(), &[17])?;
    /// source.connect(std::task::Waker::noop())?;
    ///
    /// const RISING: u32 = 1;
    /// let (nanoseconds, number) = (1_000_000_u64, 1_u32);
    /// let mut event = nanoseconds.to_ne_bytes().to_vec();
    /// for word in [RISING, 17, number, number, 0, 0, 0, 0, 0, 0] {
    ///     event.extend(word.to_ne_bytes());
    /// }
    /// kernel.write_all(&event)?;
    ///
    /// assert_eq!(source.take()?, 1);
    /// let event = lines.next_event().unwrap();
    /// assert_eq!((event.line, event.edge, event.number), (0, GpioEdge::Rising, 1));
    ///
    /// # if std::path::Path::new("/proc/self").exists() {
    /// let error = Gpio::from_fd(std::fs::File::open("/dev/null")?.into(), &[17]).unwrap_err();
    /// assert_eq!(
    ///     format!("{error:#}"),
    ///     "GPIO lines: could not be set up: the descriptor is not a request for GPIO lines but /dev/null"
    /// );
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_fd(lines: OwnedFd, offsets: &[u32]) -> Result<(Self, GpioLines), Error> {
        const NAME: Name = Name::new("GPIO lines");
        let take = || {
            if !(1..=gpio::MOST_LINES).contains(&offsets.len()) {
                return Err(refused("a request has 1 to 64 lines"));
            }
            check(&lines)?;
            system::adopt(lines.as_fd()).map_err(failed("setting it up"))?;
            Self::new(lines.into(), offsets.into(), None, gpio::MOST_EVENTS, NAME)
        };
        take().map_err(opening(NAME))
    }

    /// Makes a source of a new request, whose lines are silent.
    fn of_request(
        lines: File,
        offsets: Vec<u32>,
        setting: Setting,
        room: u32,
        name: Name,
    ) -> Result<(Self, GpioLines), SourceError> {
        system::adopt(lines.as_fd()).map_err(failed("setting the lines up"))?;
        Self::new(lines, offsets, Some(setting), room, name)
    }

    fn new(
        file: File,
        offsets: Vec<u32>,
        setting: Option<Setting>,
        room: u32,
        name: Name,
    ) -> Result<(Self, GpioLines), SourceError> {
        let in_use = || refused("it is in use already: a request is one source's at a time");
        let sole = identity(&file).map(|id| Sole::take(id).ok_or_else(in_use)).transpose()?;
        // How many events came before this is known of a new request only.
        let first = setting.map(|_| 1);
        let queue = Queue::new(2 * room as usize, gpio::now(), first);
        let shared = Arc::new(Shared { file, offsets, queue, name, process: Process::this() });
        let lines = GpioLines(shared.clone());
        Ok((Self { _sole: sole, shared, setting, connected: false, edges: Edges::new(), timing: None }, lines))
    }
}

/// Refuses a descriptor if proc says that it is no request. Without proc, the first `take` of something else fails.
fn check(lines: &OwnedFd) -> Result<(), SourceError> {
    match system::link(format!("/proc/self/fd/{}", lines.as_raw_fd())) {
        Ok(Some(target)) if target != Path::new("anon_inode:gpio-line") && !is_played(&target) => {
            Err(refused(format!("the descriptor is not a request for GPIO lines but {}", target.display())))
        }
        _ => Ok(()),
    }
}

/// Whether a test plays the lines.
fn is_played(target: &Path) -> bool {
    target.to_str().is_some_and(|target| target.starts_with("socket:") || target.starts_with("pipe:"))
}

/// Which request a descriptor is, if the kernel tells: a line belongs to one request at a time.
fn identity(lines: &File) -> Option<Identity> {
    let text = system::attribute(format!("/proc/self/fdinfo/{}", lines.as_raw_fd()))?;
    let field = |name| Some(text.lines().find_map(|line| line.strip_prefix(name))?.trim());
    let chip = field("gpio-chip:")?.strip_prefix("gpiochip")?.parse().ok()?;
    Some(Identity::GpioLine(chip, field("gpio-line:")?.parse().ok()?))
}

impl Source for Gpio {
    fn info(&self) -> Info {
        let info = Info::new().with_trigger(Trigger::Edge);
        match self.setting {
            None => info,
            Some(Setting { rising, falling, active_low, .. }) => info.with_polarity(match (rising, falling) {
                (true, true) => Polarity::Both,
                (rising, _) if rising != active_low => Polarity::ActiveHigh,
                _ => Polarity::ActiveLow,
            }),
        }
    }

    fn name(&self) -> Name {
        self.shared.name.clone()
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.shared.file.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        // What the ISR has not asked for.
        self.shared.queue.clear();
        if let Some(setting) = self.setting {
            gpio::set(&self.shared.file, setting).map_err(device_failed("switching the GPIO lines' edges on"))?;
        }
        self.connected = true;
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.connected = false;
        match self.setting {
            Some(setting) => gpio::set(&self.shared.file, setting.silent())
                .map_err(device_failed("switching the GPIO lines' edges off")),
            None => Ok(()),
        }
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let (mut taken, mut first) = (0, None);
        for _ in 0..LOOKS {
            let looked = self.edges.read(&self.shared.file).map_err(failed("reading the GPIO lines"))?;
            for edge in self.edges.iter() {
                if self.shared.line(edge.offset).is_none() {
                    return Err(refused(format!("an event is of line {}, which was not named", edge.offset)));
                }
                self.shared.queue.push(edge, self.connected);
                first = first.or(Some(edge));
                taken += 1;
            }
            match looked {
                Looked::More => {}
                Looked::All => break,
                Looked::Gone => return Err(SourceError::Removed),
            }
        }
        if let (Some(timing), Some(first)) = (&self.timing, first) {
            timing.taken(self.shared.queue.moment(first));
        }
        Ok(taken)
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.timing = Some(assertions);
    }
}

impl AsFd for Gpio {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.file.as_fd()
    }
}

impl fmt::Debug for Gpio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpio")
            .field("name", &self.shared.name)
            .field("setting", &self.setting)
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}
