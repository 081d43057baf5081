//! Lines of GPIO chips: version 2 of the kernel's character device.

use std::fs::File;
use std::os::fd::AsFd;
use std::string::String;
use std::time::Instant;

use gpiocdev_uapi::v2 as uapi;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use crate::system::call::{Call, Failure, call};
use crate::system::descriptors::{Found, read_unblocked};

/// How many lines one request may have.
pub(crate) const MOST_LINES: usize = 64;
/// How many events the kernel keeps at most for a request. It takes a larger number for this one.
pub(crate) const MOST_EVENTS: u32 = 1024;
/// How many bytes the name of a consumer may have, with its NUL.
pub(crate) const CONSUMER: usize = 32;

/// How the lines of a request are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) rising: bool,
    pub(crate) falling: bool,
    pub(crate) active_low: bool,
    pub(crate) bias: Option<Bias>,
    /// In microseconds. 0 stands for none.
    pub(crate) debounce: u32,
}

/// What holds a line that nothing drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Up,
    Down,
    Nothing,
}

impl Setting {
    /// The same lines without edges. A debouncer would go on watching them.
    pub(crate) fn silent(self) -> Self {
        Self { rising: false, falling: false, debounce: 0, ..self }
    }

    fn config(self) -> uapi::LineConfig {
        let bias = self.bias.map(|bias| match bias {
            Bias::Up => uapi::LineFlags::BIAS_PULL_UP,
            Bias::Down => uapi::LineFlags::BIAS_PULL_DOWN,
            Bias::Nothing => uapi::LineFlags::BIAS_DISABLED,
        });
        let mut flags = uapi::LineFlags::INPUT | bias.unwrap_or_default();
        flags.set(uapi::LineFlags::EDGE_RISING, self.rising);
        flags.set(uapi::LineFlags::EDGE_FALLING, self.falling);
        flags.set(uapi::LineFlags::ACTIVE_LOW, self.active_low);
        let mut config = uapi::LineConfig { flags, ..Default::default() };
        if self.debounce != 0 {
            config.add_debounce(self.debounce, u64::MAX);
        }
        config
    }
}

fn ioctl<R>(mut make: impl FnMut() -> uapi::Result<R>) -> Result<R, Failure> {
    call(Call::Ioctl, || {
        make().map_err(|error| match error {
            uapi::Error::Os(errno) => Errno::from_raw_os_error(errno.0),
            uapi::Error::UnderRead(_) => Errno::IO,
        })
    })
}

impl Failure {
    /// Whether the file knows no such request: it is another kind of device, or an older kernel's.
    pub(crate) fn is_unknown_request(self) -> bool {
        matches!(self.errno, Errno::NOTTY | Errno::INVAL)
    }

    /// Whether another has the line.
    pub(crate) fn is_busy(self) -> bool {
        self.errno == Errno::BUSY
    }

    /// Whether a line can't interrupt: the kernel finds no interrupt for it.
    pub(crate) fn has_no_interrupt(self) -> bool {
        self.errno == Errno::NXIO
    }
}

/// Returns how many lines the chip has.
pub(crate) fn lines(chip: &File) -> Result<u32, Failure> {
    ioctl(|| uapi::get_chip_info(chip)).map(|info| info.num_lines)
}

/// What is known of a line.
pub(crate) struct Line {
    pub(crate) name: String,
    /// Who has it.
    pub(crate) consumer: String,
}

/// Returns what is known of a line. Kernels before 5.10 have no version 2, and don't know this request.
pub(crate) fn line(chip: &File, offset: u32) -> Result<Line, Failure> {
    let info = ioctl(|| uapi::get_line_info(chip, offset))?;
    Ok(Line { name: String::from(&info.name), consumer: String::from(&info.consumer) })
}

/// Requests lines of a chip. The kernel gives each line to one request at a time.
pub(crate) fn request(
    chip: &File,
    offsets: &[u32],
    consumer: &str,
    setting: Setting,
    events: u32,
) -> Result<File, Failure> {
    let request = uapi::LineRequest {
        offsets: uapi::Offsets::from_slice(offsets),
        consumer: consumer.into(),
        config: setting.config(),
        num_lines: offsets.len() as u32,
        event_buffer_size: events,
        ..Default::default()
    };
    ioctl(|| uapi::get_line(chip, request.clone()))
}

/// Sets the lines of a request anew. What they have signalled stays to be read.
pub(crate) fn set(lines: &File, setting: Setting) -> Result<(), Failure> {
    ioctl(|| uapi::set_line_config(lines, setting.config()))
}

/// Returns which of the first `count` lines of a request are active: bit n for the n-th.
pub(crate) fn active(lines: &File, count: usize) -> Result<u64, Failure> {
    let mut values = uapi::LineValues { bits: 0, mask: u64::MAX >> (MOST_LINES - count.clamp(1, MOST_LINES)) };
    ioctl(|| uapi::get_line_values(lines, &mut values))?;
    Ok(values.bits)
}

/// Returns one moment, as Rust has it and in the nanoseconds of the events.
pub(crate) fn now() -> (Instant, u64) {
    let time = || {
        let time = clock_gettime(ClockId::Monotonic);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
    };
    // The thread may be interrupted between the clocks. Of some tries the shortest is the most exact.
    let tries = (0..8).map(|_| {
        let (before, instant, after) = (time(), Instant::now(), time());
        (after - before, instant, before + (after - before) / 2)
    });
    let (_, instant, time) = tries.min_by_key(|(took, ..)| *took).unwrap_or_else(|| (0, Instant::now(), time()));
    (instant, time)
}

/// One edge of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// In nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) time: u64,
    pub(crate) rising: bool,
    /// Which line of the chip.
    pub(crate) offset: u32,
    /// Which edge of the request, counted from 1.
    pub(crate) number: u32,
}

/// The size of an event, as the kernel writes it.
const EVENT: usize = size_of::<uapi::LineEdgeEvent>();

/// Room for the edges that one look finds.
pub(crate) struct Edges {
    bytes: [u8; 16 * EVENT],
    read: usize,
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// Some edges, and perhaps there are more.
    More,
    /// All edges that were there.
    All,
    /// The chip has gone.
    Gone,
}

impl Edges {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; 16 * EVENT], read: 0 }
    }

    /// Reads edges. Never waits.
    pub(crate) fn read(&mut self, lines: &File) -> Result<Looked, Failure> {
        self.read = 0;
        match read_unblocked(lines.as_fd(), &mut self.bytes) {
            Ok(Found::Nothing) => Ok(Looked::All),
            // Of the read itself only, as with UIO. A socket that plays the lines ends.
            Ok(Found::Bytes(0)) | Err(Failure { call: Call::Read, errno: Errno::NODEV }) => Ok(Looked::Gone),
            Ok(Found::Bytes(bytes)) if bytes % EVENT == 0 => {
                self.read = bytes;
                Ok(if bytes == self.bytes.len() { Looked::More } else { Looked::All })
            }
            Ok(Found::Bytes(_)) => Err(Failure::new(Call::Read, Errno::INVAL)),
            Err(failure) => Err(failure),
        }
    }

    /// The edges of the last look.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Edge> + '_ {
        self.bytes[..self.read].chunks_exact(EVENT).map(|event| {
            let word = |at: usize| u32::from_ne_bytes([event[at], event[at + 1], event[at + 2], event[at + 3]]);
            let mut time = [0; 8];
            time.copy_from_slice(&event[..8]);
            Edge {
                time: u64::from_ne_bytes(time),
                rising: word(8) == uapi::LineEdgeEventKind::RisingEdge as u32,
                offset: word(12),
                number: word(16),
            }
        })
    }
}
