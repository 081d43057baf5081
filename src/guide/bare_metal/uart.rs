//! UART0 of an LM3S6965, a PL011. It sends back in upper case what it receives, until a `q`.

use interrupt_lock::single_core::{Error, Functions, InterruptObject, IsrContext, Plain, cortex_m::Primask};
use interrupt_lock::{Claim, Transition, WithWorkItem, Work};

const DATA: usize = 0x4000_c000; // bit 11: bytes before this one have been lost
const FLAGS: usize = 0x4000_c018; // bit 3: busy sending, 4: nothing received, 5: no room to send
const CONTROL: usize = 0x4000_c030; // bit 0: on, 8: sender, 9: receiver
const CAUSES: usize = 0x4000_c038; // bit 4: many bytes have come, 6: a few, and no more
const CLOCKS: usize = 0x400f_e104; // bit 0: UART0
const NVIC: usize = 0xe000_e100; // bit 5: UART0. A 1 unmasks it, and 0x80 further on masks it
const PEND: usize = 0xe000_ed04; // bit 28: PendSV
const PRIORITIES: usize = 0xe000_ed20; // bits 16 to 23: PendSV

fn read(register: usize) -> u32 {
    // SAFETY: it is one of the constants above: a register, which is no memory.
    unsafe { (register as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above, and no value makes one of them change memory.
    unsafe { (register as *mut u32).write_volatile(value) }
}

pub struct Received {
    ring: [u8; 64],
    first: usize,
    count: usize,
    pub overruns: u32,
    quit: bool,
}

fn isr(received: &mut IsrContext<'_, Uart>) -> Claim {
    while received.count < 64 && read(FLAGS) & 1 << 4 == 0 {
        let (data, place) = (read(DATA), (received.first + received.count) % 64);
        received.ring[place] = data as u8;
        received.count += 1;
        received.overruns += data >> 11 & 1;
        received.quit |= data as u8 == b'q';
    }
    received.queue_work_item();
    if received.count < 64 { Claim::Claimed } else { Claim::ClaimedKeepMasked }
}

fn send(uart: &InterruptObject<Uart>) -> Work {
    while let Some(byte) = uart.synchronize(take) {
        while read(FLAGS) & 1 << 5 != 0 {}
        write(DATA, byte.to_ascii_uppercase().into());
    }
    Work::Done
}

fn take(received: &mut Received) -> Option<u8> {
    received.count = received.count.checked_sub(1)?;
    let next = (received.first + 1) % 64;
    Some(received.ring[core::mem::replace(&mut received.first, next)])
}

pub type Uart = Plain<Received, Primask, WithWorkItem>;
static CALLBACKS: Functions<Received, Primask, WithWorkItem> = Functions::with_work_item(isr, send)
    .line(|| write(NVIC + 0x80, 1 << 5), || write(NVIC, 1 << 5))
    .on_queued(|| write(PEND, 1 << 28))
    .on_enable(|_| {
        write(CLOCKS, read(CLOCKS) | 1);
        write(PRIORITIES, read(PRIORITIES) | 0xff << 16);
        write(CAUSES, 1 << 4 | 1 << 6);
        write(CONTROL, 1 << 9 | 1 << 8 | 1);
        Ok(())
    })
    .on_disable(|received| {
        received.count = 0; // the work item may run once more: nothing to send
        write(CONTROL, 0);
        write(CLOCKS, read(CLOCKS) & !1);
        Ok(())
    });
pub static UART: InterruptObject<Uart> =
    InterruptObject::new(Received { ring: [0; 64], first: 0, count: 0, overruns: 0, quit: false }, &CALLBACKS);

pub fn uart0() {
    UART.service();
}

pub fn pend_sv() {
    while UART.run_work_item() {}
}

pub fn main_loop() -> Result<Transition, Error> {
    UART.enable()?;
    while !UART.synchronize(|received| received.quit) || read(FLAGS) & 1 << 3 != 0 {}
    UART.disable()
}
