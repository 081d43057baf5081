//! Opening a device: from its address, or from descriptors that a supervisor opened, with one clear sentence for each thing
//! that can be missing.
//!
//! | file | holds |
//! |---|---|
//! | this one | what an open device is, and which way it is opened |
//! | `place` | the device's address, its place in sysfs, and its driver |
//! | `cdev` | the way by its own character device, with iommufd |
//! | `group` | the way by its IOMMU group, with a container |
//! | `way` | which way it was, for the driver author |

mod cdev;
mod group;
mod place;
mod way;

use core::panic::RefUnwindSafe;
use std::{
    boxed::Box,
    format,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
    vec,
};

use crate::cause::SourceError;
use crate::system;
use crate::system::{Failure, Open, Unopened, failed};

pub(super) use cdev::place_of;
pub(super) use place::Place;
pub use way::Way;

/// An open device, and where memory is mapped for it.
pub(super) struct Opened {
    pub(super) device: Arc<OwnedFd>,
    pub(super) memory: Box<dyn AddressSpace>,
    pub(super) way: Way,
}

/// Where memory is mapped for a device: the one thing that differs after a device has been opened, however that was done.
pub(super) trait AddressSpace: Send + Sync + RefUnwindSafe {
    /// Lets the device read and write `size` bytes of this program's memory, at `iova` for it.
    ///
    /// # Safety
    ///
    /// The bytes at `address` stay mapped until [`unmap`](Self::unmap), and the program makes no reference to them,
    /// because the device writes to them at any time.
    unsafe fn map(&self, address: usize, iova: u64, size: usize) -> Result<(), Failure>;

    /// Takes the memory at `iova` from the device. When it returns, the device can't reach the memory any more.
    fn unmap(&self, iova: u64, size: usize) -> Result<(), Failure>;
}

/// Opens the device at `place`: by its own character device where that is to be had, otherwise by its group.
pub(super) fn open(place: &Place) -> Result<Opened, SourceError> {
    let group = place.usable_group()?;
    cdev::open(place).or_else(|instead| match group::open(place, &group) {
        Ok(opened) => Ok(Opened { way: Way::Group { instead: Some(instead) }, ..opened }),
        Err(error) => Err(SourceError::Ways(Arc::new(vec![
            ("by its character device".into(), instead),
            ("by its IOMMU group".into(), error),
        ]))),
    })
}

/// Takes a device's own character device and an iommufd that other code opened.
pub(super) fn given_cdev(device: OwnedFd, iommufd: OwnedFd) -> Result<Opened, SourceError> {
    close_on_exec([&device, &iommufd])?;
    cdev::bind(device, iommufd)
}

/// Takes a device that other code took from its group, and the container of that group.
pub(super) fn given_group(place: &Place, device: OwnedFd, container: OwnedFd) -> Result<Opened, SourceError> {
    close_on_exec([&device, &container])?;
    group::given(place, device, container)
}

fn close_on_exec(descriptors: [&OwnedFd; 2]) -> Result<(), SourceError> {
    let set_up = |each: &OwnedFd| system::close_on_exec(each.as_fd()).map_err(failed("setting up its descriptors"));
    descriptors.into_iter().try_for_each(set_up)
}

/// Opens a file of VFIO's, which `provider` provides.
fn open_file(path: &str, provider: &str) -> Result<OwnedFd, SourceError> {
    system::open(Path::new(path), Open::Plain).map_err(|failure| {
        let doing = match failure.unopened() {
            Unopened::Missing => format!("opening {path}, which {provider} provides"),
            Unopened::Forbidden => format!("opening {path}, which needs read and write permission"),
            Unopened::Busy => format!("opening {path}, which another program or an earlier device has open"),
            Unopened::Otherwise => format!("opening {path}"),
        };
        failed(doing)(failure)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_vfios_that_is_not_there_names_what_provides_it() {
        let error = open_file("/nowhere/vfio", "the kernel's module vfio").unwrap_err();
        let said = std::string::ToString::to_string(&error);
        assert!(said.starts_with("opening /nowhere/vfio, which the kernel's module vfio provides"), "{said}");
    }
}
