//! The register of waits (rule L13): who waits for what at this moment.
//!
//! A thread registers what it waits for as it is about to sleep, and nowhere else. It also walks: from the owner of what
//! it waits for to what that owner waits for, and on. If the walk comes back to the thread itself, the threads on the
//! way wait for each other, and none of these waits would ever end. So the wait is refused, and the caller says so.
//!
//! | file | holds |
//! |---|---|
//! | `awaited` | what a thread waits for |
//! | `register` | the register: of an operating system, and of a model |
//! | `none` | stands in for it where no thread sleeps |
//!
//! # Why no circle is missed
//!
//! Registering and walking are one section of the register's own lock. Of the threads in a circle one registers last.
//! Each of the others had become the owner of its part before it registered its wait, so the lock of the register orders
//! both before the walk of the last thread: it sees the whole circle.
//!
//! # Why no circle is invented
//!
//! A registered wait ends only when its thread has what it waits for, or when nobody can own that any more. It has no
//! deadline. So if the walk comes back, the last thread on the way waits for something that the caller owns, and the
//! caller does not give it up while it waits. A thread that has just got what it waited for is still registered for a
//! moment, as a thread that waits for itself: the walk stops there. Waits with a deadline look for a circle, but are not
//! registered.
//!
//! # Waits that can be called off
//!
//! Two kinds of waits can be given up: a join, because the thread ends by itself, and the waits of an interrupt's end,
//! because another thread can make it. If a circle goes through one of them, that wait is called off, and nobody is
//! refused.
//!
//! # Cost
//!
//! Each thread waits for one thing, so the walk is a chain, and linear. A thread that does not sleep pays nothing.

#[cfg_attr(not(any(loom, feature = "std")), expect(dead_code, reason = "no thread sleeps, so nothing is registered"))]
mod awaited;
#[cfg(not(any(loom, feature = "std")))]
#[expect(dead_code, reason = "nothing is called off")]
mod none;
#[cfg(any(loom, feature = "std"))]
mod register;

pub(crate) use awaited::{Awaited, Label};
#[cfg(not(any(loom, feature = "std")))]
pub(crate) use none::{CallOff, Flag, look, through, through_soft};
#[cfg(any(loom, feature = "std"))]
pub(crate) use register::{CallOff, Flag, look, through, through_soft};
