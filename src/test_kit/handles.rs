//! The handles of software sources are devices, for rigs of sources that are built on one.

use super::Device;
use crate::source::{EdgeHandle, LevelHandle, Removal};

impl Device for EdgeHandle {
    fn assert(&self) {
        self.assert();
    }

    fn remove(&self, how: Removal) {
        match how {
            Removal::Requested => self.request_removal(),
            Removal::Surprise => self.remove(),
        }
    }
}

impl Device for LevelHandle {
    fn assert(&self) {
        self.assert();
    }

    fn acknowledge(&self) -> bool {
        self.deassert();
        true
    }

    fn remove(&self, how: Removal) {
        match how {
            Removal::Requested => self.request_removal(),
            Removal::Surprise => self.remove(),
        }
    }
}
