//! A real `edu` device for the suite: asserted through its raise register, removed by unbinding its driver.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use interrupt_lock::source::Removal;
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::{
    Registers,
    linux::{MappedRegisters, Uio, vfio},
};

use crate::account::Failure;

const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
pub const INTERRUPT_STATUS: usize = 0x24;
pub const RAISE: usize = 0x60;
pub const ACKNOWLEDGE: usize = 0x64;
const COMPUTING: u32 = 1;
/// In STATUS: assert the interrupt when the factorial is computed.
const RAISE_WHEN_DONE: u32 = 0x80;

pub struct Edu {
    registers: MappedRegisters,
    slot: Slot,
}

impl Edu {
    /// The device's state outlives the program that had it before.
    fn quiet(registers: MappedRegisters, slot: Slot) -> Result<Self, String> {
        let edu = Self { registers, slot };
        edu.disarm();
        edu.computed()?;
        edu.acknowledge();
        Ok(edu)
    }

    /// Has the device compute a factorial and then assert its interrupt.
    pub fn arm(&self) {
        self.registers.write32(STATUS, RAISE_WHEN_DONE);
        self.registers.write32(FACTORIAL, 10);
    }

    pub fn disarm(&self) {
        self.registers.write32(STATUS, 0);
    }

    /// The control register: 0 once it is disarmed and computes nothing.
    pub fn control(&self) -> u32 {
        self.registers.read32(STATUS)
    }

    /// Waits until the device computes nothing.
    pub fn computed(&self) -> Result<(), String> {
        until("the device finishes what it computes", || self.control() & COMPUTING == 0)
    }

    pub fn is_asserting(&self) -> bool {
        self.registers.read32(INTERRUPT_STATUS) != 0
    }

    /// Whether the device is kept from asserting its line, as its own command register has it, and whether it would.
    pub fn line(&self) -> Result<Line, Failure> {
        let config = fs::read(self.slot.path.join("config")).map_err(|error| Failure::Run(sentence(error)))?;
        let bits = |at: usize| u16::from_le_bytes([config[at], config[at + 1]]);
        Ok(Line { masked: bits(4) & 1 << 10 != 0, pending: bits(6) & 1 << 3 != 0 })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub masked: bool,
    pub pending: bool,
}

impl Device for Edu {
    fn assert(&self) {
        self.registers.write32(RAISE, 2);
    }

    fn acknowledge(&self) -> bool {
        let status = self.registers.read32(INTERRUPT_STATUS);
        self.registers.write32(ACKNOWLEDGE, status);
        status != 0
    }

    fn remove(&self, how: Removal) {
        self.take_away(how, Slot::unbind);
    }
}

impl Edu {
    /// Removes the device itself, and not only its driver.
    pub fn unplug(&self, how: Removal) {
        self.take_away(how, Slot::unplug);
    }

    /// Takes the device away, in a way of its slot.
    fn take_away(&self, how: Removal, way: fn(&Slot)) {
        let slot = self.slot.clone();
        let unbinding = thread::spawn(move || way(&slot));
        if how == Removal::Surprise {
            unbinding.join().expect("the device can be unbound");
        } else {
            // VFIO makes it wait until the device has been let go.
            *self.slot.unbinding.lock().unwrap() = Some(unbinding);
        }
    }
}

/// The device's place in sysfs. Which driver it belongs to is in its `driver_override`.
#[derive(Clone)]
pub struct Slot {
    path: PathBuf,
    driver: String,
    unbinding: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Slot {
    pub fn of_address(address: &str) -> Self {
        Self::at(Path::new("/sys/bus/pci/devices").join(address))
    }

    pub fn of_uio(device: &str) -> Result<Self, String> {
        let name = device.trim_start_matches("/dev/");
        let slot = Path::new("/sys/class/uio").join(name).join("device");
        let slot = slot.canonicalize().map_err(|error| format!("{device}: {error}"))?;
        Ok(Self::at(slot))
    }

    fn at(path: PathBuf) -> Self {
        let driver = fs::read_to_string(path.join("driver_override")).unwrap_or_default();
        Self { path, driver, unbinding: Arc::default() }
    }

    fn address(&self) -> String {
        self.path.file_name().unwrap_or_default().display().to_string()
    }

    pub fn unbind(&self) {
        fs::write(self.path.join("driver/unbind"), self.address()).expect("the device can be unbound");
    }

    /// Takes the device itself away, as its slot's hot plug does.
    fn unplug(&self) {
        fs::write(self.path.join("remove"), "1").expect("the device can be removed");
    }

    /// Gives the device back to its driver, if it has been taken from it.
    fn bind(&self) -> Result<(), String> {
        if let Some(unbinding) = self.unbinding.lock().unwrap().take() {
            until("the unbinding ends once the device has been let go", || unbinding.is_finished())?;
        }
        if !self.path.exists() {
            fs::write("/sys/bus/pci/rescan", "1").map_err(sentence)?;
            fs::write(self.path.join("driver_override"), &self.driver).map_err(sentence)?;
        }
        if !self.path.join("driver").exists() {
            fs::write("/sys/bus/pci/drivers_probe", self.address()).map_err(sentence)?;
        }
        Ok(())
    }

    /// The device's file, while its driver is `uio_pci_generic`.
    fn uio(&self) -> Result<PathBuf, String> {
        let mut entries = fs::read_dir(self.path.join("uio")).map_err(sentence)?;
        let entry = entries.next().ok_or("the device has no UIO entry")?.map_err(sentence)?;
        Ok(Path::new("/dev").join(entry.file_name()))
    }

    /// The device, and a quiet one.
    pub fn vfio(&self) -> Result<(vfio::PciDevice, Edu), String> {
        self.bind()?;
        let device = vfio::PciDevice::open(&self.address()).map_err(sentence)?;
        let edu = self.quiet(&device)?;
        Ok((device, edu))
    }

    /// The quiet device in this slot, once it has been opened.
    pub fn quiet(&self, device: &vfio::PciDevice) -> Result<Edu, String> {
        Edu::quiet(device.registers(0).map_err(sentence)?, self.clone())
    }
}

/// The line, through UIO.
pub struct UioLine(pub Slot);
/// The line, through VFIO.
pub struct VfioLine(pub Slot);
/// The message, through VFIO.
pub struct VfioMessage(pub Slot);

impl Rig for UioLine {
    type Source = Uio;
    type Device = Edu;

