//! QEMU's `edu` device.
//!
//! | file | holds |
//! |---|---|
//! | this one | the device for its user |
//! | `registers`, `source` | its BAR and its interrupt |
//! | `script` | what a test can make it do |
//! | `shared_model` | the model behind a lock, and the thread of what the device does by itself |
//! | `model` | what registers say and do |
//! | `output` | the wire from the model to the interrupt |

mod model;
mod output;
mod registers;
mod script;
mod shared_model;
mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;

pub use registers::EduRegisters;
pub use script::Step;
pub use source::EduSource;

use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::source::{Software, Wakeup};
use output::Output;
use shared_model::SharedModel;

/// A simulated `edu`, as QEMU has it (PCI 1234:11e8): it computes factorials and interrupts when told to.
///
/// BAR 0 is 1 MiB of registers, all of 32 bits: [`registers`](Self::registers).
///
/// | offset | register | |
/// |---|---|---|
/// | 0x00 | identification | reads 0x010000ed |
/// | 0x04 | liveness | reads the inverse of what was written |
/// | 0x08 | factorial | a write of n starts the computation, unless one is going on; afterwards reads n! modulo 2³² |
/// | 0x20 | status | bit 0: computing (read only); bit 7: raise interrupt 1 when the computation is done |
/// | 0x24 | interrupt status | the bits raised and not acknowledged |
/// | 0x60 | raise | sets the bits written in the interrupt status, and interrupts |
/// | 0x64 | acknowledge | clears the bits written in the interrupt status |
/// | 0x80, 0x88, 0x90, 0x98 | DMA source, destination, count, command | **not modelled**: they read 0 and ignore writes, so a transfer never starts |
///
/// All other registers read as all ones, also 0x60 and 0x64. So does an access of 64 bits below 0x80. An access of 8 or
/// 16 bits reads 0, because the device never sees it. All these writes are ignored.
///
/// It interrupts in one of two ways:
///
/// - a level [`line`](Self::line), asserted while the interrupt status is not 0;
/// - a [`message`](Self::message) for each raise, whether or not the bit was set already.
///
/// A clone is another handle to the same device. The device exists until the last of its handles, registers and sources
/// is dropped.
///
/// The first computation or [`play`](Self::play) starts a thread, for what the device does by itself. The last drop
/// joins the thread, unless a waker on that very thread makes the drop.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use interrupt_lock::{Registers, simulated::Edu, source::Source};
///
/// const IDENTIFICATION: usize = 0x00;
/// const FACTORIAL: usize = 0x08;
///
/// let device = Edu::new();
/// let registers = device.registers();
/// assert_eq!(registers.read32(IDENTIFICATION), 0x0100_00ed);
/// registers.write32(FACTORIAL, 5);
/// assert!(device.wait_idle(Duration::from_secs(10)));
/// assert_eq!(registers.read32(FACTORIAL), 120);
/// ```
#[derive(Clone, Debug)]
pub struct Edu(Arc<SharedModel>);

/// What to call an [`Edu`], and how fast it is: for [`Edu::with_options`].
///
/// ```
/// use std::time::Duration;
/// use interrupt_lock::simulated::{Edu, EduOptions};
///
/// let device = Edu::with_options(EduOptions {
///     compute_time: Duration::from_millis(5),
///     ..EduOptions::default()
/// });
/// # drop(device);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EduOptions {
    /// The device's name in errors. By default "simulated edu".
    pub name: Name,
    /// How long a computation takes. By default zero, which leaves only the time that the device's thread needs. A
    /// computation of [`Duration::MAX`] never ends.
    pub compute_time: Duration,
}

impl Default for EduOptions {
    fn default() -> Self {
        Self { name: Name::new("simulated edu"), compute_time: Duration::ZERO }
    }
}

impl Edu {
    /// The PCI vendor and device numbers.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::simulated::Edu::PCI_ID, (0x1234, 0x11e8));
    /// ```
    pub const PCI_ID: (u16, u16) = (0x1234, 0x11e8);

