//! UIO, with a socket in place of the device file and a file in memory in place of the PCI configuration space.

use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{fs::FileExt, net::UnixStream},
    },
    task::Waker,
};

use interrupt_lock::{
    ErrorKind, SourceError, Trigger,
    linux::Uio,
    source::{Ready, Source},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::MemfdFlags,
};
use support::kind;

/// The kernel's end of a UIO device.
struct Kernel(UnixStream);

impl Kernel {
    fn new() -> (OwnedFd, Self) {
        let (device, kernel) = UnixStream::pair().unwrap();
        kernel.set_nonblocking(true).unwrap();
        (device.into(), Self(kernel))
    }

    fn count(&self, count: u32) {
        self.send(&count.to_ne_bytes());
    }

    fn send(&self, bytes: &[u8]) {
        (&self.0).write_all(bytes).unwrap();
    }

    /// What the program has written to the device, in 32-bit words.
    fn written(&self) -> Vec<u32> {
        let mut bytes = [0; 64];
        let len = (&self.0).read(&mut bytes).unwrap_or(0);
        let words = bytes[..len].chunks(4);
        words.map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect()
    }
}

const COMMAND: u64 = 4;
const INTX_DISABLE: u16 = 1 << 10;

/// A configuration space whose command register is `command`.
fn config(command: u16) -> File {
    let file = File::from(rustix::fs::memfd_create("config", MemfdFlags::CLOEXEC).unwrap());
    file.write_all_at(&[0; 64], 0).unwrap();
    set_command(&file, command);
    file
}

fn command(config: &File) -> u16 {
    let mut bytes = [0; 2];
    config.read_exact_at(&mut bytes, COMMAND).unwrap();
    u16::from_le_bytes(bytes)
}

fn set_command(config: &File, command: u16) {
    config.write_all_at(&command.to_le_bytes(), COMMAND).unwrap();
}

fn writable() -> (Uio, Kernel) {
    let (device, kernel) = Kernel::new();
    (Uio::from_fd(device).unwrap(), kernel)
}

fn pci(command: u16) -> (Uio, Kernel, File) {
    let (device, kernel) = Kernel::new();
    let config = config(command);
    let theirs = config.try_clone().unwrap().into();
    (Uio::from_fds(device, theirs).unwrap(), kernel, config)
}

// Broken by writing nothing in `unmask`, by writing the wrong word, and by writing 8 bytes.
#[test]
fn i6_a_line_masked_by_a_write_is_unmasked_by_one() {
    let (mut source, kernel) = writable();
    assert_eq!(source.info().trigger, Some(Trigger::Level));
    assert_eq!(kernel.written(), []);
    source.connect(Waker::noop()).unwrap();
    assert_eq!(kernel.written(), [1]);
    kernel.count(1);
    assert_eq!(source.take(), Ok(1));
    assert_eq!(kernel.written(), [], "not before the ISR has answered");
    source.unmask().unwrap();
    assert_eq!(kernel.written(), [1]);
    source.disconnect().unwrap();
    assert_eq!(kernel.written(), [0]);
}

// Broken by clearing another bit, and by writing the register without its other bits.
#[test]
fn i6_a_line_masked_by_the_command_register_is_unmasked_there() {
    let (mut source, kernel, config) = pci(0x0507);
    assert_eq!(source.info().trigger, Some(Trigger::Level));
    source.connect(Waker::noop()).unwrap();
    assert_eq!(command(&config), 0x0107);
    set_command(&config, 0x0507); // as the kernel does at each interrupt
    kernel.count(1);
    assert_eq!(source.take(), Ok(1));
    source.unmask().unwrap();
    assert_eq!(command(&config), 0x0107);
    source.disconnect().unwrap();
    assert_eq!(command(&config), 0x0507);
    assert_eq!(kernel.written(), [], "uio_pci_generic takes no writes");
}

// Broken by answering 1, or the count itself, at each `take`.
#[test]
fn i3_interrupts_that_came_together_are_counted() {
    let (mut source, kernel) = writable();
    assert_eq!(source.take(), Ok(0));
    kernel.count(1000);
    assert_eq!(source.take(), Ok(1), "how many came before isn't known");
    kernel.count(1003);
    assert_eq!(source.take(), Ok(3));
    assert_eq!(source.take(), Ok(0));
}

