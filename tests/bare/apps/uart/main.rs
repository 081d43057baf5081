//! The guide's UART as the guide shows it, with PRIMASK.
#![no_std]
#![no_main]

mod program;
