//! The sources, as far as an interrupt sees them.

use crate::contract::World;
use crate::operations::{Event, METHODS, Method, SourceKind, Which};

/// Why a source did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Removed,
    Fails,
    Panics,
}

/// What a source says of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Wanted,
    Gone,
}

/// A software source.
#[derive(Default)]
pub(super) struct Software {
    level: bool,
    connected: bool,
    asserted: bool,
    masked: bool,
    removal_wanted: bool,
    removed: bool,
    signalled: u64,
    /// Signalled before the disconnection: the next `take` has it, or the next connection counts it as stale.
    left: Option<u64>,
    /// What the next drain counts.
    stale: u64,
}

/// The source of an interrupt.
pub(super) struct Source {
    software: Software,
    pub(super) failures: [Option<Trouble>; METHODS.len()],
    /// Of a line's member: what was for it as it left.
    pub(super) left_line: Option<u64>,
}

impl Source {
    pub(super) fn of(kind: SourceKind) -> Self {
        Self { software: Software::new(kind == SourceKind::Level), failures: [None; METHODS.len()], left_line: None }
    }
}

impl Software {
    pub(super) fn new(level: bool) -> Self {
        Self { level, ..Self::default() }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Assert if self.level => self.asserted = true,
            Event::Assert => self.signalled += 1,
            Event::Deassert => self.asserted = false,
            Event::RequestRemoval => self.removal_wanted = true,
            Event::Remove => self.removed = true,
            Event::Fails(_) | Event::Panics(_) => {}
        }
        self.signal();
    }

    /// A level signals once, and then is masked.
    fn signal(&mut self) {
        if self.connected && self.asserted && !self.masked {
            (self.masked, self.signalled) = (true, 1);
        }
    }

    pub(super) fn connect(&mut self) -> Result<(), Trouble> {
        self.still_there()?;
        if !self.connected {
            self.stale += self.left.take().unwrap_or(0) + std::mem::take(&mut self.signalled);
            (self.connected, self.masked) = (true, false);
            self.signal();
        }
        Ok(())
    }

    pub(super) fn disconnect(&mut self) -> Result<(), Trouble> {
        let signalled = if self.connected { Some(std::mem::take(&mut self.signalled)) } else { None };
        self.connected = false;
        self.still_there()?;
        if signalled.is_some() {
            self.left = signalled;
        }
        Ok(())
    }

    pub(super) fn take(&mut self) -> Result<u64, Trouble> {
        if let Some(left) = self.left.take() {
            return self.still_there().map(|()| left);
        }
        let signalled = std::mem::take(&mut self.signalled);
        self.still_there()?;
        Ok(if self.connected { signalled } else { signalled + std::mem::take(&mut self.stale) })
    }

    pub(super) fn unmask(&mut self) -> Result<(), Trouble> {
        self.masked = false;
        self.signal();
        self.still_there()
    }

    fn still_there(&self) -> Result<(), Trouble> {
        if self.removed { Err(Trouble::Removed) } else { Ok(()) }
    }

    pub(super) fn removal(&self) -> Option<Wish> {
        if self.removed { Some(Wish::Gone) } else { self.removal_wanted.then_some(Wish::Wanted) }
    }
}

impl World {
    fn source(&mut self, which: Which) -> &mut Software {
        &mut self.interrupts[which].source.software
    }

    pub(super) fn source_event(&mut self, which: Which, event: Event) {
        let trouble = match event {
            Event::Fails(method) => Some((method, Trouble::Fails)),
            Event::Panics(method) => Some((method, Trouble::Panics)),
            _ => None,
        };
        if let Some((method, trouble)) = trouble {
            self.interrupts[which].source.failures[method as usize] = Some(trouble);
            return;
        }
        match self.interrupts[which].kind.source {
            SourceKind::None => {}
            SourceKind::Line => self.line.software.happens(event),
            _ => self.source(which).happens(event),
        }
    }

    /// What the ISR of a level does first.
    pub(super) fn deassert(&mut self, which: Which) {
        self.source_event(which, Event::Deassert);
    }

    fn called(&mut self, which: Which, method: Method) -> Result<(), Trouble> {
        // An ended interrupt has no source any more.
        self.interrupts[which].source.failures[method as usize].take().map_or(Ok(()), Err)
    }

    pub(super) fn has_source(&self, which: Which) -> bool {
        let interrupt = &self.interrupts[which];
        interrupt.kind.source != SourceKind::None && interrupt.freed == 0
    }

    /// Does what the source would do, if it is there and is not to fail.
    fn ask<R: Default>(
        &mut self,
        which: Which,
        method: Method,
        software: impl FnOnce(&mut Software) -> Result<R, Trouble>,
        member: impl FnOnce(&mut Self) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        if !self.has_source(which) {
            return Ok(R::default());
        }
        self.called(which, method)?;
        if self.interrupts[which].kind.source == SourceKind::Line { member(self) } else { software(self.source(which)) }
    }

    pub(super) fn take(&mut self, which: Which) -> Result<u64, Trouble> {
        self.ask(which, Method::Take, Software::take, |world| world.take_from_line(which))
    }

    pub(super) fn connect_source(&mut self, which: Which) -> Result<(), Trouble> {
        self.ask(which, Method::Connect, Software::connect, |world| world.join_line(which))
    }

    pub(super) fn unmask_source(&mut self, which: Which) -> Result<(), Trouble> {
        self.ask(which, Method::Unmask, Software::unmask, |world| {
            world.unmasked_by(which);
            Ok(())
        })
    }

    /// Disconnects even where it fails.
    pub(super) fn disconnect(&mut self, which: Which) -> Result<(), Trouble> {
        if !self.has_source(which) {
            return Ok(());
        }
        let disconnected = if self.interrupts[which].kind.source == SourceKind::Line {
            self.leave_line(which)
        } else {
            self.source(which).disconnect()
        };
        self.called(which, Method::Disconnect).and(disconnected)
    }

    /// Asks the source for a removal. Its panic is a fault.
    pub(super) fn look_for_removal(&mut self, which: Which) -> Option<Wish> {
        if !self.has_source(which) {
            return None;
        }
        match self.called(which, Method::Removal) {
            Err(Trouble::Panics) => {
                self.fault(which, "Source panicked");
                None
            }
            Err(_) => None,
            Ok(()) if self.interrupts[which].kind.source == SourceKind::Line => self.line.software.removal(),
            Ok(()) => self.source(which).removal(),
        }
    }
}
