//! Why a program ends early, and the exit status that tells the caller.

use std::fmt::{self, Display};

#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// The device can't be driven.
    Device(String),
    /// The program was at work when something failed.
    Run(String),
}

impl Failure {
    pub fn usage(why: String) -> Self {
        Self::Usage(why)
    }

    /// With the error's cause, on one line.
    pub fn of_the_device(error: impl Display) -> Self {
        Self::Device(format!("{error:#}"))
    }

    /// With the error's cause, on one line.
    pub fn of_the_run(error: impl Display) -> Self {
        Self::Run(format!("{error:#}"))
    }

    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Device(_) => 2,
            Self::Run(_) => 1,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Device(why) | Self::Run(why) => f.write_str(why),
        }
    }
}
