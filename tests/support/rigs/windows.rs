//! Events and timers of Windows.

use std::os::windows::io::AsHandle;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use interrupt_lock::Trigger;
use interrupt_lock::source::{LineMember, SharedLine};
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::windows::{Event, EventSignaller};

use super::sentence;

/// An auto-reset event of the source's own, or one that it is given. It holds one signal, so it does not count.
pub enum EventAutoReset {
    Own,
    Given,
}

impl Rig for EventAutoReset {
    type Source = Event;
    type Device = Edges;

    fn is_level(&self) -> bool {
        false
    }

    fn counts(&self) -> bool {
        false
    }

    fn set_up(&self) -> Result<(Event, Edges), String> {
        let event = Event::auto_reset().map_err(sentence)?;
        let device = Edges(event.signaller());
        let source = match self {
            Self::Own => event,
            Self::Given => {
                let handle = event.as_handle().try_clone_to_owned().map_err(sentence)?;
                Event::from_handle(handle, Trigger::Edge).map_err(sentence)?
            }
        };
        Ok((source, device))
    }
}

/// The device's end of an auto-reset event.
pub struct Edges(EventSignaller);

impl Device for Edges {
    fn assert(&self) {
        self.0.signal().expect("an event can be signalled");
    }
}

/// A manual-reset event: a device holds it signalled until it is acknowledged.
pub struct EventManualReset;

impl Rig for EventManualReset {
    type Source = Event;
    type Device = Line;

    fn is_level(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(Event, Line), String> {
        let event = Event::manual_reset().map_err(sentence)?;
        let line = Line::of(&event);
        Ok((event, line))
    }
}

/// The device's end of a manual-reset event.
pub struct Line {
    event: EventSignaller,
    asserted: AtomicBool,
}

impl Line {
    fn of(event: &Event) -> Self {
        Self { event: event.signaller(), asserted: AtomicBool::new(false) }
    }
}

impl Device for Line {
    fn assert(&self) {
        self.asserted.store(true, SeqCst);
        self.event.signal().expect("an event can be signalled");
    }

    fn acknowledge(&self) -> bool {
        // First the event: what is asserted after this is signalled anew.
        self.event.reset().expect("an event can be reset");
        self.asserted.swap(false, SeqCst)
    }
}

/// The only member of a line whose source is a manual-reset event.
pub struct SharedEvent;

impl Rig for SharedEvent {
    type Source = LineMember;
    type Device = Line;

    fn is_level(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(LineMember, Line), String> {
        let (event, line) = EventManualReset.set_up()?;
        Ok((SharedLine::new(event).map_err(sentence)?.member(), line))
    }
}
