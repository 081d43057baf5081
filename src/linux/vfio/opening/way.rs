//! By which way a device was opened, for the driver author.

use core::fmt;

use crate::cause::SourceError;

/// How a PCI device was opened, for a driver's log and for an operator.
///
/// [`PciDevice::way`](crate::linux::vfio::PciDevice::way) returns it. `{}` prints it in words.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::linux::vfio::{PciDevice, Way};
///
/// let device = PciDevice::open("0000:00:04.0")?;
/// println!("{} was opened {}", device.address(), device.way());
/// if let Way::Group { instead: Some(why) } = device.way() {
///     println!("not by its character device: {why:#}");
/// }
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// By its own character device (`/dev/vfio/devices/vfioN`). Its memory is mapped by iommufd.
    CharacterDevice,
    /// By its IOMMU group (`/dev/vfio/N`). Its memory is mapped by a container.
    Group {
        /// Why it was not opened by its character device. `None` if a supervisor has chosen the group.
        instead: Option<SourceError>,
    },
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CharacterDevice => "by its character device",
            Self::Group { .. } => "by its IOMMU group",
        })
    }
}
