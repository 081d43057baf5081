//! Why the program ends early.

use std::fmt;

use interrupt_lock::{Error, SourceError};

#[derive(Debug)]
pub enum Failure {
    /// The command line.
    Usage(String),
    /// The device can't be driven.
    Device(String),
    /// It could, and then something happened.
    Run(String),
}

impl Failure {
    pub fn of_the_device(error: impl fmt::Display) -> Self {
        Self::Device(error.to_string())
    }

    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Device(_) => 2,
            Self::Run(_) => 1,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Run(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Device(why) | Self::Run(why) => f.write_str(why),
        }
    }
}
