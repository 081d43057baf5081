//! Cortex-M3 (`lm3s6965evb`) and Cortex-M0 (`microbit`). The first timer is SysTick, the second the board's.

use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

use crate::machine::{Mask, Setting};
use crate::{report, sweep};

/// How much longer the next shot's delay is. At 256 ns an instruction, and less than 256 ns of the timer.
pub const STEP: u32 = board::STEP;

/// BASEPRI while it masks: it stops these priorities, and those that are less urgent.
pub const CEILING: u8 = 0x80;

const LOW: u8 = 0xc0;
#[cfg(target_has_atomic = "32")]
const BELOW_CEILING: u8 = 0xa0;
#[cfg(target_has_atomic = "32")]
const ABOVE_CEILING: u8 = 0x60;
const HIGH: u8 = 0x40;

/// The variants of this machine.
pub const SETTINGS: &[Setting] = &[
    Setting { name: "primask", mask: Mask::All, first: LOW, second: HIGH },
    #[cfg(target_has_atomic = "32")]
    Setting { name: "basepri", mask: Mask::Ceiling, first: LOW, second: BELOW_CEILING },
    #[cfg(target_has_atomic = "32")]
    Setting { name: "basepri-mixed", mask: Mask::Ceiling, first: LOW, second: HIGH },
    #[cfg(target_has_atomic = "32")]
    Setting { name: "basepri-above", mask: Mask::Ceiling, first: ABOVE_CEILING, second: HIGH },
    NO_MASK,
];

/// The variant of this machine that masks nothing.
pub const NO_MASK: Setting = Setting { name: "nomask", mask: Mask::Nothing, first: LOW, second: HIGH };

#[cfg(target_has_atomic = "32")]
mod board {
    //! `lm3s6965evb`. SysTick has 80 ns a tick. The second timer is the first of the general-purpose timers.
    use super::{read, write};

    pub(super) const STEP: u32 = 3;
    pub(super) const SECOND_IRQ: u32 = 19;
    const GPTM: usize = 0x4003_0000;
    const CTL: usize = GPTM + 0xc;
    const ICR: usize = GPTM + 0x24;

    pub(super) fn start_second(delay: u32) {
        write(GPTM, 0); // one timer of 32 bits
        write(GPTM + 4, 1); // one shot
        write(GPTM + 0x18, 1); // interrupts
        write(GPTM + 0x28, delay);
        write(CTL, 1);
    }

    pub(super) fn stop_second() {
        write(CTL, read(CTL) & !1);
        write(ICR, 1);
    }
}

#[cfg(not(target_has_atomic = "32"))]
mod board {
    //! `microbit`. SysTick has 62.5 ns a tick. The second timer is TIMER0.
    use super::write;

    pub(super) const STEP: u32 = 4;
    pub(super) const SECOND_IRQ: u32 = 8;
    const TIMER0: usize = 0x4000_8000;

    pub(super) fn start_second(delay: u32) {
        write(TIMER0 + 0x508, 3); // 32 bits
        write(TIMER0 + 0x510, 0); // 16 MHz
        write(TIMER0 + 0x540, delay);
        write(TIMER0 + 0x200, 1 << 8); // stops as it fires
        write(TIMER0 + 0x304, 1 << 16); // interrupts
        write(TIMER0, 1);
    }

    pub(super) fn stop_second() {
        write(TIMER0 + 4, 1); // stop
        write(TIMER0 + 0xc, 1); // clear
        write(TIMER0 + 0x308, 1 << 16);
        write(TIMER0 + 0x140, 0);
    }
}

const SYSTICK_CONTROL: usize = 0xe000_e010;
const SYSTICK_RELOAD: usize = 0xe000_e014;
const SYSTICK_VALUE: usize = 0xe000_e018;
const NVIC_ENABLE: usize = 0xe000_e100;
const NVIC_PEND: usize = 0xe000_e200;
const NVIC_UNPEND: usize = 0xe000_e280;
const NVIC_PRIORITY: usize = 0xe000_e400;
const INTERRUPT_CONTROL: usize = 0xe000_ed04;
const CLEAR_PENDING_SYSTICK: u32 = 1 << 25;
const SYSTEM_PRIORITY_3: usize = 0xe000_ed20;

