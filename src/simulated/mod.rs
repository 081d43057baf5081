//! Devices that live in this process, to try and to test a driver without its hardware.
//!
//! A driver written against [`Registers`](crate::Registers) and [`Source`](crate::source::Source) runs on them unchanged.
//!
//! # Examples
//!
//! The ISR of a driver for [`Edu`], under test:
//!
//! ```
//! use std::{task::Waker, time::Duration};
//! use interrupt_lock::{Claim, Registers, simulated::{Edu, Step}, source::Source};
//!
//! const INTERRUPT_STATUS: usize = 0x24;
//! const ACKNOWLEDGE: usize = 0x64;
//!
//! fn isr(registers: &impl Registers) -> Claim {
//!     match registers.read32_live(INTERRUPT_STATUS) {
//!         None => Claim::DeviceGone,
//!         Some(0) => Claim::Unclaimed,
//!         Some(status) => {
//!             registers.write32(ACKNOWLEDGE, status);
//!             Claim::Claimed
//!         }
//!     }
//! }
//!
//! let device = Edu::new();
//! let mut line = device.line()?;
//! line.connect(Waker::noop())?;
//!
//! device.perform(Step::Raise(1));
//! assert_eq!(line.take()?, 1);
//! assert_eq!(isr(&device.registers()), Claim::Claimed);
//! line.unmask()?;
//! assert_eq!(line.take()?, 0); // acknowledged, so the line is quiet
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod edu;
mod facts;

pub use edu::{Edu, EduOptions, EduRegisters, EduSource, Step};
