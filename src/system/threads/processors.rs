//! Sets of processors, of any size: those of a thread, and those that the process had as it started.

use core::ffi::c_ulong;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::vec::Vec;

use alloc::collections::BTreeSet;

use rustix::io::Errno;
use rustix::process::getpid;

use crate::system::call::{Call, Failure, call};
use crate::system::threads::ThreadId;

/// The system's numbers of processors.
pub(crate) type Processors = BTreeSet<usize>;

/// In the kernel, a set of processors is an array of words of this size.
const BITS: usize = c_ulong::BITS as usize;
/// How many words the first look has room for: 1,024 processors on a machine of 64 bits.
const USUAL: usize = 16;
/// More words than the set of any kernel has.
const MOST: usize = 1 << 14;

/// Returns the processors that a thread may run on.
pub(crate) fn processors(of: ThreadId) -> Result<Processors, Failure> {
    Ok(numbers(&words(of)?))
}

/// Returns the processors that the process may use, as far as is known: those that its main thread had as the process
/// started, and those that this thread has now.
///
/// At the start nobody but an operator (or a parent) has restricted them. A thread that binds itself later is the
/// program's own doing, and restricts nobody else. What the main thread gains later, an operator has granted: the kernel
/// itself follows a cpuset that grows.
pub(crate) fn processors_of_process() -> Result<Processors, Failure> {
    let mut all = processors(ThreadId(getpid()))?;
    all.extend(at_start::processors());
    Ok(all)
}

/// Returns a number that is above those of all processors of the machine. The kernel's own sets have no more room.
pub(crate) fn above_all_processors() -> Result<usize, Failure> {
    Ok(words(ThreadId::current())?.len() * BITS)
}

/// Binds a thread to processors. The system silently reduces them to what the process may use.
pub(crate) fn bind(ThreadId(thread): ThreadId, to: &Processors) -> Result<(), Failure> {
    let words = as_words(to);
    call(Call::SetAffinity, || {
        let (thread, size) = (thread.as_raw_nonzero().get(), size_of_val(&words[..]));
        // SAFETY: the kernel reads `size` bytes of the words, and keeps nothing of them.
        answer(unsafe { libc::syscall(libc::SYS_sched_setaffinity, thread, size, words.as_ptr()) }).map(drop)
    })
}

/// Returns a thread's set as the kernel has it, all of its words.
fn words(ThreadId(thread): ThreadId) -> Result<Vec<c_ulong>, Failure> {
    let mut words: Vec<c_ulong> = std::vec![0; USUAL];
    loop {
        let read = call(Call::GetAffinity, || {
            let (thread, size) = (thread.as_raw_nonzero().get(), size_of_val(&words[..]));
            // SAFETY: the kernel writes at most `size` bytes to the words.
            answer(unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, size, words.as_mut_ptr()) })
        });
        match read {
            Ok(bytes) => {
                words.truncate(bytes / size_of::<c_ulong>());
                return Ok(words);
            }
            // The kernel's set is longer.
            Err(Failure { errno: Errno::INVAL, .. }) if words.len() < MOST => words.resize(words.len() * 2, 0),
            Err(failure) => return Err(failure),
        }
    }
}

fn answer(status: libc::c_long) -> rustix::io::Result<usize> {
    usize::try_from(status).map_err(|_| Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
}

fn as_words(set: &Processors) -> Vec<c_ulong> {
    let mut words = std::vec![0; set.last().map_or(0, |last| last / BITS + 1)];
    set.iter().for_each(|number| words[number / BITS] |= 1 << (number % BITS));
    words
}

fn numbers(words: &[c_ulong]) -> Processors {
    let bits = |(place, word): (usize, &c_ulong)| {
        let word = *word;
        (0..BITS).filter(move |bit| word >> bit & 1 != 0).map(move |bit| place * BITS + bit)
    };
    words.iter().enumerate().flat_map(bits).collect()
}

/// The main thread's processors before `main`, where nothing of the program has changed them yet.
///
/// (`std` keeps the program's arguments in the same way.) In a library that is loaded later, it is the moment of loading.
mod at_start {
    use super::*;

    /// Room for as many processors as Linux can be built for. If a kernel has more, these stay unknown.
    static WORDS: [AtomicUsize; 8192 / BITS] = [const { AtomicUsize::new(0) }; 8192 / BITS];

    #[used]
    #[unsafe(link_section = ".init_array")]
    static BEFORE_MAIN: extern "C" fn() = keep;

    /// Makes no call but this one, allocates nothing, and can't panic: the program has not begun.
    extern "C" fn keep() {
        let size = size_of_val(&WORDS);
        // SAFETY: the kernel writes at most `size` bytes to the words. No other thread of the program uses them yet, and
        // an `AtomicUsize` is as large as the kernel's word.
        unsafe { libc::syscall(libc::SYS_sched_getaffinity, libc::getpid(), size, WORDS.as_ptr()) };
    }

    /// Returns the processors; none if they are not known.
    pub(super) fn processors() -> Processors {
        let words: Vec<c_ulong> = WORDS.iter().map(|word| word.load(Relaxed) as c_ulong).collect();
        numbers(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers beyond 1,024 stand in words of their own; the kernel leaves out what it does not have.
    // Caught: a set of 1,024 processors at most.
    #[test]
    fn p1_sets_of_any_size_are_asked_for() {
        let me = ThreadId::current();
        let before = processors(me).unwrap();
        let beyond: Processors = before.iter().copied().chain([1023, 1024, 8191, 70_000]).collect();
        bind(me, &beyond).unwrap();
        assert_eq!(processors(me).unwrap(), before);
        let failure = bind(me, &Processors::from([70_000])).unwrap_err();
        assert_eq!(failure, Failure::new(Call::SetAffinity, Errno::INVAL));
        assert!(above_all_processors().unwrap() > *before.last().unwrap());
        let words = [0b101, 0, 1 << (BITS - 1)];
        assert_eq!(numbers(&words), [0, 2, 3 * BITS - 1].into());
        assert_eq!(as_words(&numbers(&words)), words);
        assert_eq!(numbers(&as_words(&beyond)), beyond);
    }

    /// What a thread does to itself, the main thread included, is not what the process started with.
    // Caught: the calling thread's processors for the process's.
    #[test]
    fn p1_a_thread_that_binds_itself_restricts_nobody_else() {
        let before = processors_of_process().unwrap();
        std::thread::spawn(move || {
            let one = processors(ThreadId::current()).unwrap().into_iter().take(1).collect();
            bind(ThreadId::current(), &one).unwrap();
            assert_eq!(processors(ThreadId::current()).unwrap(), one);
            assert_eq!(processors_of_process().unwrap(), before);
        })
        .join()
        .unwrap();
    }
}
