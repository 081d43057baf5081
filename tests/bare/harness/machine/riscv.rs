//! RISC-V (`virt`), of 32 bits without atomics, or of 64 bits with one hart or two. Each hart has one timer: as it fires for
//! the first vector, it is set anew for the second. Software can pend the second vector too.

use core::arch::{asm, global_asm};
use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::machine::{Mask, Setting};
use crate::{report, sweep};

/// How much longer the next shot's delay is. A tick is 100 ns, an instruction 512 ns. (Five ticks would be too much: a delay
/// begins anywhere within a tick.)
pub const STEP: u32 = 4;

/// There is no mask by priority.
pub const CEILING: u8 = 0;

/// The variants of this machine.
pub const SETTINGS: &[Setting] = &[Setting { name: "mie", mask: Mask::All, first: 0, second: 0 }, NO_MASK];

/// The variant of this machine that masks nothing.
pub const NO_MASK: Setting = Setting { name: "nomask", mask: Mask::Nothing, first: 0, second: 0 };

/// The most harts that a firmware may use.
pub const HARTS: usize = 2;

const SOFTWARE: usize = 0x0200_0000;
const TIME_COMPARE: usize = 0x0200_4000;
const TIME: usize = 0x0200_bff8;
const NEVER: u64 = u64::MAX;
/// mstatus.MIE.
const MIE: usize = 1 << 3;

/// When the timer of a hart is to fire for the second vector: so long after the first. 0: never.
static THEN: [AtomicU32; HARTS] = [const { AtomicU32::new(0) }; HARTS];
/// The timer of a hart fires for the second vector next.
static FIRED: [AtomicU32; HARTS] = [const { AtomicU32::new(0) }; HARTS];

/// Returns the hart that runs the caller.
pub fn hart() -> usize {
    let hart;
    // SAFETY: it reads a register.
    unsafe { asm!("csrr {}, mhartid", out(reg) hart) };
    hart
}

