//! A UIO device as a source.
//!
//! | file | holds |
//! |---|---|
//! | this one | the source |
//! | `sysfs_entry` | what sysfs says of the device |
//! | `exclusive` | a device belongs to one source at a time |

mod exclusive;
mod sysfs_entry;

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    string::ToString,
    task::Waker,
};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::{Info, Trigger};
use crate::linux::MappedRegisters;
use crate::linux::pci::ConfigSpace;
use crate::linux::uio::exclusive::Exclusive;
use crate::linux::uio::sysfs_entry::SysfsEntry;
use crate::source::{Ready, Source};
use crate::system;
use crate::system::uio::{self, Counted, Uncontrolled};
use crate::system::{Open, device_failed, failed, opening, refused};

/// The interrupt of a UIO device (`/dev/uio0`) as a source, and the device's registers.
///
/// The kernel's driver of the device decides how its line is masked:
///
/// - a driver that takes a write to unmask the line: a [level](Trigger::Level) source;
/// - `uio_pci_generic`, which masks the line by bit 10 of the PCI command register: a level source, too;
/// - any other driver serves its interrupts in the kernel: its events are [edges](Trigger::Edge).
///
/// The kernel counts a device's interrupts in 32 bits. [`take`](Source::take) returns how many there were since the
/// last call, also when that count wraps.
///
/// A device belongs to one source at a time, in all programs that use this crate: its file is locked (`flock`) as long
/// as the source lives. The lock does not stop a program that reads the device without asking for it. Such a program
/// gets every interrupt too, and must not unmask the line.
///
/// Needs read and write permission on the device and, for `uio_pci_generic`, on the `config` file of the PCI device.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{Registers, linux::Uio, source::Source};
///
/// const INTERRUPT_STATUS: usize = 0x24;
/// const ACKNOWLEDGE: usize = 0x64;
///
/// let mut source = Uio::open("/dev/uio0")?;
/// let registers = source.registers(0)?;
/// source.connect(std::task::Waker::noop())?;
/// // … wait until its descriptor is readable, then:
/// if source.take()? > 0 {
///     let status = registers.read32(INTERRUPT_STATUS);
///     registers.write32(ACKNOWLEDGE, status); // the device lets go of its line
///     source.unmask()?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Uio {
    device: Exclusive,
    masking: Masking,
    /// The kernel's count at the last read.
    seen: Option<u32>,
    entry: Option<SysfsEntry>,
    /// The UIO device is gone. Another driver may have the PCI device by now, so its configuration space is left alone.
    gone: bool,
}

/// How many counts one [`take`](Source::take) reads of what is no device of the kernel's.
const LOOKS: u32 = 4096;

/// How the line is masked and unmasked.
#[derive(Debug)]
enum Masking {
    /// By writing 0 or 1 to the device.
    Write,
    /// By a bit in the PCI command register.
    CommandRegister(ConfigSpace),
    /// Not at all: the kernel's driver serves the device.
    Never,
}

