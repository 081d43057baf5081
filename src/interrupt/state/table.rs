//! The table of an interrupt's phases and of the events that move it: the only place that decides which event leads
//! where.
//!
//! `guide::how_it_works` shows the same table, and draws it. A test holds page and picture against this one.

/// Where an interrupt is between its building and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
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
    /// Its handle has been dropped. No callback runs any more, and what the driver has registered is freed next.
    Ended = 6,
}

use Phase::*;

/// What happens to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
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

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    const PAGE: &str = include_str!("../../guide/how_it_works/states.md");
    const PICTURE: &str = include_str!("../../guide/pictures/states.svg");

    /// The entries of the table that lead somewhere.
    fn ways() -> Vec<(Event, Phase, Phase)> {
        let entries = TABLE.iter().flat_map(|&(event, row)| Phase::ALL.map(|from| (event, from, row[from as usize])));
        entries
            .filter_map(|(event, from, next)| if let To(to) = next { Some((event, from, to)) } else { None })
            .collect()
    }

    fn phase(name: &str) -> Phase {
        let found = Phase::ALL.into_iter().find(|phase| format!("{phase:?}").eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("there is no phase {name}"))
    }

    fn event(name: &str) -> Event {
        let found = TABLE.iter().map(|(event, _)| *event).find(|e| format!("{e:?}").eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("there is no event {name}"))
    }

    fn phases(cell: &str) -> Vec<Phase> {
        cell.split(',').map(str::trim).filter(|name| !name.is_empty()).map(phase).collect()
    }

    /// A row of the page's table, with what its list of refusals says of the event.
    fn row(line: &str) -> Option<(Event, [Next; 7])> {
        let cells: Vec<&str> = line.strip_prefix("| **")?.split('|').collect();
        let [name, from, to, ""] = cells[..] else { panic!("not three cells: {line}") };
        let name = name.split_once("**")?.0;
        let refused =
            PAGE.lines().filter_map(|line| line.strip_prefix("- **")?.strip_prefix(name)?.strip_prefix("** in "));
        let (from, to, refused) = (phases(from), phase(to.trim()), refused.flat_map(phases).collect::<Vec<_>>());
        let next = Phase::ALL.map(|phase| match (from.contains(&phase), refused.contains(&phase)) {
            (true, false) => To(to),
            (false, true) => Refuse,
            (false, false) => Stay,
            (true, true) => panic!("both ways at once: {line}"),
        });
        Some((event(name), next))
    }

    /// The ways that an arrow of the picture stands for. Its id says them: `event-from-to`.
    fn arrow(line: &str) -> Option<Vec<(Event, Phase, Phase)>> {
        let id = line.strip_prefix("<path id=\"")?.split('"').next()?;
        let [of, from, to] = id.split('-').collect::<Vec<_>>()[..] else { panic!("not three parts: {id}") };
        let from: Vec<Phase> = match from {
            "any" => Phase::ALL.into_iter().filter(|&from| from != Ended).collect(),
            "anyconnected" => Phase::ALL.into_iter().filter(|from| from.is_connected()).collect(),
            from => vec![phase(from)],
        };
        Some(from.into_iter().map(|from| (event(of), from, phase(to))).collect())
    }

    /// A way that the page says the picture leaves out.
    fn left_out(line: &str) -> Option<(Event, Phase)> {
        let (name, rest) = line.strip_prefix("- **")?.split_once("** from ")?;
        Some((event(name), phase(rest.split_once(':')?.0)))
    }

    // Caught: an entry of `TABLE` that is changed, added or taken out; the same in a row of the page.
    #[test]
    fn the_page_shows_the_table() {
        let page: Vec<_> = PAGE.lines().filter_map(row).collect();
        assert_eq!(page, TABLE);
    }

    // Caught: an arrow that is taken out, added or has another end; a way that is drawn and left out, or neither.
    #[test]
    fn the_picture_draws_the_table() {
        let mut shown: Vec<_> = PICTURE.lines().filter_map(arrow).flatten().collect();
        for (event, from) in PAGE.lines().filter_map(left_out) {
            let Next::To(to) = next(event, from) else { panic!("{event:?} from {from:?} leads nowhere") };
            shown.push((event, from, to));
        }
        let order = |way: &(Event, Phase, Phase)| (way.0 as usize, way.1 as usize);
        shown.sort_by_key(order);
        assert_eq!(shown, ways());
        // Each arrow has an id: the group of arrows has no other lines.
        let arrows = PICTURE.split("marker-end=").nth(1).and_then(|group| group.split("</g>").next()).unwrap();
        assert_eq!(arrows.matches("<path").count(), PICTURE.lines().filter_map(arrow).count());
    }
}
