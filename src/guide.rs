//! Guides for driver authors, ten minutes each.
//!
//! | page | for |
//! |---|---|
//! | [`first_driver`] | the parts of a driver, from its device to its end |
//! | [`porting`] | a driver that exists, for UMDF or KMDF: call by call |
//! | [`from_a_loop`] | a program that waits on UIO or VFIO descriptors by itself |
//! | [`model_checking`] | your own driver under loom |
//! | [`slow_isr`] | an ISR that takes too long, or comes too late |
//! | [`teardown`] | a device that reads and writes memory |
//!
//! Every snippet is a test of this crate.

#[doc = include_str!("guide/first_driver.md")]
pub mod first_driver {}
#[doc = include_str!("guide/from_a_loop.md")]
pub mod from_a_loop {}
#[doc = include_str!("guide/model_checking.md")]
pub mod model_checking {}
#[doc = include_str!("guide/porting.md")]
pub mod porting {}
#[doc = include_str!("guide/slow_isr.md")]
pub mod slow_isr {}
#[doc = include_str!("guide/teardown.md")]
pub mod teardown {}
