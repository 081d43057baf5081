//! The wire from the device to its interrupt.

use crate::source::{EdgeHandle, LevelHandle, Wakeup};

/// The way to interrupt that is in use. On PCI the two exclude each other.
#[derive(Debug, Default)]
pub(super) enum Output {
    /// Neither is in use.
    #[default]
    None,
    Line(LevelHandle),
    Message(EdgeHandle),
}

impl Output {
    pub fn is_plugged(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Brings the line to a level.
    pub fn drive(&self, asserted: bool) -> Wakeup {
        match self {
            Self::Line(line) if asserted => line.signal(),
            Self::Line(line) => {
                line.deassert();
                Wakeup::default()
            }
            Self::None | Self::Message(_) => Wakeup::default(),
        }
    }

    /// Sends the message.
    pub fn send(&self) -> Wakeup {
        match self {
            Self::Message(message) => message.signal(),
            Self::None | Self::Line(_) => Wakeup::default(),
        }
    }

    pub fn request_removal(&self) -> Wakeup {
        match self {
            Self::None => Wakeup::default(),
            Self::Line(line) => line.removal_request(),
            Self::Message(message) => message.removal_request(),
        }
    }

    pub fn remove(&self) -> Wakeup {
        match self {
            Self::None => Wakeup::default(),
            Self::Line(line) => line.removal(),
            Self::Message(message) => message.removal(),
        }
    }
}
