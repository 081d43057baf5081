//! Words that are models by themselves, without an interrupt.

mod once;
mod ready_word;