    /// Makes a device in its state after reset, with the default [options](EduOptions).
    ///
    /// ```
    /// use interrupt_lock::{Registers, simulated::Edu};
    ///
    /// const INTERRUPT_STATUS: usize = 0x24;
    /// assert_eq!(Edu::new().registers().read32(INTERRUPT_STATUS), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(EduOptions::default())
    }

    /// Makes a device in its state after reset.
    ///
    /// ```
    /// use interrupt_lock::simulated::{Edu, EduOptions};
    ///
    /// let options = EduOptions { name: "edu1".into(), ..EduOptions::default() };
    /// let device = Edu::with_options(options);
    /// let _line = device.line()?;
    /// assert!(device.message().unwrap_err().to_string().starts_with("edu1: "));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn with_options(options: EduOptions) -> Self {
        Self(Arc::new(SharedModel::new(options)))
    }

    /// Returns the registers: BAR 0.
    ///
    /// ```
    /// use interrupt_lock::{Registers, simulated::Edu};
    ///
    /// const LIVENESS: usize = 0x04;
    ///
    /// let registers = Edu::new().registers(); // these keep the device
    /// registers.write32(LIVENESS, 0x1234_5678);
    /// assert_eq!(registers.read32(LIVENESS), !0x1234_5678);
    /// ```
    #[must_use]
    pub fn registers(&self) -> EduRegisters {
        EduRegisters::new(Arc::clone(&self.0))
    }

    /// Returns the level line (INTx) as a source. If the interrupt status is not 0, the line is asserted now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] while another source has the line or the message (drop that source first), or if the device
    /// has been removed.
    ///
    /// ```
    /// use interrupt_lock::{Trigger, simulated::Edu, source::Source};
    ///
    /// let device = Edu::new();
    /// let line = device.line()?;
    /// assert_eq!(line.info().trigger, Some(Trigger::Level));
    /// assert!(device.line().is_err());
    /// drop(line);
    /// assert!(device.line().is_ok());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn line(&self) -> Result<EduSource, Error> {
        let (source, handle) = Software::level();
        self.plug(source, Output::Line(handle))
    }

    /// Returns the message (MSI) as a source: message number 0.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] while another source has the line or the message (drop that source first), or if the device
    /// has been removed.
    ///
    /// ```
    /// use interrupt_lock::{simulated::Edu, source::Source};
    ///
    /// let device = Edu::new();
    /// assert_eq!(device.message()?.info().message_number, Some(0));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn message(&self) -> Result<EduSource, Error> {
        let (source, handle) = Software::message(0);
        self.plug(source, Output::Message(handle))
    }

    /// Performs one step of a script, now and on this thread.
    ///
    /// ```
    /// use interrupt_lock::{Registers, simulated::{Edu, Step}};
    ///
    /// const INTERRUPT_STATUS: usize = 0x24;
    ///
    /// let device = Edu::new();
    /// device.perform(Step::Raise(0b10));
    /// assert_eq!(device.registers().read32(INTERRUPT_STATUS), 0b10);
    /// ```
    pub fn perform(&self, step: Step) {
        self.0.act(|model| model.perform(step));
    }

    /// Plays a script on the device's thread, and doesn't wait for it.
    ///
    /// Each step comes the given time after the step before it. The first step's time counts from now, or from the end
    /// of the script that is still playing. A late step doesn't delay the steps after it.
    ///
    /// # Panics
    ///
    /// If the device needs its thread and the system has none left.
    ///
    /// ```
    /// use std::{iter, task::Waker, time::Duration};
    /// use interrupt_lock::{simulated::{Edu, Step}, source::Source};
    ///
    /// let device = Edu::new();
    /// let mut message = device.message()?;
    /// message.connect(Waker::noop())?;
    /// device.play(iter::repeat_n((Duration::from_micros(100), Step::Raise(1)), 20));
    /// assert!(device.wait_idle(Duration::from_secs(10)));
    /// assert_eq!(message.take()?, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn play(&self, script: impl IntoIterator<Item = (Duration, Step)>) {
        let script: Vec<_> = script.into_iter().collect();
        self.0.act(|model| {
            model.enqueue(script, Instant::now());
            Wakeup::default()
        });
    }

    /// Waits until the device is idle, but no longer than `timeout`. Returns whether it is idle: it computes nothing,
    /// plays no script, and has signalled all interrupts of both.
    ///
    /// ```
    /// use std::time::Duration;
    /// use interrupt_lock::{Registers, simulated::{Edu, EduOptions}};
    ///
    /// const FACTORIAL: usize = 0x08;
    ///
    /// let device = Edu::with_options(EduOptions { compute_time: Duration::MAX, ..EduOptions::default() });
    /// assert!(device.wait_idle(Duration::ZERO));
    /// device.registers().write32(FACTORIAL, 3);
    /// assert!(!device.wait_idle(Duration::from_millis(1)));
    /// ```
    #[must_use]
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        self.0.wait_idle(timeout)
    }

    fn plug(&self, source: Software, output: Output) -> Result<EduSource, Error> {
        match self.0.with(|model| model.plug(output)) {
            Ok(()) => Ok(EduSource::new(source, Arc::clone(&self.0))),
            Err(error) => Err(Error::new(self.0.name().clone(), ErrorKind::Open(error))),
        }
    }
}

impl Default for Edu {
    fn default() -> Self {
        Self::new()
    }
}
