//! What a driver can ask of a real VFIO device and not get: each is refused in a sentence that names it.

use std::fmt;
use std::fs;

use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, SourceError, linux::vfio};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::ensure;

/// What this program may pin, in bytes.
const MEMORY: u64 = 64 << 10;
const TOO_MANY: &str = "Too many open files (os error 24)";

pub fn run(device: &Device) -> Result<String, Failure> {
    let Device::Vfio { address, msi: false } = device else {
        return Err(Failure::usage("mistakes goes with --vfio, and without --msi".into()));
    };
    // What the first use of anything leaves for good is not counted.
    ask_for_too_much(address)?;
    let before = kept();
    let mut mistakes = ask_for_too_much(address)?;
    mistakes += with_too_few_descriptors(address)?;
    ensure(kept() == before, || format!("threads, descriptors and maps were {before:?} and are {:?}", kept()))?;
    Ok(format!("{mistakes} mistakes of a driver refused, nothing left behind"))
}

/// Everything but descriptors. Answers how many mistakes that are.
fn ask_for_too_much(address: &str) -> Result<u32, Failure> {
    let vfio = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
    let mut mistakes = 0;
    let mut refused = |answer: Option<Error>, why: &str| {
        mistakes += 1;
        names(answer, address, why)
    };
    refused(vfio::PciDevice::open(address).err(), "busy")?;
    refused(vfio.registers(1).err(), "no BAR 1")?;
    refused(vfio.registers(6).err(), "no BAR 6")?;
    refused(vfio.msix(1).err(), "no MSI-X")?;
    refused(vfio.msi(0).err(), "no vectors")?;
    refused(vfio.dma_buffer(0).err(), "0")?;

    let line = vfio.intx().map_err(Failure::of_the_device)?;
    refused(vfio.intx().err(), "INTx is in use already")?;
    refused(vfio.msi(1).err(), "INTx is in use already")?;
    drop(line);
    let vectors = vfio.msi(2).map_err(Failure::of_the_device)?;
    ensure(vectors.granted() == 1, || format!("{} vectors were granted, and the device has 1", vectors.granted()))?;
    let _first = vectors.vector(0).map_err(Failure::of_the_device)?;
    refused(vectors.vector(0).err(), "vector 0 is another source's already")?;
    refused(vfio.intx().err(), "MSI is in use already")?;
    let beyond = vectors.vector(1).map_err(Failure::of_the_device)?;
    let beyond = Interrupt::builder(()).name(String::from(address)).isr(|_| Claim::Claimed).source(beyond).build();
    let beyond = beyond.map_err(Failure::of_the_device)?;
    let answer = beyond.enable().err();
    let is_that =
        |error: &Error| matches!(error.kind(), ErrorKind::Source(SourceError::NotGranted { message: 1, granted: 1 }));
    ensure(answer.as_ref().is_some_and(is_that), || format!("a vector beyond the device's: {answer:?}"))?;
    refused(answer, "message 1 was not granted")?;

    // A process that may lock any amount of memory is under no limit.
    let ample = getrlimit(Resource::Memlock);
    limit(Resource::Memlock, ample, MEMORY)?;
    for _ in 0..3 {
        refused(vfio.dma_buffer(1 << 20).err(), &format!("RLIMIT_MEMLOCK allows this user {MEMORY}"))?;
    }
    let buffer = vfio.dma_buffer(4096).map_err(Failure::of_the_device)?;
    refused(vfio.dma_buffer(MEMORY as usize).err(), "RLIMIT_MEMLOCK")?; // together they are too much
    drop(buffer);
    vfio.dma_buffer(MEMORY as usize).map_err(Failure::of_the_device)?;
    setrlimit(Resource::Memlock, ample).map_err(sentence)?;
    Ok(mistakes)
}

/// Opens the device, and enables its interrupt, under every limit of descriptors that is too low for it, and once with
/// enough.
fn with_too_few_descriptors(address: &str) -> Result<u32, Failure> {
    let ample = getrlimit(Resource::Nofile);
    let before = kept();
    let mut mistakes = 0;
    let mut under_limits = |attempt: &mut dyn FnMut() -> Option<Error>| {
        for descriptors in 1.. {
            limit(Resource::Nofile, ample, descriptors)?;
            let answer = attempt();
            setrlimit(Resource::Nofile, ample).map_err(sentence)?;
            if answer.is_none() {
                break;
            }
            names(answer, address, TOO_MANY)?;
            mistakes += 1;
        }
        Ok::<(), Failure>(())
    };
    under_limits(&mut || vfio::PciDevice::open(address).err())?;
    ensure(kept() == before, || format!("threads, descriptors and maps were {before:?} and are {:?}", kept()))?;
    let vfio = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
    under_limits(&mut || vfio.intx().err())?;
    under_limits(&mut || vfio.msi(1).and_then(|vectors| vectors.vector(0)).err())?;
    let vector = vfio.msi(1).and_then(|vectors| vectors.vector(0)).map_err(Failure::of_the_device)?;
    let interrupt = Interrupt::builder(()).name(String::from(address)).isr(|_| Claim::Claimed).source(vector).build();
    let interrupt = interrupt.map_err(Failure::of_the_device)?;
    under_limits(&mut || interrupt.enable().err())?;
    Ok(mistakes)
}

fn limit(what: Resource, ample: Rlimit, current: u64) -> Result<(), Failure> {
    setrlimit(what, Rlimit { current: Some(current), ..ample }).map_err(sentence)
}

fn names(answer: Option<Error>, address: &str, why: &str) -> Result<(), Failure> {
    let said = answer.map(|error| format!("{error:#}")).unwrap_or_else(|| "it was granted".into());
    println!("{said}");
    let is_told = said.starts_with(&format!("{address}: ")) && said.contains(why);
    ensure(is_told, || format!("'{said}' does not name {address} and '{why}'"))
}

/// Threads, descriptors, and maps of a device's registers.
fn kept() -> [usize; 3] {
    let count = |directory| fs::read_dir(directory).map_or(0, Iterator::count);
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    [count("/proc/self/task"), count("/proc/self/fd"), maps.lines().filter(|map| map.contains("vfio")).count()]
}

fn sentence(error: impl fmt::Display) -> Failure {
    Failure::Run(format!("{error:#}"))
}
