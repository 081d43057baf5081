//! Mapped registers, over a file in memory.

use std::{fs::File, os::unix::fs::FileExt, panic, sync::Arc, thread};

use interrupt_lock::{Registers, linux::MappedRegisters};
use rustix::fs::MemfdFlags;

fn file(len: u64) -> File {
    let file = File::from(rustix::fs::memfd_create("registers", MemfdFlags::CLOEXEC).unwrap());
    file.set_len(len).unwrap();
    file
}

fn bytes<const N: usize>(file: &File, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, offset).unwrap();
    bytes
}

fn panics<T: std::fmt::Debug>(access: impl FnOnce() -> T + panic::UnwindSafe) -> String {
    let panic = panic::catch_unwind(access).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

// Broken by an access of another width, and by big-endian order.
#[test]
fn every_width_is_little_endian_and_touches_nothing_else() {
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 0, 4096).unwrap();
    file.write_all_at(&[0xee; 32], 0).unwrap();
    registers.write8(8, 0x01);
    assert_eq!(bytes(&file, 7), [0xee, 0x01, 0xee]);
    registers.write16(8, 0x0102);
    assert_eq!(bytes(&file, 7), [0xee, 0x02, 0x01, 0xee]);
    registers.write32(8, 0x0102_0304);
    assert_eq!(bytes(&file, 7), [0xee, 4, 3, 2, 1, 0xee]);
    registers.write64(8, 0x0102_0304_0506_0708);
    assert_eq!(bytes(&file, 7), [0xee, 8, 7, 6, 5, 4, 3, 2, 1, 0xee]);
    assert_eq!(registers.read8(9), 0x07);
    assert_eq!(registers.read16(8), 0x0708);
    assert_eq!(registers.read32(12), 0x0102_0304);
    assert_eq!(registers.read64(8), 0x0102_0304_0506_0708);
}

#[test]
fn all_ones_are_no_live_register() {
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 0, 8).unwrap();
    assert_eq!(registers.read32_live(0), Some(0));
    registers.write32(0, u32::MAX);
    assert_eq!(registers.read32_live(0), None);
}

#[test]
fn a_part_of_a_file_is_mapped_from_its_offset() {
    let file = file(3 * 4096);
    let registers = MappedRegisters::map(&file, 4096 + 0x48, 4096).unwrap();
    assert_eq!(registers.len(), 4096);
    registers.write32(0, 0x1234_5678);
    registers.write32(4092, 0x9abc_def0);
    assert_eq!(bytes(&file, 4096 + 0x48), 0x1234_5678_u32.to_le_bytes());
    assert_eq!(bytes(&file, 2 * 4096 + 0x44), 0x9abc_def0_u32.to_le_bytes());
}

// Broken by leaving out the width, and by an overflowing sum.
#[test]
fn an_access_beyond_the_block_panics() {
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 0, 0x24).unwrap();
    assert_eq!(registers.read32(0x20), 0);
    let beyond = registers.clone();
    assert_eq!(panics(move || beyond.read32(0x24)), "no 4-byte register at 0x24: the block has 0x24 bytes");
    for offset in [0x20, usize::MAX - 7] {
        let beyond = registers.clone();
        panics(move || beyond.write64(offset, 0));
    }
    let beyond = registers.clone();
    panics(move || beyond.read8(0x24));
}

// Broken by leaving out the check: the access is undefined then, and a debug build aborts.
#[test]
fn a_misaligned_access_panics() {
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 0, 4096).unwrap();
    assert_eq!(panics(move || registers.read32(2)), "a 4-byte register can't be at 0x2");
}

// Caught: a length that is not bounded (with 32 bits the system maps it: then an access is undefined); the alignment of
// `u64`, which is 4 on i686.
#[test]
fn what_can_not_be_mapped_is_an_error() {
    if !support::has_proc() {
        return;
    }
    let file = file(4096);
    let error = |offset, len| format!("{:#}", MappedRegisters::map(&file, offset, len).unwrap_err());
    assert_eq!(error(0, 0), "registers: could not be set up: 0 bytes can't be mapped");
    assert_eq!(error(4, 4), "registers: could not be set up: registers begin at a multiple of 8");
    for len in [usize::MAX, usize::MAX / 2 + 1, usize::MAX / 2 - 8] {
        assert_eq!(error(4088, len), format!("registers: could not be set up: {len} bytes can't be mapped"));
    }
    let read_only = File::open("/proc/self/exe").unwrap();
    assert!(MappedRegisters::map(&read_only, 0, 4).is_err());
}

// Caught: a pointer that leaves the offset out; the size of the type left out of the check; no check of the alignment.
#[test]
fn a_pointer_is_within_the_block_and_aligned() {
    #[repr(C)]
    struct Counters([u32; 4]);
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 8, 0x24).unwrap();
    registers.write32(0x20, 7);
    let counters = registers.pointer::<Counters>(0x14);
    // SAFETY: `registers` exists, and nobody else accesses the file.
    assert_eq!(u32::from_le(unsafe { counters.cast::<u32>().add(3).read_volatile() }), 7);
    let beyond = registers.clone();
    let said = panics(move || beyond.pointer::<Counters>(0x18));
    assert_eq!(said, "no 16 bytes of registers at 0x18: the block has 0x24 bytes");
    let beyond = registers.clone();
    panics(move || beyond.pointer::<u8>(usize::MAX));
    assert_eq!(panics(move || registers.pointer::<Counters>(2)), "what has to be aligned to 4 can't be at 0x2");
}

// Broken by unmapping with any handle but the last.
#[test]
fn the_mapping_lasts_as_long_as_its_last_handle_and_no_longer() {
    if !support::has_proc() {
        return;
    }
    let maps = || {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        text.lines().filter(|line| line.contains("memfd:last")).count()
    };
    let named = File::from(rustix::fs::memfd_create("last", MemfdFlags::CLOEXEC).unwrap());
    named.set_len(4096).unwrap();
    let registers = MappedRegisters::map(&named, 0, 4096).unwrap();
    drop(named);
    let clone = registers.clone();
    drop(registers);
    assert_eq!(maps(), 1);
    thread::spawn(move || clone.write32(0, 1)).join().unwrap();
    assert_eq!(maps(), 0);
}

#[test]
fn references_boxes_and_arcs_of_registers_are_registers() {
    fn raise(registers: impl Registers) -> u32 {
        registers.write32(0x60, 7);
        registers.read32(0x60)
    }
    let file = file(4096);
    let registers = MappedRegisters::map(&file, 0, 4096).unwrap();
    assert_eq!(raise(&registers), 7);
    assert_eq!(raise(Box::new(registers.clone())), 7);
    let shared: Arc<dyn Registers> = Arc::new(registers);
    assert_eq!(raise(&shared), 7);
    assert_eq!(shared.len(), 4096);
    assert_eq!(raise(shared), 7);
}
