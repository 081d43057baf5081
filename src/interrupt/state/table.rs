//! The table of an interrupt's phases and of the events that move it: the only place that decides which event leads
//! where.
//!
//! `guide::how_it_works` shows the same table, and draws it. A test holds page and picture against this one.

/// Where an interrupt is between its building and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Phase {
    /// Not connected.
    Disabled = 0,
    /// Its source is being connected, or is connected and the enable callback runs. No ISR runs yet.
    Connecting = 1,
    /// Connected and served.
    Enabled = 2,
    /// Connected while its device is in low power. An assertion wakes the device.
    Asleep = 3,
    /// Taken out of service by a fault, and disconnected.
    Faulted = 4,
    /// Its device has gone.
    Removed = 5,
    /// Its handle has been dropped, and all is freed.
    Ended = 6,
}

use Phase::*;

/// What happens to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Event {
    /// An enable begins.
    Enable,
    /// The enable callback has succeeded.
    Connected,
    /// The source could not be connected, or the enable callback has failed.
    NotConnected,
    /// A disable.
    Disable,
    /// Its device leaves D0, and the interrupt may wake it.
    Sleep,
    /// Its device is in D0 again.
    Awake,
    /// A callback has panicked, the source has failed, or there was a storm.
    Fault,
    /// The driver clears the fault.
    ClearFault,
    /// The device has gone.
    Remove,
    /// The handle has been dropped.
    End,
}

/// What an event does to an interrupt in some phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It moves to that phase.
    To(Phase),
    /// It stays as it is: there is nothing to do.
    Stay,
    /// It stays as it is, and the caller is told why: it is faulted, its device has gone, or it has ended.
    Refuse,
}

use Next::{Refuse, Stay, To};

#[rustfmt::skip]
const TABLE: [(Event, [Next; 7]); 10] = [
    //                      Disabled        Connecting    Enabled       Asleep        Faulted       Removed    Ended
    (Event::Enable,       [To(Connecting), Stay,         Stay,         Stay,         Refuse,       Refuse,    Refuse]),
    (Event::Connected,    [Stay,           To(Enabled),  Stay,         Stay,         Refuse,       Refuse,    Refuse]),
    (Event::NotConnected, [Stay,           To(Disabled), Stay,         Stay,         Stay,         Stay,      Stay]),
    (Event::Disable,      [Stay,           Stay,         To(Disabled), To(Disabled), Stay,         Refuse,    Refuse]),
    (Event::Sleep,        [Stay,           Stay,         To(Asleep),   Stay,         Stay,         Stay,      Stay]),
    (Event::Awake,        [Stay,           Stay,         Stay,         To(Enabled),  Stay,         Stay,      Stay]),
    (Event::Fault,        [To(Faulted),    To(Faulted),  To(Faulted),  To(Faulted),  Stay,         Stay,      Stay]),
    (Event::ClearFault,   [Stay,           Stay,         Stay,         Stay,         To(Disabled), Stay,      Stay]),
    (Event::Remove,       [To(Removed),    To(Removed),  To(Removed),  To(Removed),  To(Removed),  Stay,      Stay]),
    (Event::End,          [To(Ended),      To(Ended),    To(Ended),    To(Ended),    To(Ended),    To(Ended), Stay]),
];

/// Returns what `event` does to an interrupt in `phase`.
pub(super) const fn next(event: Event, phase: Phase) -> Next {
    TABLE[event as usize].1[phase as usize]
}

impl Phase {
    const ALL: [Self; 7] = [Disabled, Connecting, Enabled, Asleep, Faulted, Removed, Ended];

    pub(super) const fn of(number: usize) -> Self {
        Self::ALL[number]
    }

    /// Returns whether the source is connected, or is being connected.
    pub(crate) const fn is_connected(self) -> bool {
        matches!(self, Connecting | Enabled | Asleep)
    }

    /// Returns whether the enable callback has succeeded, and no disable or removal callback has run since.
    pub(crate) const fn is_in_service(self) -> bool {
        matches!(self, Enabled | Asleep)
    }
}

// Each number is its place in the table.
const _: () = {
    let mut event = 0;
    while event < TABLE.len() {
        assert!(TABLE[event].0 as usize == event);
        event += 1;
    }
    let mut phase = 0;
    while phase < Phase::ALL.len() {
        assert!(Phase::ALL[phase] as usize == phase);
        phase += 1;
    }
};