impl Uio {
    /// Opens a UIO device. A line that is masked by a write is masked from here on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - there is no such device, it is no UIO device, or it has no interrupt;
    /// - permission is lacking;
    /// - another source has the device, in this program or in another.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::linux::Uio;
    ///
    /// let error = Uio::open("/dev/null").unwrap_err();
    /// assert_eq!(format!("{error:#}"), "/dev/null: could not be set up: it is not a UIO device");
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::open_path(path).map_err(opening(path.display().to_string()))
    }

    fn open_path(path: &Path) -> Result<Self, SourceError> {
        let device = system::character_device_at(path).map_err(failed("looking it up"))?;
        let entry = device.map(SysfsEntry::of).transpose()?.flatten();
        let entry = entry.ok_or_else(|| refused("it is not a UIO device"))?;
        // Read before the device is opened, so that an interrupt in between is counted twice rather than not at all.
        let seen = entry.count();
        let device = system::open(path, Open::NonBlocking).map_err(failed("opening it"))?;
        Self::with_entry(Exclusive::take(device)?, entry, seen)
    }

    /// Takes a UIO device that other code opened for reading and writing, and finds the rest in sysfs.
    ///
    /// The descriptor is made non-blocking and closed on exec. Another program that has inherited the descriptor shares the
    /// device's lock, so its source is not noticed. A descriptor that is no device at all, such as a socket, is taken for a
    /// device that is unmasked by a write. So a test can play the device.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] as for [`open`](Self::open).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::{Read, Write}, os::unix::net::UnixStream};
    /// use interrupt_lock::{linux::Uio, source::Source};
    ///
    /// let (device, mut kernel) = UnixStream::pair()?;
    /// let mut source = Uio::from_fd(device.into())?;
    ///
    /// source.connect(std::task::Waker::noop())?;
    /// let mut written = [0; 4];
    /// kernel.read_exact(&mut written)?;
    /// assert_eq!(u32::from_ne_bytes(written), 1); // unmasked
    ///
    /// kernel.write_all(&41_u32.to_ne_bytes())?;
    /// assert_eq!(source.take()?, 1); // the interrupts before it are not ours
    /// kernel.write_all(&44_u32.to_ne_bytes())?;
    /// assert_eq!(source.take()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_fd(device: OwnedFd) -> Result<Self, Error> {
        let take = |device: OwnedFd| {
            let device = Exclusive::take(device)?;
            system::adopt(device.as_fd()).map_err(failed("setting it up"))?;
            let numbers = system::character_device(&device).map_err(failed("looking it up"))?;
            match numbers.map(SysfsEntry::of).transpose()?.flatten() {
                // How much of the count is older can't be known any more.
                Some(entry) => Self::with_entry(device, entry, None),
                None => Ok(Self::with_masking(device, Masking::Write)),
            }
        };
        take(device).map_err(opening("UIO device"))
    }

    /// Takes a UIO device and the PCI configuration space through which it is unmasked (`config` in sysfs). For
    /// programs that can't open sysfs themselves.
    ///
    /// Other code has opened both for reading and writing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if another source has the device, or the descriptors can't be made non-blocking and closed
    /// on exec.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::linux::Uio;
    ///
    /// let open = |path| std::fs::File::options().read(true).write(true).open(path);
    /// let device = open("/dev/uio0")?;
    /// let config = open("/sys/class/uio/uio0/device/config")?;
    /// let source = Uio::from_fds(device.into(), config.into())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_fds(device: OwnedFd, config: OwnedFd) -> Result<Self, Error> {
        let take = |device| {
            let device = Exclusive::take(device)?;
            let adopted = system::adopt(device.as_fd()).and_then(|()| system::adopt(config.as_fd()));
            adopted.map(|()| device).map_err(failed("setting it up"))
        };
        let device = take(device).map_err(opening("UIO device"))?;
        let masking = Masking::CommandRegister(ConfigSpace::new(config, 0));
        Ok(Self::with_masking(device, masking))
    }

    fn with_masking(device: Exclusive, masking: Masking) -> Self {
        Self { device, masking, seen: None, entry: None, gone: false }
    }

    fn with_entry(device: Exclusive, entry: SysfsEntry, seen: Option<u32>) -> Result<Self, SourceError> {
        // Masking shows what kind of driver it is, and whether there is an interrupt.
        let masking = match uio::control(&device, false) {
            Ok(()) => Masking::Write,
            Err(failure) => match failure.uncontrolled() {
                Uncontrolled::NotByWriting if entry.is_pci_generic()? => {
                    Masking::CommandRegister(entry.config_space()?)
                }
                Uncontrolled::NotByWriting => Masking::Never,
                Uncontrolled::NoInterrupt => return Err(refused("the device has no interrupt")),
                Uncontrolled::Gone => return Err(SourceError::Removed),
                Uncontrolled::Otherwise => return Err(failed("masking it")(failure)),
            },
        };
        Ok(Self { seen, entry: Some(entry), ..Self::with_masking(device, masking) })
    }

    /// Maps the device's map `number` (`/sys/class/uio/uio0/maps/mapN`) or, with `uio_pci_generic`, its BAR `number`.
    ///
    /// With `uio_pci_generic` the BAR is mapped through the PCI device's `resourceN` in sysfs, which needs read and
    /// write permission. (Only recent kernels give this driver maps, and number them differently from the BARs.)
    ///
    /// The mapping stays valid when the source is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the device has no such map, or it can't be mapped (a BAR of I/O ports). For a source made
    /// from descriptors of a device that sysfs doesn't show, use [`MappedRegisters::map`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::{Registers, linux::Uio};
    ///
    /// let registers = Uio::open("/dev/uio0")?.registers(0)?;
    /// println!("identification {:#x}", registers.read32(0));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn registers(&self, number: u32) -> Result<MappedRegisters, Error> {
        let Some(entry) = &self.entry else {
            return Err(opening("UIO device")(refused("its maps are not known")));
        };
        entry.registers(&self.device, number).map_err(opening(entry.device_path()))
    }

    /// Fails if the device has been removed, which the kernel shows as an error on its descriptor.
    fn check(&mut self) -> Result<(), SourceError> {
        self.gone |= system::shows_error(&self.device).map_err(failed("looking for an error of the UIO device"))?;
        if self.gone { Err(SourceError::Removed) } else { Ok(()) }
    }

    fn control(&mut self, on: bool) -> Result<(), SourceError> {
        if self.gone {
            return Err(SourceError::Removed);
        }
        let doing = if on { "unmasking the UIO interrupt" } else { "masking the UIO interrupt" };
        let done = match &self.masking {
            Masking::Write => uio::control(&self.device, on).map_err(device_failed(doing)),
            // This begins with a read, which waits for the device. So what the ISR wrote to its registers has arrived when
            // the line is unmasked.
            Masking::CommandRegister(config) => config.disable_intx(!on, doing),
            Masking::Never => Ok(()),
        };
        done.or_else(|error| {
            self.check()?;
            Err(error)
        })
    }
}

