//! Words that are models by themselves, without an interrupt.

mod eventfd;
mod ready_word;
mod waitable;
