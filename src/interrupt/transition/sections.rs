//! The sections of an interrupt that one thread is in, for another that waits for their end (rule E6).

use crate::error::{Error, ErrorKind};
use crate::interrupt::InterruptObject;

/// In which sections of an interrupt a thread is. They may lie in each other.
#[derive(Clone, Copy)]
pub(crate) struct Sections {
    lock: bool,
    transition: bool,
    work_item: bool,
}

impl<T, W> InterruptObject<T, W> {
    /// Returns the sections that the calling thread is in, or `None` if it is in none.
    pub(crate) fn sections_of_this_thread(&self) -> Option<Sections> {
        let sections = Sections {
            lock: self.lock().raw().is_mine(),
            transition: self.raw_control().is_mine(),
            work_item: self.work.is_mine(),
        };
        (sections.lock || sections.transition || sections.work_item).then_some(sections)
    }

    /// Waits until the sections have ended that another thread was in. Returns an error if a wait would never end.
    ///
    /// It waits for nothing else: the callback that is called afterwards may be what ends the others.
    pub(crate) fn wait_for(&self, sections: Sections) -> Result<(), Error> {
        if sections.lock {
            drop(self.lock().acquire_until(None)?);
        }
        if sections.transition {
            drop(self.begin()?);
        }
        if sections.work_item {
            self.work
                .wait_until_not_running(self.name(), false)
                .map_err(|circle| self.error(ErrorKind::WouldDeadlock { why: "its work item runs", circle }))?;
        }
        Ok(())
    }
}
