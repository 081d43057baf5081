//! Registers by the types of other crates, over a mapped and over a simulated device. The guide's page `registers` shows
//! the drivers as they are here.
#![cfg(all(target_os = "linux", feature = "std", not(loom)))]

mod over_any;
mod redirected;
mod safe;
mod tock;

use std::fs::File;
use std::os::unix::fs::FileExt;

use interrupt_lock::linux::MappedRegisters;
use interrupt_lock::source::Software;
use interrupt_lock::test_kit::progress;
use interrupt_lock::{Error, Interrupt};
use rustix::fs::MemfdFlags;

/// A device whose registers are a file: the test plays the device.
struct Mapped(File);

impl Mapped {
    fn new() -> (Self, MappedRegisters) {
        let file = File::from(rustix::fs::memfd_create("registers", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(4096).unwrap();
        let registers = MappedRegisters::map(&file, 0, 4096).unwrap();
        (Self(file), registers)
    }

    fn holds(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, offset).unwrap();
        u32::from_le_bytes(bytes)
    }

    fn set(&self, offset: u64, value: u32) {
        self.0.write_all_at(&value.to_le_bytes(), offset).unwrap();
    }
}

/// Has a driver compute 5! on a device that the test plays: it writes and reads the right registers, in the right order.
fn drives_a_mapped_device<T: Send + 'static>(
    driver: impl FnOnce(MappedRegisters, Software) -> Result<Interrupt<T>, Error>,
    compute_5: fn(&mut T),
    result: fn(&mut T) -> Option<u32>,
) {
    let (device, registers) = Mapped::new();
    let (source, line) = Software::edge();
    let interrupt = driver(registers, source).unwrap();
    interrupt.enable().unwrap();
    assert_eq!(device.holds(0x20), 0x80);
    interrupt.synchronize(compute_5);
    assert_eq!(device.holds(0x08), 5);
    device.set(0x08, 120);
    device.set(0x24, 4);
    line.assert();
    assert!(progress::comes(|| interrupt.synchronize(result) == Some(120)));
    assert_eq!(device.holds(0x64), 4);
    interrupt.disable().unwrap();
    assert_eq!(device.holds(0x20), 0);
}

// Caught: a snippet that is not as it is tested.
#[test]
fn the_guide_shows_the_drivers_of_these_tests() {
    let page = include_str!("../../src/guide/devices/registers.md");
    let sources =
        [include_str!("safe.rs"), include_str!("redirected.rs"), include_str!("tock.rs"), include_str!("over_any.rs")];
    let shown = sources.map(|source| {
        let (_, after) = source.split_once("// guide: ").unwrap();
        let (name, after) = after.split_once('\n').unwrap();
        let (snippet, _) = after.split_once("// guide: end").unwrap();
        assert!(page.contains(snippet), "the guide shows another `{name}`");
    });
    assert_eq!(page.matches("```ignore").count(), shown.len(), "snippets that are shown, and those that are tested");
}