    fn is_level(&self) -> bool {
        true
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Surprise
    }

    fn set_up(&self) -> Result<(Uio, Edu), String> {
        self.0.bind()?;
        let uio = Uio::open(self.0.uio()?).map_err(sentence)?;
        let edu = Edu::quiet(uio.registers(0).map_err(sentence)?, self.0.clone())?;
        Ok((uio, edu))
    }
}

impl Rig for VfioLine {
    type Source = vfio::Intx;
    type Device = Edu;

    fn is_level(&self) -> bool {
        true
    }

    /// It signals once more, without an interrupt, for a line that is asserted as it is unmasked.
    fn counts(&self) -> bool {
        false
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Requested
    }

    fn set_up(&self) -> Result<(vfio::Intx, Edu), String> {
        let (device, edu) = self.0.vfio()?;
        Ok((device.intx().map_err(sentence)?, edu))
    }
}

impl Rig for VfioMessage {
    type Source = vfio::Vector;
    type Device = Edu;

    fn is_level(&self) -> bool {
        false
    }

    /// Messages that meet in the processor's interrupt controller are one interrupt for the kernel already.
    fn counts(&self) -> bool {
        false
    }

    /// A message to nobody would be a fault of the IOMMU.
    fn may_assert_unheard(&self) -> bool {
        false
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Requested
    }

    fn set_up(&self) -> Result<(vfio::Vector, Edu), String> {
        let (device, edu) = self.0.vfio()?;
        let vectors = device.msi(1).map_err(sentence)?;
        Ok((vectors.vector(0).map_err(sentence)?, edu))
    }
}

pub fn until(what: &str, so: impl Fn() -> bool) -> Result<(), String> {
    let since = Instant::now();
    while !so() {
        if since.elapsed() > Duration::from_secs(10) {
            return Err(format!("in vain: {what}"));
        }
        thread::yield_now();
    }
    Ok(())
}

pub fn ensure(so: bool, why: impl FnOnce() -> String) -> Result<(), Failure> {
    if so { Ok(()) } else { Err(Failure::Run(why())) }
}

fn sentence(error: impl fmt::Display) -> String {
    format!("{error:#}")
}

/// Asserts one interrupt after the other while `body` runs. Each waits for the one before, so one that is lost is missed.
/// `body` gets a wait for so many more. Returns how many were asserted.
pub fn under_assertions(
    edu: &Edu,
    claimed: impl Fn() -> u64 + Sync,
    body: impl FnOnce(&dyn Fn(u64) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let (asserted, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            while !over.load(SeqCst) {
                let number = asserted.fetch_add(1, SeqCst) + 1;
                edu.assert();
                until("it is served", || claimed() >= number)?;
            }
            Ok(())
        });
        let more = |count| {
            let number = claimed() + count;
            until("more are served", || storm.is_finished() || claimed() >= number).map_err(Failure::Run)
        };
        let done = body(&more);
        over.store(true, SeqCst);
        storm.join().expect("the storm ends").map_err(Failure::Run).and(done)
    })?;
    Ok(asserted.load(SeqCst))
}
