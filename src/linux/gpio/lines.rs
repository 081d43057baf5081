//! The driver's end of requested lines.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;
use std::vec::Vec;

use crate::error::{Error, ErrorKind};
use crate::linux::gpio::queue::Queue;
use crate::name::Name;
use crate::sync::Process;
use crate::system::device_failed;
use crate::system::gpio;

/// What the source and its handles share.
pub(super) struct Shared {
    pub(super) file: File,
    /// Which lines of the chip, in the order of the request.
    pub(super) offsets: Vec<u32>,
    pub(super) queue: Queue,
    pub(super) name: Name,
    pub(super) process: Process,
}

/// The lines of a [`Gpio`](super::Gpio) source, for the ISR: the edges, and whether a line is active now.
///
/// Keep it in the interrupt data, where the ISR and the enable callback reach it. All methods may be called from any
/// thread, and from an ISR.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{Claim, Interrupt, linux::{Gpio, GpioEdge, GpioLines}};
///
/// struct Button { line: GpioLines, is_pressed: bool, presses: u64 }
///
/// let (source, line) = Gpio::request("/dev/gpiochip0").line(17).pull_up().active_low().open()?;
/// let interrupt = Interrupt::builder(Button { line, is_pressed: false, presses: 0 })
///     .isr(|button| {
///         while let Some(event) = button.line.next_event() {
///             button.is_pressed = event.edge == GpioEdge::Rising;
///             button.presses += u64::from(button.is_pressed);
///         }
///         Claim::Claimed
///     })
///     .on_enable(|button| { // a button that is held down already makes no edge
///         button.is_pressed = button.line.is_active(0)?;
///         Ok::<(), interrupt_lock::Error>(())
///     })
///     .source(source)
///     .build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct GpioLines(pub(super) Arc<Shared>);

impl GpioLines {
    /// Returns the oldest edge that has been taken and that no call has returned yet. Returns `None` if there is none.
    ///
    /// An ISR calls it until it returns `None`: an ISR run may serve several edges. It makes no system call and does not
    /// allocate. Edges from before the last [connection](crate::source::Source::connect) are never returned: they are
    /// stale.
    ///
    /// It keeps twice as many edges as the request's [buffer](super::GpioRequest::buffer) has room for. If more arrive
    /// before the ISR asks (while the interrupt is inactive, for example), the oldest are forgotten:
    /// [`missed`](Self::missed) counts them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_, lines) = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).open()?;
    /// while let Some(event) = lines.next_event() {
    ///     println!("line {} {:?} at {:?}", event.line, event.edge, event.time);
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn next_event(&self) -> Option<GpioEvent> {
        if !self.0.process.is_this() {
            return None; // another thread of the parent may have been inside the queue
        }
        let edge = self.0.queue.pop()?;
        Some(GpioEvent {
            // The source has looked it up already.
            line: self.0.line(edge.offset).unwrap_or(0),
            edge: if edge.rising { GpioEdge::Rising } else { GpioEdge::Falling },
            time: self.0.queue.moment(edge),
            number: edge.number,
        })
    }

    /// Returns how many edges have been lost since the request: no ISR was told of them.
    ///
    /// The kernel numbers the edges, and drops the oldest when its buffer is full. So a lost edge is noticed at the next
    /// one. It is not among the [assertions](crate::IsrContext::assertions) of any ISR run.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_, lines) = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).open()?;
    /// if lines.lost() > 0 {
    ///     eprintln!("{} edges lost: use a larger buffer", lines.lost());
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn lost(&self) -> u64 {
        if self.0.process.is_this() { self.0.queue.lost() } else { 0 }
    }

    /// Returns how many edges have been forgotten since the request, because the ISR did not ask for them in time. They
    /// were among the [assertions](crate::IsrContext::assertions). For a driver that only counts assertions, and asks for
    /// no edges, this means nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_, lines) = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).open()?;
    /// assert_eq!(lines.missed(), 0, "the ISR asks for all edges");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn missed(&self) -> u64 {
        if self.0.process.is_this() { self.0.queue.missed() } else { 0 }
    }

    /// Returns whether a line is active at this moment: high, or low if it was requested as active-low. `line` counts
    /// the lines in the order in which they were requested, from 0.
    ///
    /// While the interrupt is enabled, the level is debounced as the edges are. It does not wait.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Removed`] if the chip is gone.
    /// - [`ErrorKind::Source`] if the system refuses.
    /// - [`ErrorKind::Forked`] in a forked child.
    ///
    /// # Panics
    ///
    /// If there are not so many lines.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_, lines) = interrupt_lock::linux::Gpio::request("/dev/gpiochip0").line(17).line(27).open()?;
    /// let both = lines.is_active(0)? && lines.is_active(1)?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn is_active(&self, line: usize) -> Result<bool, Error> {
        let count = self.0.offsets.len();
        assert!(line < count, "{}: there is no line {line}: {count} were requested", self.0.name);
        let error = |kind| Error::new(self.0.name.clone(), kind);
        if !self.0.process.is_this() {
            return Err(error(ErrorKind::Forked));
        }
        let active = gpio::active(&self.0.file, count).map_err(device_failed("reading the GPIO lines"));
        let active = active.map_err(|why| match why {
            crate::cause::SourceError::Removed => error(ErrorKind::Removed),
            why => error(ErrorKind::Source(why)),
        })?;
        Ok(active >> line & 1 != 0)
    }
}

impl Shared {
    /// Which line of the request that line of the chip is.
    pub(super) fn line(&self, offset: u32) -> Option<usize> {
        self.offsets.iter().position(|&requested| requested == offset)
    }
}

impl fmt::Debug for GpioLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpioLines").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// An edge of a GPIO line, as the kernel tells of it: from [`GpioLines::next_event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GpioEvent {
    /// Which line, in the order in which they were requested, from 0.
    pub line: usize,
    /// Whether the line became active or inactive.
    pub edge: GpioEdge,
    /// When the kernel saw the edge: the time of its interrupt. For a debounced line it is the end of the debouncing.
    pub time: Instant,
    /// The number of this edge among all edges of the request. The kernel counts them from 1, in 32 bits. A gap means
    /// that edges were [lost](GpioLines::lost).
    pub number: u32,
}

/// Which way a line has changed: part of a [`GpioEvent`].
///
/// ```
/// use interrupt_lock::linux::GpioEdge;
///
/// assert_ne!(GpioEdge::Rising, GpioEdge::Falling);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GpioEdge {
    /// It became active: high, or low if it was requested as active-low.
    Rising,
    /// It became inactive.
    Falling,
}
