//! The files of sysfs and proc.

use std::{fs, path::Path, string::String};

/// Reads the text of a file, without its line end.
pub(crate) fn attribute(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().into())
}

/// Reads a number, decimal or hexadecimal with `0x`.
pub(crate) fn number(path: impl AsRef<Path>) -> Option<u64> {
    let text = attribute(path)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns the last part of a symbolic link's target: the name of a driver, a subsystem, a group.
pub(crate) fn link_name(path: impl AsRef<Path>) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}
