//! Words that are models by themselves, without an interrupt.

mod ready_word;
mod waitable;