// Broken by a plain subtraction.
#[test]
fn i3_the_count_wraps() {
    let (mut source, kernel) = writable();
    kernel.count(u32::MAX - 1);
    source.take().unwrap();
    kernel.count(2);
    assert_eq!(source.take(), Ok(4));
}

#[test]
fn it_is_ready_while_there_is_something_to_take() {
    let (mut source, kernel) = writable();
    let mut is_ready = || {
        let Ready::Descriptor(descriptor) = source.ready() else {
            panic!("a UIO device is waited for by its descriptor");
        };
        let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN)];
        poll(&mut descriptors, Some(&Timespec::default())).unwrap() == 1
    };
    assert!(!is_ready());
    kernel.count(1);
    assert!(is_ready());
}

// Broken by taking the end of the file for no news.
#[test]
fn i13_a_device_that_ends_is_removed_for_good() {
    let (mut source, kernel, config) = pci(0x0507);
    drop(kernel);
    assert_eq!(source.take(), Err(SourceError::Removed));
    assert_eq!(source.connect(Waker::noop()), Err(SourceError::Removed));
    assert_eq!(source.unmask(), Err(SourceError::Removed));
    assert_eq!(source.disconnect(), Err(SourceError::Removed));
    assert_eq!(command(&config), 0x0507, "another driver's by now");
}

// Broken by writing the register back whatever it reads.
#[test]
fn i13_a_device_that_reads_as_all_ones_is_removed() {
    let (mut source, _kernel, config) = pci(u16::MAX);
    assert_eq!(source.unmask(), Err(SourceError::Removed));
    assert_eq!(command(&config), u16::MAX);
}

#[test]
fn a_configuration_space_that_is_cut_short_is_an_error_with_its_number() {
    let (mut source, _kernel, config) = pci(INTX_DISABLE);
    config.set_len(4).unwrap();
    let error = source.unmask().unwrap_err();
    assert_eq!(format!("{error:#}"), "unmasking the UIO interrupt: pread64: Input/output error (os error 5)");
}

#[test]
fn a_count_of_another_size_is_refused() {
    let (mut source, kernel) = writable();
    kernel.send(&[1, 2]);
    assert!(matches!(source.take(), Err(SourceError::Refused(_))));
}

#[test]
fn what_can_not_be_opened_is_told_in_one_sentence() {
    let sentence = |path| format!("{:#}", Uio::open(path).unwrap_err());
    assert_eq!(
        sentence("/dev/no-uio"),
        "/dev/no-uio: could not be set up: looking it up: stat: No such file or directory (os error 2)"
    );
    assert_eq!(sentence("/dev/null"), "/dev/null: could not be set up: it is not a UIO device");
    assert_eq!(sentence("/"), "/: could not be set up: it is not a UIO device");
}

#[test]
fn the_maps_of_a_device_without_sysfs_are_unknown() {
    let (source, _kernel) = writable();
    assert!(matches!(kind(&source.registers(0)), Some(ErrorKind::Open(_))));
    assert!(rustix::fs::fcntl_getfl(source.as_fd()).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
}

/// A file in memory stands for the device. Opening it again is a second opening of the same device.
// Caught: a source of either kind that takes no lock; one that keeps it beyond its end, while its file is open still.
#[test]
fn a_device_is_one_source_s_at_a_time() {
    if !support::has_proc() {
        return;
    }
    let device = File::from(rustix::fs::memfd_create("uio", MemfdFlags::CLOEXEC).unwrap());
    let open = || -> OwnedFd {
        let path = format!("/proc/self/fd/{}", device.as_raw_fd());
        File::options().read(true).write(true).open(path).unwrap().into()
    };
    let in_use = "UIO device: could not be set up: it is in use already: a UIO device is one source's at a time";
    let first = Uio::from_fd(open()).unwrap();
    assert_eq!(format!("{:#}", Uio::from_fd(open()).unwrap_err()), in_use);
    assert_eq!(format!("{:#}", Uio::from_fds(open(), config(0).into()).unwrap_err()), in_use);
    // As mapped registers keep it.
    let same_opening = first.as_fd().try_clone_to_owned().unwrap();
    drop(first);
    let second = Uio::from_fds(open(), config(0).into()).unwrap();
    assert_eq!(format!("{:#}", Uio::from_fd(open()).unwrap_err()), in_use);
    drop((second, same_opening));
    Uio::from_fd(open()).unwrap();
}
