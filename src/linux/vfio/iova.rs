//! Addresses that a device uses for memory.

use std::{ops::Range, path::Path, vec::Vec};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::lock::RawInterruptLock;
use crate::system;
use crate::system::failed;

/// Where the first buffer goes. Low, for devices that reach only so far. Not 0, which drivers take for no address.
const FIRST: u64 = 1 << 20;
/// The end of what the smallest IOMMUs can translate.
const END: u64 = 1 << 39;

/// The address space of a device's IOMMU: which ranges are in use.
pub(super) struct Iovas {
    /// In order of address.
    used: Mutex<RawInterruptLock, Vec<Range<u64>>>,
}

// The ranges are plain values, changed by one insertion or removal: no panic leaves them half done.
impl std::panic::RefUnwindSafe for Iovas {}

impl Iovas {
    /// Everything is free except what the system reserves for the device at `sysfs`, for example for its messages.
    pub(super) fn new(sysfs: &Path) -> Result<Self, SourceError> {
        let reserved = system::text(&sysfs.join("iommu_group/reserved_regions"))
            .map_err(failed("reading which addresses are reserved"))?;
        // Kernels before 4.11 don't tell.
        Ok(Self::with_reserved(reserved.as_deref().unwrap_or_default()))
    }

    fn with_reserved(text: &str) -> Self {
        let mut used: Vec<_> = text.lines().filter_map(region).collect();
        used.sort_unstable_by_key(|range| range.start);
        Self { used: Mutex::from_raw(RawInterruptLock::new(), used) }
    }

    /// Takes the lowest free range of `len` bytes, a number of whole pages. Returns where it starts.
    pub(super) fn allocate(&self, len: u64) -> Option<u64> {
        let mut used = self.used.lock();
        let mut start = FIRST;
        let mut place = 0;
        for (next, range) in used.iter().enumerate() {
            if start.checked_add(len)? <= range.start {
                break;
            }
            start = start.max(range.end);
            place = next + 1;
        }
        let end = start.checked_add(len).filter(|&end| end <= END)?;
        used.insert(place, start..end);
        Some(start)
    }

    /// Frees the range that starts at `start`.
    pub(super) fn free(&self, start: u64) {
        self.used.lock().retain(|range| range.start != start);
    }
}

/// A line of `reserved_regions`: first address, last address, kind.
fn region(line: &str) -> Option<Range<u64>> {
    let mut words = line.split_whitespace();
    let mut address = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let (first, last) = (address()?, address()?);
    Some(first..last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_lowest_free_range_is_given_and_taken_back() {
        let iovas = Iovas::with_reserved("");
        let first = iovas.allocate(0x3000).unwrap();
        let second = iovas.allocate(0x1000).unwrap();
        assert_eq!((first, second), (FIRST, FIRST + 0x3000));
        iovas.free(first);
        assert_eq!(iovas.allocate(0x4000), Some(second + 0x1000));
        assert_eq!(iovas.allocate(0x3000), Some(first));
        assert_eq!(iovas.allocate(END), None);
    }

    #[test]
    fn reserved_regions_are_left_out() {
        let iovas = Iovas::with_reserved(
            "0x0000000000102000 0x0000000000102fff direct\n0x00000000fee00000 0x00000000feefffff msi\n",
        );
        assert_eq!(iovas.allocate(0x2000), Some(FIRST));
        assert_eq!(iovas.allocate(0x1000), Some(0x103000));
        assert_eq!(iovas.allocate(0xfee0_0000), Some(0xfef0_0000));
    }

    // Caught: all addresses free where the system's answer could not be read.
    #[test]
    fn reserved_regions_that_can_not_be_read_are_an_error() {
        assert!(Iovas::new(Path::new("/nowhere")).is_ok(), "an old kernel");
        // A directory in the file's place.
        let sysfs = std::env::temp_dir().join(std::format!("interrupt-lock-iova-{}", std::process::id()));
        fs::create_dir_all(sysfs.join("iommu_group/reserved_regions")).unwrap();
        let error = Iovas::new(&sysfs).err().unwrap();
        fs::remove_dir_all(&sysfs).unwrap();
        assert!(matches!(&error, SourceError::Os { source, .. } if source.raw() == 21), "{error:#}");
    }
}