impl Source for Uio {
    fn info(&self) -> Info {
        let mut info = self.entry.as_ref().map(SysfsEntry::info).unwrap_or_default();
        info.trigger = Some(match self.masking {
            Masking::Write | Masking::CommandRegister(_) => Trigger::Level,
            Masking::Never => Trigger::Edge,
        });
        info
    }

    fn sysfs(&self) -> Option<std::path::PathBuf> {
        self.entry.as_ref().map(SysfsEntry::device)
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.device.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        self.check()?;
        if let Masking::CommandRegister(_) = self.masking {
            // The interrupt controller may have missed a line that was asserted before the kernel's driver came (QEMU's
            // does). It sees the line now, as it rises.
            self.control(false)?;
        }
        self.control(true)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.check()?;
        self.control(false)
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let mut sum = 0_u64;
        // The kernel's device gives its count once. Another that plays the device may have written several.
        let of_the_kernel = self.entry.is_some();
        for _ in 0..if of_the_kernel { 1 } else { LOOKS } {
            match uio::count(self.device.as_fd(), of_the_kernel).map_err(failed("reading the UIO device"))? {
                Counted::InAll(count) => {
                    let seen = self.seen.replace(count);
                    sum += u64::from(seen.map_or(1, |seen| count.wrapping_sub(seen)));
                }
                Counted::NoMore => break,
                Counted::Gone => {
                    self.gone = true;
                    return Err(SourceError::Removed);
                }
                Counted::NoCount => return Err(refused("the device gives no 4-byte count")),
            }
        }
        Ok(sum)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.control(true)
    }
}

impl AsFd for Uio {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl fmt::Debug for Uio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uio")
            .field("device", &self.device)
            .field("masking", &self.masking)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
