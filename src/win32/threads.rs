//! Threads: where they run, and how urgently; and the processors that there are.

use core::mem::offset_of;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, OwnedHandle};
use std::{format, io, vec, vec::Vec};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, HANDLE};
use windows_sys::Win32::System::SystemInformation::{
    GROUP_AFFINITY, GROUP_RELATIONSHIP, GetLogicalProcessorInformationEx, PROCESSOR_GROUP_INFO, RelationGroup,
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, GetProcessAffinityMask, GetThreadGroupAffinity, SetThreadGroupAffinity,
    SetThreadPriority,
};

use crate::cause::SourceError;
use crate::info::ProcessorSet;
use crate::win32::failed;

pub(crate) use windows_sys::Win32::System::Threading::{
    THREAD_PRIORITY_ABOVE_NORMAL, THREAD_PRIORITY_HIGHEST, THREAD_PRIORITY_TIME_CRITICAL,
};

/// A thread, by a handle of its own, or why Windows refused one. The handle stands for this thread also after the thread's
/// end. Its number would not: Windows may have given it to another thread by then.
pub(crate) struct ThreadId(Result<OwnedHandle, SourceError>);

impl ThreadId {
    pub(crate) fn current() -> Self {
        // SAFETY: what `GetCurrentThread` returns is no handle that anybody could close. It stands for the calling thread as
        // long as that runs, and the borrow ends on this thread.
        let this = unsafe { BorrowedHandle::borrow_raw(GetCurrentThread()) };
        Self(this.try_clone_to_owned().map_err(|error| SourceError::os("making a handle of the thread", &error)))
    }

    fn handle(&self) -> Result<HANDLE, SourceError> {
        self.0.as_ref().map(AsRawHandle::as_raw_handle).map_err(Clone::clone)
    }
}

/// Returns the group that a thread is in, and the processors of the group that it may run on.
pub(crate) fn processors(of: &ThreadId) -> Result<ProcessorSet, SourceError> {
    let (thread, mut affinity) = (of.handle()?, GROUP_AFFINITY::default());
    // SAFETY: the handle is open, since `of` owns it. Windows writes to `affinity`, and keeps nothing of it.
    match unsafe { GetThreadGroupAffinity(thread, &raw mut affinity) } {
        0 => Err(failed("reading which processors its thread has")),
        _ => Ok(ProcessorSet::new(affinity.Mask as u64).in_group(affinity.Group)),
    }
}

/// Binds a thread to processors, which are of one group. Windows refuses processors that the process may not use.
pub(crate) fn bind(thread: &ThreadId, to: ProcessorSet) -> Result<(), SourceError> {
    let handle = thread.handle()?;
    // A group has no processors that its mask has no room for.
    let affinity = GROUP_AFFINITY { Mask: to.mask() as usize, Group: to.group(), ..Default::default() };
    // SAFETY: the handle is open, since `thread` owns it. Windows reads `affinity`, and writes nothing where there is null.
    match unsafe { SetThreadGroupAffinity(handle, &raw const affinity, core::ptr::null_mut()) } {
        0 => Err(failed(format!("binding its thread to processors {to}"))),
        _ => Ok(()),
    }
}

/// Gives a thread a priority, one of `THREAD_PRIORITY_…`.
pub(crate) fn schedule(thread: &ThreadId, priority: i32) -> Result<(), SourceError> {
    let handle = thread.handle()?;
    // SAFETY: the handle is open, since `thread` owns it.
    match unsafe { SetThreadPriority(handle, priority) } {
        0 => Err(failed(format!("giving its thread the priority {priority}"))),
        _ => Ok(()),
    }
}

/// Returns the processors of the process: those of the group that its threads are in. The mask is 0 if they are in several
/// groups.
pub(crate) fn mask_of_process() -> Result<u64, SourceError> {
    let (mut process, mut system) = (0, 0);
    // SAFETY: what `GetCurrentProcess` returns stands for this process. Windows writes a word to each of the two.
    match unsafe { GetProcessAffinityMask(GetCurrentProcess(), &raw mut process, &raw mut system) } {
        0 => Err(failed("reading which processors the process may use")),
        _ => Ok(process as u64),
    }
}

