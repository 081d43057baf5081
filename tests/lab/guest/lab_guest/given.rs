//! A driver without privileges, on a device that a supervisor (`supervise.rs`) opened: its line, its message and its DMA
//! memory. Its standard input is the socket that the descriptors come through.

use std::fs;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use interrupt_lock::linux::vfio::{PciDevice, Way};
use interrupt_lock::{Claim, Error, Interrupt, NoWorkItem, Registers, State, source::Source};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Slot, ensure, until};
use interrupt_lock::test_kit::Device as _;

/// The user, and the group.
pub const NOBODY: u32 = 65534;

/// How many interrupts are served by each way to signal.
const SERVED: u64 = 100;

const DMA_FROM: usize = 0x80;
const DMA_TO: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;
/// In DMA_COMMAND: begin, and assert the interrupt when it is done; and towards the program's memory.
const COPY: u64 = 1 | 4;
const TO_PROGRAM: u64 = 2;
/// Where the device's own memory is, for its DMA. QEMU 7.2 ends if the last byte of that is copied.
const DEVICE_MEMORY: u64 = 0x40000;
const COPIED: usize = 4000;

/// What the supervisor opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Cdev,
    Group,
}

impl By {
    /// The word on this program's command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cdev => "given-cdev",
            Self::Group => "given-group",
        }
    }

    fn take(self, address: &str, [device, memory]: [OwnedFd; 2]) -> Result<PciDevice, Error> {
        match self {
            Self::Cdev => PciDevice::from_cdev(device, memory),
            Self::Group => PciDevice::from_group(address, device, memory),
        }
    }
}

/// Caught: given descriptors that stay open over an exec; one that is taken twice; an address space that is left in the
/// supervisor's iommufd.
pub fn run(device: &Device, by: By) -> Result<String, Failure> {
    let Device::Vfio { address, .. } = device else {
        return Err(Failure::usage(crate::USAGE.into()));
    };
    let user = rustix::process::getuid().as_raw();
    ensure(user == NOBODY, || format!("it runs as {user}"))?;
    fails(PciDevice::open(address).err(), "needs read and write permission")?;

    let supervisor = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(Failure::of_the_run)?);
    let descriptors = receive(&supervisor)?;
    let again = [&descriptors[0], &descriptors[1]].map(|each| each.try_clone().expect("there are descriptors left"));
    ensure(open_over_exec() == 2, || format!("{} descriptors came open over an exec", open_over_exec()))?;
    let vfio = by.take(address, descriptors).map_err(Failure::of_the_device)?;
    ensure(open_over_exec() == 0, || format!("{} descriptors stay open over an exec", open_over_exec()))?;
    fails(by.take(address, again).err(), "already")?;
    let expected = match by {
        By::Cdev => matches!(vfio.way(), Way::CharacterDevice),
        By::Group => matches!(vfio.way(), Way::Group { instead: None }),
    };
    ensure(expected && vfio.address() == address, || format!("{vfio:?}"))?;

    let slot = Slot::of_address(address);
    let edu = Arc::new(slot.quiet(&vfio).map_err(Failure::Device)?);
    serve(&edu, vfio.intx().map_err(Failure::of_the_run)?, |_| Ok(()))?;
    let message = vfio.msi(1).and_then(|vectors| vectors.vector(0)).map_err(Failure::of_the_run)?;
    serve(&edu, message, |done| copy(&vfio, done))?;

    let line = interrupt(&edu, vfio.intx().map_err(Failure::of_the_run)?)?;
    line.enable().map_err(Failure::of_the_run)?;
    println!("served {SERVED} by each of line and message as nobody, and {COPIED} bytes by DMA, opened {}", vfio.way());
    supervisor.set_nonblocking(true).map_err(Failure::of_the_run)?;
    let over = || matches!((&supervisor).read(&mut [0]), Ok(0));
    until("the supervisor ends it, or the device is asked back", || over() || line.state() == State::Removed)
        .map_err(Failure::Run)?;
    Ok(if line.state() == State::Removed { "removed" } else { "ended" }.into())
}

