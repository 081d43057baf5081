//! In place of the socket on which a driver publishes: there is one on Linux only.

use std::path::Path;

use interrupt_lock::Export;

use crate::Failure;

pub enum Publisher {}

pub fn publish(_: &Export, path: &Path) -> Result<Publisher, Failure> {
    Err(Failure::Device(format!("can't publish on {}: this system has no such socket", path.display())))
}

/// Asks a driver. An error is a sentence.
pub fn ask(path: &Path) -> Result<String, String> {
    Err(format!("can't connect to {}: this system has no such socket", path.display()))
}
