//! A barrier that every thread of the process passes.

use rustix::thread::{MembarrierCommand, membarrier};

use crate::system::call::{Call, call};

/// Registers the process for the barrier. Returns whether the system has it.
pub(crate) fn register() -> bool {
    call(Call::Membarrier, || membarrier(MembarrierCommand::RegisterPrivateExpedited)).is_ok()
}

/// Makes every thread of this process pass a barrier. Returns whether that worked.
pub(crate) fn all_threads() -> bool {
    call(Call::Membarrier, || membarrier(MembarrierCommand::PrivateExpedited)).is_ok()
}
