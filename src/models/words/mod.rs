//! Words that are models by themselves, without an interrupt.

mod read_ahead;
mod ready_word;
mod waitable;