fn read(register: usize) -> u32 {
    // SAFETY: the callers give addresses of registers that this machine has.
    unsafe { read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as in `read`. None of these registers touches memory.
    unsafe { write_volatile(register as *mut u32, value) }
}

pub(crate) fn set_priorities(first: u8, second: u8) {
    write(SYSTEM_PRIORITY_3, read(SYSTEM_PRIORITY_3) & 0x00ff_ffff | u32::from(first) << 24);
    let register = NVIC_PRIORITY + (board::SECOND_IRQ as usize & !3);
    let shift = (board::SECOND_IRQ & 3) * 8;
    write(register, read(register) & !(0xff << shift) | u32::from(second) << shift);
    write(NVIC_ENABLE, 1 << board::SECOND_IRQ);
}

/// Starts the first timer: one shot, after so many of its ticks.
pub fn arm(delay: u32) {
    write(SYSTICK_RELOAD, delay);
    write(SYSTICK_VALUE, 0);
    write(SYSTICK_CONTROL, 0b111);
}

/// Starts the second timer: one shot.
pub fn arm_second(delay: u32) {
    board::start_second(delay);
}

/// Makes the second vector run, as soon as nothing masks it.
pub fn pend_second() {
    write(NVIC_PEND, 1 << board::SECOND_IRQ);
}

/// Stops both timers. What they have asserted is gone.
pub fn disarm() {
    write(SYSTICK_CONTROL, 0);
    write(INTERRUPT_CONTROL, CLEAR_PENDING_SYSTICK);
    board::stop_second();
    write(NVIC_UNPEND, 1 << board::SECOND_IRQ);
}

/// Returns what masks at this moment.
pub fn mask_state() -> u32 {
    let primask: u32;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, PRIMASK", out(reg) primask) };
    primask & 1 | basepri() << 8
}

/// Makes the masks what they were.
pub fn set_mask_state(state: u32) {
    set_basepri(state >> 8);
    if state & 1 == 0 {
        unmask_all()
    } else {
        mask_all();
    };
}

#[cfg(target_has_atomic = "32")]
fn basepri() -> u32 {
    let basepri: u32;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, BASEPRI", out(reg) basepri) };
    basepri
}

#[cfg(target_has_atomic = "32")]
fn set_basepri(basepri: u32) {
    // SAFETY: it masks or unmasks, which every code here bears. Without `nomem`, so that the compiler moves no access over it.
    unsafe { asm!("msr BASEPRI, {}", in(reg) basepri) };
}

#[cfg(not(target_has_atomic = "32"))]
fn basepri() -> u32 {
    0
}

#[cfg(not(target_has_atomic = "32"))]
fn set_basepri(_: u32) {}

/// Masks all interrupts. Returns whether they were unmasked.
pub fn mask_all() -> bool {
    let before: u32;
    // SAFETY: as in `set_basepri`.
    unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) before) };
    before & 1 == 0
}

/// Unmasks all interrupts.
pub fn unmask_all() {
    // SAFETY: as in `set_basepri`.
    unsafe { asm!("cpsie i") };
}

pub(crate) fn mask_ceiling() -> bool {
    let before = basepri();
    set_basepri(CEILING.into());
    before == 0
}

pub(crate) fn unmask_ceiling() {
    set_basepri(0);
}

/// Stores 1 to 5 in the word, by five instructions that follow one another.
pub fn count_in(word: *mut u32) {
    // SAFETY: the caller's word, which nothing else writes.
    unsafe {
        asm!(
            "str {a}, [{word}]", "str {b}, [{word}]", "str {c}, [{word}]", "str {d}, [{word}]", "str {e}, [{word}]",
            word = in(reg) word, a = in(reg) 1, b = in(reg) 2, c = in(reg) 3, d = in(reg) 4, e = in(reg) 5,
        );
    }
}

type Vector = unsafe extern "C" fn();

#[repr(C)]
struct Vectors {
    stack: *const u32,
    reset: extern "C" fn() -> !,
    exceptions: [Vector; 13],
    systick: Vector,
    interrupts: [Vector; 32],
}

// SAFETY: nothing changes it.
unsafe impl Sync for Vectors {}

unsafe extern "C" {
    /// The linker script's.
    static stack_top: u32;
}

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: Vectors = Vectors {
    stack: &raw const stack_top,
    reset,
    exceptions: [unexpected; 13],
    systick: first,
    interrupts: {
        let mut interrupts: [Vector; 32] = [unexpected; 32];
        interrupts[board::SECOND_IRQ as usize] = second;
        interrupts
    },
};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    crate::start(0)
}

extern "C" fn first() {
    write(SYSTICK_CONTROL, 0);
    // A short delay has asserted it once more.
    write(INTERRUPT_CONTROL, CLEAR_PENDING_SYSTICK);
    sweep::enter_first();
}

extern "C" fn second() {
    board::stop_second();
    write(NVIC_UNPEND, 1 << board::SECOND_IRQ);
    sweep::enter_second();
}

extern "C" fn unexpected() {
    report::fatal("an exception that no timer makes");
}
