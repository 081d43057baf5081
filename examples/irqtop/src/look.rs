//! What is looked at: a running driver, or the machine of simulated devices. Both tell by the same text.

use std::path::PathBuf;

use crate::Failure;
use crate::arguments::Target;
use crate::machine::Machine;
use crate::socket::ask;
use crate::text::{self, Figures};

pub enum Looked {
    Machine(Machine),
    Driver(PathBuf),
}

impl Looked {
    /// Starts the machine, or finds out whether a driver answers.
    pub fn begin(target: Target) -> Result<Self, Failure> {
        match target {
            Target::Machine { publish } => Machine::start(publish.as_deref()).map(Self::Machine),
            Target::Driver(path) => {
                ask(&path).map_err(Failure::Device)?;
                Ok(Self::Driver(path))
            }
        }
    }

    /// The figures of this moment.
    pub fn look(&self) -> Result<Vec<Figures>, Failure> {
        match self {
            Self::Machine(machine) => Ok(text::read(&machine.text())),
            Self::Driver(path) => ask(path).map(|text| text::read(&text)).map_err(Failure::Run),
        }
    }

    pub fn end(self) -> Result<(), Failure> {
        match self {
            Self::Machine(machine) => machine.stop(),
            Self::Driver(_) => Ok(()),
        }
    }
}
