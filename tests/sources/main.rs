//! Sources by other hands: three that were written from the guide's page "Writing a source" alone, and faulty ones, which show
//! that the test kit can fail. (`signalfd.rs` needs a program of its own.)
#![cfg(all(target_os = "linux", feature = "std", not(loom)))]

mod faulty;
mod pipe;
mod timerfd;