fn interrupt(edu: &Arc<Edu>, source: impl Source + 'static) -> Result<Interrupt<(), NoWorkItem>, Failure> {
    let isr = edu.clone();
    let builder =
        Interrupt::builder(()).isr(move |_| if isr.acknowledge() { Claim::Claimed } else { Claim::Unclaimed });
    builder.source(source).build().map_err(Failure::of_the_run)
}

/// Begins what the device ends with an interrupt, and waits for that.
type One<'a> = dyn Fn(&dyn Fn()) -> Result<(), Failure> + 'a;

/// Serves assertions, each counted, and then what `more` has the device do; that gets a wait for one more.
fn serve(
    edu: &Arc<Edu>,
    source: impl Source + 'static,
    more: impl FnOnce(&One<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let interrupt = interrupt(edu, source)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    let one = |begin: &dyn Fn()| {
        let before = interrupt.stats().claimed;
        begin();
        until("it is served", || interrupt.stats().claimed > before).map_err(Failure::Run)
    };
    (0..SERVED).try_for_each(|_| one(&|| edu.assert()))?;
    more(&one)?;
    interrupt.disable().map_err(Failure::of_the_run)?;
    Ok(())
}

/// Has the device copy bytes of the program's memory to itself, and from there to another place. Each copy ends with an
/// interrupt.
fn copy(vfio: &PciDevice, one: &One<'_>) -> Result<(), Failure> {
    let registers = vfio.registers(0).map_err(Failure::of_the_run)?;
    let buffer = vfio.dma_buffer(2 * COPIED).map_err(Failure::of_the_run)?;
    let contents: Vec<u8> = (0..COPIED).map(|at| (at * 7 + at / 256) as u8).collect();
    buffer.write(0, &contents);
    let there = buffer.iova() + COPIED as u64;
    for (from, to, direction) in [(buffer.iova(), DEVICE_MEMORY, 0), (DEVICE_MEMORY, there, TO_PROGRAM)] {
        one(&|| {
            registers.write64(DMA_FROM, from);
            registers.write64(DMA_TO, to);
            registers.write64(DMA_COUNT, COPIED as u64);
            registers.write64(DMA_COMMAND, COPY | direction);
        })?;
    }
    let mut came = vec![0; COPIED];
    buffer.read(COPIED, &mut came);
    ensure(came == contents, || "the device copied other bytes".into())
}

fn receive(supervisor: &UnixStream) -> Result<[OwnedFd; 2], Failure> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    recvmsg(supervisor, &mut [IoSliceMut::new(&mut [0])], &mut message, RecvFlags::empty())
        .map_err(Failure::of_the_run)?;
    let rights = message.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let came: Vec<OwnedFd> = rights.flatten().collect();
    came.try_into().map_err(|came: Vec<_>| Failure::Run(format!("{} descriptors instead of two", came.len())))
}

/// How many descriptors of VFIO and iommufd are not closed on exec.
fn open_over_exec() -> usize {
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let numbers = fs::read_dir("/proc/self/fd").into_iter().flatten().filter_map(number);
    let of_vfio = |number: &String| {
        let target = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default().display().to_string();
        target.contains("vfio") || target.contains("iommu")
    };
    let stays_open = |number: &String| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default().trim();
        i32::from_str_radix(flags, 8).is_ok_and(|flags| flags & libc::O_CLOEXEC == 0)
    };
    numbers.filter(|number| of_vfio(number) && stays_open(number)).count()
}

fn fails(error: Option<Error>, why: &str) -> Result<(), Failure> {
    let said = error.map_or_else(|| "it was granted".into(), |error| format!("{error:#}"));
    eprintln!("{said}");
    ensure(said.contains(why), || format!("'{said}' does not say '{why}'"))
}
