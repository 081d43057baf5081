//! The object for one core, rule by rule, where a test can say when a vector comes. That one may come at every instruction
//! is swept in `tests/bare`, on emulated processors.
//!
//! Each test has a thread to itself, which stands for the core.

mod delivery;
mod lock;
mod rig;
mod transition;
mod work_item;
