//! Copying bytes from and to memory that a device may be changing: volatile accesses, eight bytes at a time.

use crate::linux::MappedRegisters;
use crate::source::registers::Registers;

const WORD: usize = size_of::<u64>();

/// Copies what is at `offset` into `bytes`.
#[track_caller]
pub(super) fn read(memory: &MappedRegisters, offset: usize, bytes: &mut [u8]) {
    let before = check(memory, offset, bytes.len());
    let (head, rest) = bytes.split_at_mut(before);
    let (words, tail) = rest.as_chunks_mut::<WORD>();
    let mut at = offset;
    for byte in head {
        *byte = memory.read8(at);
        at += 1;
    }
    for word in words {
        *word = memory.read64(at).to_le_bytes();
        at += WORD;
    }
    for byte in tail {
        *byte = memory.read8(at);
        at += 1;
    }
}

/// Copies `bytes` to `offset`.
#[track_caller]
pub(super) fn write(memory: &MappedRegisters, offset: usize, bytes: &[u8]) {
    let before = check(memory, offset, bytes.len());
    let (head, rest) = bytes.split_at(before);
    let (words, tail) = rest.as_chunks::<WORD>();
    let mut at = offset;
    for &byte in head {
        memory.write8(at, byte);
        at += 1;
    }
    for &word in words {
        memory.write64(at, u64::from_le_bytes(word));
        at += WORD;
    }
    for &byte in tail {
        memory.write8(at, byte);
        at += 1;
    }
}

/// Panics, before anything is copied, if not all of that lies within the memory. Returns how many bytes come before the
/// first whole word.
#[track_caller]
fn check(memory: &MappedRegisters, offset: usize, len: usize) -> usize {
    let size = memory.len();
    let within = size.checked_sub(len).is_some_and(|last| offset <= last);
    assert!(within, "no {len} bytes at {offset:#x}: the buffer has {size:#x}");
    (offset.next_multiple_of(WORD) - offset).min(len)
}

#[cfg(test)]
mod tests {
    use std::{panic, string::String, vec, vec::Vec};

    use super::*;

    const SIZE: usize = 40; // not the end of a page

    fn pattern(len: usize) -> Vec<u8> {
        (1..=len as u8).collect()
    }

    // Every place within its word, and every length of a head, of words and of a tail. Caught: a head longer
    // than what is copied, a tail left out, words in the other byte order.
    #[test]
    fn just_these_bytes_are_copied_from_and_to_any_place() {
        for offset in 0..=SIZE {
            for len in 0..=SIZE - offset {
                let memory = MappedRegisters::anonymous(SIZE).unwrap();
                let place = offset..offset + len;
                write(&memory, offset, &pattern(len));
                let mut expected = [0; SIZE];
                expected[place.clone()].copy_from_slice(&pattern(len));
                let there: Vec<u8> = (0..SIZE).map(|at| memory.read8(at)).collect();
                assert_eq!(there, expected, "{len} bytes written at {offset}");

                (0..SIZE).for_each(|at| memory.write8(at, 0xff ^ at as u8));
                let mut bytes = vec![0; len];
                read(&memory, offset, &mut bytes);
                let expected: Vec<u8> = place.map(|at| 0xff ^ at as u8).collect();
                assert_eq!(bytes, expected, "{len} bytes read at {offset}");
            }
        }
    }

    // Caught: no check of the whole before the first byte is copied.
    #[test]
    fn what_is_not_within_the_memory_is_refused_before_anything_is_copied() {
        let memory = MappedRegisters::anonymous(SIZE).unwrap();
        let refused = |copy: &dyn Fn()| {
            let panic = panic::catch_unwind(panic::AssertUnwindSafe(copy)).unwrap_err();
            *panic.downcast::<String>().unwrap()
        };
        assert_eq!(refused(&|| write(&memory, 33, &[1; 8])), "no 8 bytes at 0x21: the buffer has 0x28");
        assert!((0..SIZE).all(|at| memory.read8(at) == 0));
        assert_eq!(refused(&|| read(&memory, 0, &mut [0; 41])), "no 41 bytes at 0x0: the buffer has 0x28");
        for far in [SIZE + 1, usize::MAX] {
            refused(&|| read(&memory, far, &mut []));
            refused(&|| write(&memory, far, &[1, 2]));
        }
        read(&memory, SIZE, &mut []);
    }
}