/// Returns the machine's active processors, group by group.
pub(crate) fn groups() -> Result<Vec<ProcessorSet>, SourceError> {
    const WORD: usize = size_of::<usize>();
    let mut bytes = 1024;
    loop {
        let mut words = vec![0_usize; (bytes as usize).div_ceil(WORD)];
        // SAFETY: the words have room for `bytes` bytes, and are aligned as Windows wants it. It writes no more there, and
        // the number of the bytes that it has written or would need to `bytes`.
        let read =
            unsafe { GetLogicalProcessorInformationEx(RelationGroup, words.as_mut_ptr().cast(), &raw mut bytes) };
        if read != 0 {
            return Ok(parse(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>()));
        }
        let room = words.len() * WORD;
        let is_too_small = io::Error::last_os_error().raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER.cast_signed());
        if !is_too_small || bytes as usize <= room {
            return Err(failed("reading which processors the machine has"));
        }
    }
}

/// Reads what Windows has written of the groups. A group is left out if nothing is written of it.
fn parse(answer: &[u8]) -> Vec<ProcessorSet> {
    const GROUPS: usize = offset_of!(SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, Anonymous);
    const COUNT: usize = GROUPS + offset_of!(GROUP_RELATIONSHIP, ActiveGroupCount);
    const FIRST: usize = GROUPS + offset_of!(GROUP_RELATIONSHIP, GroupInfo);
    const MASK: usize = offset_of!(PROCESSOR_GROUP_INFO, ActiveProcessorMask);
    let count = answer[COUNT..].first_chunk().map_or(0, |count| u16::from_ne_bytes(*count));
    let group = |group: u16| {
        let at = FIRST + usize::from(group) * size_of::<PROCESSOR_GROUP_INFO>() + MASK;
        let mask = usize::from_ne_bytes(*answer.get(at..)?.first_chunk()?);
        Some(ProcessorSet::new(mask as u64).in_group(group))
    };
    (0..count).filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// A machine of 64, 40 and 3 processors, in groups that could have more.
    // Caught: the first group only; a group read from the wrong place.
    #[test]
    fn p1_groups_are_read_with_their_masks() {
        // The kind, the length, the most groups, and the groups that are active; 20 bytes that mean nothing.
        let mut answer = vec![];
        answer.extend([4_u32, 176].map(u32::to_ne_bytes).concat());
        answer.extend([4_u16, 3].map(u16::to_ne_bytes).concat());
        answer.extend([0; 20]);
        let masks = [usize::MAX, (1 << (usize::BITS / 2)) - 1, 0b1_0110];
        for mask in masks {
            // The most processors, the active ones, and 38 bytes that mean nothing.
            answer.extend([64, 40]);
            answer.extend([0xEE; 38]);
            answer.extend(mask.to_ne_bytes());
        }
        let set = |group: u16| ProcessorSet::new(masks[usize::from(group)] as u64).in_group(group);
        assert_eq!(parse(&answer), [set(0), set(1), set(2)]);
        assert_eq!(parse(&answer[..answer.len() - 1]), [set(0), set(1)]);
    }

    /// A handle stands for its own thread, whichever thread uses it, and for nobody after that thread's end.
    // Caught: the pseudo handle itself, which stands for the thread that uses it.
    #[test]
    fn p2_a_thread_is_bound_by_its_handle() {
        let here = ThreadId::current();
        let before = processors(&here).unwrap();
        let one = ProcessorSet::new(before.mask() & before.mask().wrapping_neg()).in_group(before.group());
        let (give, given) = channel();
        let (end, ends) = channel::<()>();
        let thread = thread::spawn(move || {
            give.send(ThreadId::current()).unwrap();
            let _ = ends.recv();
        });
        let there = given.recv().unwrap();
        bind(&there, one).unwrap();
        assert_eq!((processors(&there).unwrap(), processors(&here).unwrap()), (one, before));
        drop(end);
        thread.join().unwrap();
        // Windows may refuse it or not. It has no effect.
        let _ = bind(&there, one);
        assert_eq!(processors(&here).unwrap(), before);
    }
}
