//! Which types may be sent and shared, checked by every build. An ISR may own any of them.

use static_assertions::assert_impl_all;

use crate::simulated::{Edu, EduRegisters, EduSource};
use crate::source::registers::Registers;
use crate::source::{EdgeHandle, LevelHandle, Software, Source};

assert_impl_all!(EdgeHandle: Send, Sync, Clone);
assert_impl_all!(LevelHandle: Send, Sync, Clone);
assert_impl_all!(Software: Source, Send);
assert_impl_all!(Edu: Send, Sync, Clone);
assert_impl_all!(EduSource: Source, Send);
assert_impl_all!(EduRegisters: Registers, Send, Sync, Clone);
