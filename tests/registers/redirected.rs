//! Registers of a simulated device, for `safe-mmio`: its feature `custom-mmio` lets a program make the accesses.

// guide: redirected
use std::sync::{Mutex, MutexGuard, PoisonError};

use interrupt_lock::linux::MappedRegisters;
use interrupt_lock::{Registers, simulated::EduRegisters};
use safe_mmio::{MmioOps, set_mmio_ops};

/// The simulated devices, each with the address of the memory that stands for its registers.
static SIMULATED: Mutex<Vec<(usize, EduRegisters)>> = Mutex::new(Vec::new());

/// Redirects accesses to new memory to the device, as long as the second value exists. Drop the driver first.
pub fn redirect(device: EduRegisters) -> (MappedRegisters, Redirected) {
    let file = rustix::fs::memfd_create("simulated", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
    rustix::fs::ftruncate(&file, device.len() as u64).expect("memory");
    let registers = MappedRegisters::map(file, 0, device.len()).expect("memory can be mapped");
    let address = registers.pointer::<u8>(0).addr().get();
    simulated().push((address, device));
    (registers, Redirected(address))
}

pub struct Redirected(usize);

impl Drop for Redirected {
    fn drop(&mut self) {
        simulated().retain(|(address, _)| *address != self.0);
    }
}

fn simulated() -> MutexGuard<'static, Vec<(usize, EduRegisters)>> {
    SIMULATED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The simulated device at that address, and the register's offset. None: the registers are real.
fn device(address: usize) -> Option<(EduRegisters, usize)> {
    let simulated = simulated();
    let (base, device) = simulated.iter().find(|(base, device)| (*base..base + device.len()).contains(&address))?;
    Some((device.clone(), address - base))
}

struct Accesses;

macro_rules! accesses {
    ($($read:ident $write:ident $register_read:ident $register_write:ident $width:ty;)*) => {
        impl MmioOps for Accesses {$(
            unsafe fn $read(register: *const $width) -> $width {
                match device(register.addr()) {
                    Some((device, offset)) => device.$register_read(offset),
                    // SAFETY: it is a register, as the caller says.
                    None => unsafe { register.read_volatile() },
                }
            }

            unsafe fn $write(register: *mut $width, value: $width) {
                match device(register.addr()) {
                    Some((device, offset)) => device.$register_write(offset, value),
                    // SAFETY: it is a register, as the caller says.
                    None => unsafe { register.write_volatile(value) },
                }
            }
        )*}
    };
}
accesses! {
    read_u8 write_u8 read8 write8 u8;
    read_u16 write_u16 read16 write16 u16;
    read_u32 write_u32 read32 write32 u32;
    read_u64 write_u64 read64 write64 u64;
}
set_mmio_ops!(Accesses);
// guide: end
