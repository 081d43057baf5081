//! On Windows: by the calls that read and change what a thread or the process has.

use core::ptr::null_mut;

use interrupt_lock::source::{EdgeHandle, Software};
use windows_sys::Win32::System::Kernel::PROCESSOR_NUMBER;
use windows_sys::Win32::System::SystemInformation::GROUP_AFFINITY;
use windows_sys::Win32::System::Threading::{
    GetActiveProcessorCount, GetActiveProcessorGroupCount, GetCurrentProcess, GetCurrentProcessorNumberEx,
    GetCurrentThread, GetProcessAffinityMask, GetThreadGroupAffinity, GetThreadPriority, SetProcessAffinityMask,
    SetThreadGroupAffinity,
};

use super::{Processors, numbers};
use interrupt_lock::ProcessorSet;

/// How a thread is scheduled.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub processors: Processors,
    /// `THREAD_PRIORITY_…`
    pub priority: i32,
}

/// Returns how the calling thread is scheduled.
pub fn seen() -> Seen {
    // SAFETY: what `GetCurrentThread` returns stands for this thread.
    Seen { processors: numbers(&[affinity()]), priority: unsafe { GetThreadPriority(GetCurrentThread()) } }
}

fn affinity() -> ProcessorSet {
    let mut affinity = GROUP_AFFINITY::default();
    // SAFETY: what `GetCurrentThread` returns stands for this thread. Windows writes to `affinity`.
    assert_ne!(unsafe { GetThreadGroupAffinity(GetCurrentThread(), &raw mut affinity) }, 0);
    ProcessorSet::new(affinity.Mask as u64).in_group(affinity.Group)
}

/// Returns the processor that the calling thread runs on.
pub fn here() -> usize {
    let mut here = PROCESSOR_NUMBER::default();
    // SAFETY: Windows writes to `here`.
    unsafe { GetCurrentProcessorNumberEx(&raw mut here) };
    usize::from(here.Group) * 64 + usize::from(here.Number)
}

/// Binds the calling thread to processors of one group.
pub fn bind(to: &Processors) {
    let group = to.first().unwrap() / 64;
    let mask = to.iter().fold(0, |mask, number| mask | 1 << (number - group * 64));
    let affinity = GROUP_AFFINITY { Mask: mask, Group: u16::try_from(group).unwrap(), ..Default::default() };
    // SAFETY: what `GetCurrentThread` returns stands for this thread. Windows reads `affinity`.
    assert_ne!(unsafe { SetThreadGroupAffinity(GetCurrentThread(), &raw const affinity, null_mut()) }, 0);
}

/// Restricts the process to processors of the group that it is in, as `start /affinity` does.
pub fn restrict(to: &Processors) {
    let mask = to.iter().fold(0, |mask, number| mask | 1 << (number % 64));
    // SAFETY: what `GetCurrentProcess` returns stands for this process.
    assert_ne!(unsafe { SetProcessAffinityMask(GetCurrentProcess(), mask) }, 0);
}

/// Returns the processors that the process may use: all, or those of its group that an operator has left to it.
pub fn of_process() -> Processors {
    let (mut process, mut group) = (0, 0);
    // SAFETY: what `GetCurrentProcess` returns stands for this process. Windows writes a word to each of the two.
    assert_ne!(unsafe { GetProcessAffinityMask(GetCurrentProcess(), &raw mut process, &raw mut group) }, 0);
    if process == group {
        return of_machine().unwrap();
    }
    numbers(&[ProcessorSet::new(process as u64).in_group(affinity().group())])
}

/// Returns the machine's processors. (No machine that runs tests has groups with gaps.)
pub fn of_machine() -> Option<Processors> {
    // SAFETY: these calls take and return numbers.
    let groups = 0..unsafe { GetActiveProcessorGroupCount() };
    let of = |group: u16| {
        // SAFETY: as above.
        let count = unsafe { GetActiveProcessorCount(group) } as usize;
        (0..count).map(move |number| usize::from(group) * 64 + number)
    };
    Some(groups.flat_map(of).collect())
}

/// Returns those of the processors that a thread may have at the same time: those of the group that the caller is in.
pub fn in_one_group(set: &Processors) -> Processors {
    let group = usize::from(affinity().group());
    set.iter().copied().filter(|number| number / 64 == group).collect()
}

/// A message of that number, and what asserts it.
pub fn message(number: u32) -> (Software, EdgeHandle) {
    Software::message(number)
}