fn read(register: usize) -> u32 {
    // SAFETY: the callers give addresses of registers that this machine has.
    unsafe { read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as in `read`. None of these registers touches memory.
    unsafe { write_volatile(register as *mut u32, value) }
}

/// Returns what the clock says. It has 10 MHz.
pub fn time() -> u64 {
    loop {
        let (high, low) = (read(TIME + 4), read(TIME));
        if read(TIME + 4) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

fn fire_at(time: u64) {
    let register = TIME_COMPARE + 8 * hart();
    // Not in between: first a time that never comes.
    write(register + 4, u32::MAX);
    write(register, time as u32);
    write(register + 4, (time >> 32) as u32);
}

pub(crate) fn set_priorities(_: u8, _: u8) {}

/// Starts the timer for the first vector: one shot, after so many of its ticks.
pub fn arm(delay: u32) {
    let hart = hart();
    FIRED[hart].store(0, Relaxed);
    // What `arm_second` has been given counts from now, as this does.
    THEN[hart].store(THEN[hart].load(Relaxed).saturating_sub(delay), Relaxed);
    fire_at(time() + u64::from(delay));
}

/// Starts the timer for the second vector too: call it before [`arm`].
pub fn arm_second(delay: u32) {
    THEN[hart()].store(delay, Relaxed);
}

/// Makes the second vector run, as soon as nothing masks it.
pub fn pend_second() {
    write(SOFTWARE + 4 * hart(), 1);
}

/// Stops the timer. What has been asserted is gone.
pub fn disarm() {
    fire_at(NEVER);
    THEN[hart()].store(0, Relaxed);
    write(SOFTWARE + 4 * hart(), 0);
}

/// Returns what masks at this moment.
pub fn mask_state() -> u32 {
    let status: usize;
    // SAFETY: it reads a register.
    unsafe { asm!("csrr {}, mstatus", out(reg) status) };
    u32::from(status & MIE == 0)
}

/// Makes the mask what it was.
pub fn set_mask_state(state: u32) {
    if state == 0 {
        unmask_all();
    } else {
        mask_all();
    }
}

/// Masks all interrupts. Returns whether they were unmasked.
pub fn mask_all() -> bool {
    let before: usize;
    // SAFETY: it masks, which every code here bears. Without `nomem`, so that the compiler moves no access over it.
    unsafe { asm!("csrrci {}, mstatus, 8", out(reg) before) };
    before & MIE != 0
}

/// Unmasks all interrupts.
pub fn unmask_all() {
    // SAFETY: as in `mask_all`.
    unsafe { asm!("csrsi mstatus, 8") };
}

pub(crate) fn mask_ceiling() -> bool {
    false
}

pub(crate) fn unmask_ceiling() {}

/// Stores 1 to 5 in the word, by five instructions that follow one another.
pub fn count_in(word: *mut u32) {
    // SAFETY: the caller's word, which nothing else writes.
    unsafe {
        asm!(
            "sw {a}, 0({word})", "sw {b}, 0({word})", "sw {c}, 0({word})", "sw {d}, 0({word})", "sw {e}, 0({word})",
            word = in(reg) word, a = in(reg) 1, b = in(reg) 2, c = in(reg) 3, d = in(reg) 4, e = in(reg) 5,
        );
    }
}

#[cfg(target_arch = "riscv32")]
macro_rules! words {
    () => {
        ".macro save r, n\n sw \\r, 4*\\n(sp)\n .endm\n .macro restore r, n\n lw \\r, 4*\\n(sp)\n .endm"
    };
}

#[cfg(target_arch = "riscv64")]
macro_rules! words {
    () => {
        ".macro save r, n\n sd \\r, 8*\\n(sp)\n .endm\n .macro restore r, n\n ld \\r, 8*\\n(sp)\n .endm"
    };
}

global_asm!(
    words!(),
    ".section .start, \"ax\"",
    ".globl start",
    "start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "csrr a0, mhartid",
    "la sp, stacks_end",
    "slli t1, a0, 15",
    "sub sp, sp, t1",
    "la t0, trap",
    "csrw mtvec, t0",
    "li t0, 0x88", // timer and software
    "csrw mie, t0",
    "csrsi mstatus, 8",
    "call started",
    ".section .text.trap, \"ax\"",
    ".balign 4",
    "trap:",
    "addi sp, sp, -160",
    "save ra, 0\n save t0, 1\n save t1, 2\n save t2, 3\n save t3, 4\n save t4, 5\n save t5, 6\n save t6, 7",
    "save a0, 8\n save a1, 9\n save a2, 10\n save a3, 11\n save a4, 12\n save a5, 13\n save a6, 14\n save a7, 15",
    "csrr t0, mepc\n csrr t1, mstatus\n save t0, 16\n save t1, 17",
    "csrr a0, mcause",
    "call trapped",
    // Masked from here: what the vector has unmasked does not come between these.
    "csrci mstatus, 8",
    "restore t0, 16\n restore t1, 17\n csrw mepc, t0\n csrw mstatus, t1",
    "restore ra, 0\n restore t0, 1\n restore t1, 2\n restore t2, 3\n restore t3, 4\n restore t4, 5\n restore t5, 6\n restore t6, 7",
    "restore a0, 8\n restore a1, 9\n restore a2, 10\n restore a3, 11\n restore a4, 12\n restore a5, 13\n restore a6, 14\n restore a7, 15",
    "addi sp, sp, 160",
    "mret",
);

#[unsafe(no_mangle)]
extern "C" fn started(hart: usize) -> ! {
    disarm();
    crate::start(hart)
}

#[unsafe(no_mangle)]
extern "C" fn trapped(cause: usize) {
    match cause & 0xff {
        7 if FIRED[hart()].load(Relaxed) == 0 => first(),
        7 => second(),
        3 => second(),
        _ => report::fatal("a trap that no timer makes"),
    }
}

fn first() {
    let hart = hart();
    FIRED[hart].store(1, Relaxed);
    match THEN[hart].load(Relaxed) {
        0 => fire_at(NEVER),
        then => fire_at(time() + u64::from(then)),
    }
    // The second vector may preempt the first.
    unmask_all();
    sweep::enter_first();
}

fn second() {
    disarm();
    sweep::enter_second();
}
