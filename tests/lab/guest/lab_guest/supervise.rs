//! A supervisor, as root: opens a device, and passes the descriptors to a driver that runs as `nobody` (`given.rs`).

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::account::Failure;
use crate::arguments::Device;
use crate::given::{By, NOBODY};
use crate::rig::{Slot, ensure};

/// The driver is started twice. The first time it ends by itself, and the second time the device is asked back from it. The
/// iommufd stays the supervisor's all the while, and the drivers leave nothing there.
pub fn run(device: &Device, by: By) -> Result<String, Failure> {
    let Device::Vfio { address, msi: false } = device else {
        return Err(Failure::usage("supervise goes with --vfio, and without --msi".into()));
    };
    let iommufd = (by == By::Cdev).then(|| open("/dev/iommu")).transpose()?;
    let free = iommufd.as_ref().map(free_numbers).transpose()?;
    let first = Driver::start(address, by, iommufd.as_ref())?;
    drop(first.socket); // the driver takes that for the order to end
    ends(first.child, first.output, "ended")?;

    let second = Driver::start(address, by, iommufd.as_ref())?;
    // It waits until the driver has let go of the device.
    Slot::of_address(address).unbind();
    ends(second.child, second.output, "removed")?;
    let now = iommufd.as_ref().map(free_numbers).transpose()?;
    ensure(now == free, || format!("the numbers free in the iommufd were {free:?}, and are {now:?}"))?;
    Ok(format!("{}; started again, and asked back", first.said))
}

struct Driver {
    child: Child,
    socket: UnixStream,
    output: BufReader<std::process::ChildStdout>,
    /// What it has served.
    said: String,
}

impl Driver {
    /// Starts a driver, gives it the device, and waits until it has served.
    fn start(address: &str, by: By, iommufd: Option<&OwnedFd>) -> Result<Self, Failure> {
        let (socket, theirs) = UnixStream::pair().map_err(Failure::of_the_run)?;
        let mut child = Command::new("/proc/self/exe")
            .args([by.word(), "--vfio", address])
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .gid(NOBODY)
            .uid(NOBODY)
            .spawn()
            .map_err(Failure::of_the_run)?;
        let (device, memory) = match iommufd {
            Some(iommufd) => (open_cdev(address)?, iommufd.try_clone().map_err(Failure::of_the_run)?),
            None => open_group(address)?,
        };
        pass(&socket, [&device, &memory]).map_err(Failure::of_the_run)?;
        drop((device, memory)); // or an unbind would wait for this process, too
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let said = line(&mut output)?;
        println!("{said}");
        ensure(said.starts_with("served"), || format!("the driver says '{said}'"))?;
        Ok(Self { child, socket, output, said })
    }
}

/// Checks that the driver ends well, with that as its last word.
fn ends(mut child: Child, mut output: impl BufRead, word: &str) -> Result<(), Failure> {
    let said = line(&mut output)?;
    let status = child.wait().map_err(Failure::of_the_run)?;
    ensure(status.success() && said == word, || format!("'{said}' instead of '{word}', {status}"))
}

fn line(output: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    output.read_line(&mut line).map_err(Failure::of_the_run)?;
    Ok(line.trim_end().into())
}

fn pass(socket: &UnixStream, descriptors: [&OwnedFd; 2]) -> io::Result<()> {
    let descriptors = descriptors.map(AsFd::as_fd);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    assert!(message.push(SendAncillaryMessage::ScmRights(&descriptors)), "there is room for two");
    sendmsg(socket, &[IoSlice::new(b"!")], &mut message, SendFlags::empty())?;
    Ok(())
}

fn open(path: impl AsRef<Path>) -> Result<OwnedFd, Failure> {
    let path = path.as_ref();
    let opened = File::options().read(true).write(true).open(path);
    opened.map(Into::into).map_err(|error| Failure::Device(format!("{}: {error}", path.display())))
}

fn open_cdev(address: &str) -> Result<OwnedFd, Failure> {
    let mut names = fs::read_dir(format!("/sys/bus/pci/devices/{address}/vfio-dev")).map_err(Failure::of_the_device)?;
    let name = names.next().ok_or_else(|| Failure::Device("no character device".into()))?;
    open(Path::new("/dev/vfio/devices").join(name.map_err(Failure::of_the_device)?.file_name()))
}

/// The numbers of some new address spaces: the lowest that nothing in the iommufd has.
fn free_numbers(iommufd: &OwnedFd) -> Result<Vec<u32>, Failure> {
    let allocate = |_| {
        let mut made = [12_u32, 0, 0];
        // SAFETY: the call reads and writes three words, which is the size that the first says.
        answer(unsafe { libc::ioctl(iommufd.as_raw_fd(), IOAS_ALLOCATE, &raw mut made) }).map(|_| made[2])
    };
    let numbers: Vec<u32> = (0..8).map(allocate).collect::<Result<_, _>>()?;
    for &number in &numbers {
        let destroyed = [8_u32, number];
        // SAFETY: the call reads two words, which is the size that the first says.
        answer(unsafe { libc::ioctl(iommufd.as_raw_fd(), DESTROY, &raw const destroyed) })?;
    }
    Ok(numbers)
}

// iommufd's calls, as `linux/iommufd.h` numbers them.
const DESTROY: libc::Ioctl = 0x3b80;
const IOAS_ALLOCATE: libc::Ioctl = 0x3b81;

// VFIO's calls, as `linux/vfio.h` numbers them, and its IOMMU of type 1, version 2.
const SET_IOMMU: libc::Ioctl = 0x3b66;
const GROUP_SET_CONTAINER: libc::Ioctl = 0x3b68;
const GROUP_GET_DEVICE_FD: libc::Ioctl = 0x3b6a;
const TYPE1V2: libc::c_ulong = 3;

/// Takes the device from its group. The group's own descriptor is not needed after that.
fn open_group(address: &str) -> Result<(OwnedFd, OwnedFd), Failure> {
    let group = fs::read_link(format!("/sys/bus/pci/devices/{address}/iommu_group")).map_err(Failure::of_the_device)?;
    let group = open(Path::new("/dev/vfio").join(group.file_name().expect("a group has a number")))?;
    let container = open("/dev/vfio/vfio")?;
    let number = container.as_raw_fd();
    // SAFETY: the call reads the number of one descriptor.
    answer(unsafe { libc::ioctl(group.as_raw_fd(), GROUP_SET_CONTAINER, &raw const number) })?;
    // SAFETY: the call takes an integer.
    answer(unsafe { libc::ioctl(container.as_raw_fd(), SET_IOMMU, TYPE1V2) })?;
    let name = CString::new(address).map_err(Failure::of_the_device)?;
    // SAFETY: the call reads a string up to its NUL.
    let device = answer(unsafe { libc::ioctl(group.as_raw_fd(), GROUP_GET_DEVICE_FD, name.as_ptr()) })?;
    // SAFETY: the call returned a new descriptor, and nothing else owns it.
    Ok((unsafe { OwnedFd::from_raw_fd(device) }, container))
}

fn answer(number: libc::c_int) -> Result<libc::c_int, Failure> {
    if number < 0 { Err(Failure::of_the_device(io::Error::last_os_error())) } else { Ok(number) }
}
