//! The core without an operating system: a program of its own, because its library is another one. It is run by
//! `cargo test -p interrupt-lock-tests --no-default-features --test bare_metal`.
//!
//! The test's threads stand for processors: each has its own `Cpu` and its own mask. A vector that the mask does not stop
//! comes at each instant at which the crate asks the platform for something.
#![cfg(not(feature = "std"))]

#[cfg(feature = "alloc")]
mod allocations;
mod hooks;
mod life;
mod lock;
mod machine;
mod uart;
mod vectors;
