//! The table in which a thread looks up an interrupt by its number. Nothing here looks at rows that are not asked for.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::time::Duration;
use std::time::Instant;

use crate::dispatch::Polling;
use crate::dispatch::ready_word::Node;
use crate::dispatch::threads::moments::Moments;
use crate::dispatch::threads::window::{FOREVER, Window};
use crate::interrupt::serve::Serve;

/// A row for each slot, and what they have in common.
#[derive(Default)]
pub(super) struct ReadyTable {
    rows: Vec<Row>,
    /// The rows that no slot owns.
    free: Vec<usize>,
    /// When open windows close, at the earliest: each signal puts that off, and the moment follows once it has come.
    windows: Moments,
    /// When silences are over, at the earliest: as with `windows`.
    silences: Moments,
}

/// What the thread knows of one interrupt.
struct Row {
    /// The slot that owns the row raises its node. The node may still be raised when the next slot takes the row.
    node: Arc<Node>,
    /// The interrupt, while its slot is open.
    object: Option<Weak<dyn Serve>>,
    /// Present if the interrupt asks for it, while the slot is open.
    timed: Option<Box<Timed>>,
}

/// What an interrupt asks for that depends on the time.
struct Timed {
    window: Window,
    /// Present with `Builder::poll_when_silent`.
    silence: Option<Silence>,
}

/// When the ISR of a silent interrupt runs as if its line had signalled ([rule I14](crate::guide::contract#i14)).
struct Silence {
    period: Duration,
    due: Instant,
}

/// The moments that end the thread's wait.
#[derive(Clone, Copy, Default)]
pub(super) struct Deadlines {
    /// When an open polling window may close.
    pub(super) polls_until: Option<Instant>,
    /// When the silence of an interrupt may be over ([rule I14](crate::guide::contract#i14)).
    pub(super) silence_over: Option<Instant>,
}

/// What the thread finds as it looks a number up.
pub(super) struct Found {
    pub(super) number: usize,
    /// The interrupt, unless it is closed or gone.
    pub(super) object: Option<Arc<dyn Serve>>,
    /// Whether its signals are to be noted.
    pub(super) timed: bool,
    pub(super) deadlines: Deadlines,
}

impl ReadyTable {
    /// Returns a row for one more slot: its number and its node.
    pub(super) fn take_row(&mut self) -> (usize, Arc<Node>) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Row { node: Arc::new(Node::new()), object: None, timed: None });
            self.rows.len() - 1
        });
        (number, self.rows[number].node.clone())
    }

    /// Frees a row that is closed.
    pub(super) fn free_row(&mut self, number: usize) {
        self.free.push(number);
    }

    /// Returns how many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn node(&self, number: usize) -> &Node {
        &self.rows[number].node
    }

    /// Opens the row. Returns whether the thread has to learn of a deadline that is earlier, or gone.
    pub(super) fn open(
        &mut self,
        number: usize,
        object: Weak<dyn Serve>,
        polling: Polling,
        silence: Option<Duration>,
        now: Instant,
    ) -> bool {
        let was_open = self.close(number);
        let window = Window::new(polling);
        let row = &mut self.rows[number];
        row.object = Some(object);
        if window.exists() {
            self.windows.make_room(number);
        }
        let silence = silence.map(|period| Silence { period, due: over(now, period) });
        let due = silence.as_ref().map(|silence| silence.due);
        if window.exists() || due.is_some() {
            row.timed = Some(Box::new(Timed { window, silence }));
        }
        let Some(due) = due else { return was_open };
        let before = self.silences.first();
        self.silences.make_room(number);
        self.silences.set(number, due);
        was_open || before.is_none_or(|before| due < before)
    }

    /// Closes the row. Returns whether its window was open, so that the thread has to learn that it may sleep sooner.
    pub(super) fn close(&mut self, number: usize) -> bool {
        let row = &mut self.rows[number];
        (row.object, row.timed) = (None, None);
        self.silences.remove(number);
        self.windows.remove(number)
    }

    #[inline]
    pub(super) fn find(&self, number: usize) -> Found {
        let row = self.rows.get(number);
        Found {
            number,
            object: row.and_then(|row| row.object.as_ref()?.upgrade()),
            timed: row.is_some_and(|row| row.timed.is_some()),
            deadlines: self.deadlines(),
        }
    }

    #[inline]
    pub(super) fn deadlines(&self) -> Deadlines {
        Deadlines { polls_until: self.windows.first(), silence_over: self.silences.first() }
    }

    /// Notes that an interrupt has been served: its window opens, and its silence begins anew.
    pub(super) fn note_signal(&mut self, number: usize, now: Instant) -> Deadlines {
        if let Some(timed) = self.rows.get_mut(number).and_then(|row| row.timed.as_mut()) {
            if let Some(until) = timed.window.open(now)
                && !self.windows.has(number)
            {
                self.windows.set(number, until);
            }
            if let Some(silence) = &mut timed.silence {
                silence.due = over(now, silence.period);
            }
        }
        self.deadlines()
    }

    /// Closes the windows whose moment has come. Returns when the next may close.
    pub(super) fn close_windows(&mut self, now: Instant) -> Option<Instant> {
        while let Some(number) = self.windows.due(now) {
            let timed = self.rows.get(number).and_then(|row| row.timed.as_ref());
            match timed.and_then(|timed| timed.window.until()).filter(|&until| until > now) {
                // It has been opened again since.
                Some(until) => self.windows.set(number, until),
                None => drop(self.windows.remove(number)),
            }
        }
        self.windows.first()
    }

    /// Looks at the silence whose moment has come first, if one has. If that silence is over, begins the next one, and
    /// returns the interrupt's number.
    pub(super) fn next_silent(&mut self, now: Instant) -> Option<Option<usize>> {
        let number = self.silences.due(now)?;
        let silence = self.rows.get_mut(number).and_then(|row| row.timed.as_mut()?.silence.as_mut());
        let Some(silence) = silence else {
            self.silences.remove(number);
            return Some(None);
        };
        let is_over = silence.due <= now;
        if is_over {
            silence.due = over(now, silence.period);
        }
        self.silences.set(number, silence.due);
        Some(is_over.then_some(number))
    }
}

/// Returns when a silence is over that begins now.
fn over(now: Instant, period: Duration) -> Instant {
    // A moment that the clock can't express is as good as for ever.
    now.checked_add(period).unwrap_or_else(|| now + FOREVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::SourceError;

    struct Nothing;

    impl Serve for Nothing {
        fn serve(&self) -> bool {
            false
        }

        fn woken(&self) -> bool {
            false
        }

        #[cfg(unix)]
        fn serve_removal(&self) -> bool {
            false
        }

        fn silent(&self) {}

        fn refused(&self, _: &SourceError) {}

        fn work(&self) {}
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// A table with open rows, one for each period or window.
    fn table(rows: &[(Polling, Option<Duration>)], now: Instant) -> (ReadyTable, Arc<dyn Serve>) {
        let (mut table, object): (_, Arc<dyn Serve>) = (ReadyTable::default(), Arc::new(Nothing));
        for &(polling, silence) in rows {
            let (number, _) = table.take_row();
            table.open(number, Arc::downgrade(&object), polling, silence, now);
        }
        (table, object)
    }

    /// Returns the interrupts whose silence is over, one after the other.
    fn silent(table: &mut ReadyTable, now: Instant) -> Vec<usize> {
        core::iter::from_fn(|| table.next_silent(now)).flatten().collect()
    }

    // Caught: a signal that does not put it off; a moment that is left as it was; a silence that ends before its period.
    #[test]
    fn i14_a_silence_is_over_a_period_after_the_last_signal() {
        let now = Instant::now();
        let at = |seconds: u32| now + seconds * SECOND;
        let silences = [4, 2, 3].map(|seconds| (Polling::None, Some(seconds * SECOND)));
        let (mut table, _object) = table(&silences, now);
        assert_eq!(table.deadlines().silence_over, Some(at(2)));
        for _ in 0..2 {
            let deadlines = table.note_signal(1, at(1));
            // The moment stays, and is put off once it has come.
            assert_eq!(deadlines.silence_over, Some(at(2)));
        }
        assert_eq!(silent(&mut table, at(2)), []);
        assert_eq!(table.deadlines().silence_over, Some(at(3)));
        assert_eq!(silent(&mut table, at(4)).len(), 3);
        // Each begins anew: 1 is over at 6, 2 at 7, 0 at 8.
        assert_eq!(silent(&mut table, at(7)), [1, 2]);
        assert_eq!(silent(&mut table, at(8)), [0]);
    }

    // Caught: a thread that is told of each silence that begins; one that is told of none.
    #[test]
    fn i14_the_thread_is_told_of_an_earlier_silence_only() {
        let now = Instant::now();
        let (mut table, object) = table(&[(Polling::None, None); 4], now);
        let mut open = |number, seconds: u32| {
            table.open(number, Arc::downgrade(&object), Polling::None, Some(seconds * SECOND), now)
        };
        assert!(open(0, 5) && !open(1, 6) && !open(2, 5) && open(3, 4));
        assert!(!table.close(3));
        assert_eq!(table.deadlines().silence_over, Some(now + 5 * SECOND));
        assert!(silent(&mut table, now + 4 * SECOND).is_empty());
    }

    // Caught: a window that ends as it was first opened; one that stays open for ever; one that is not closed with its
    // row.
    #[test]
    fn a_window_is_open_until_it_closes_or_its_row_does() {
        let now = Instant::now();
        let at = |seconds: u32| now + seconds * SECOND;
        let (mut table, object) = table(&[2, 9].map(|seconds| (Polling::Fixed(seconds * SECOND), None)), now);
        assert_eq!(table.deadlines().polls_until, None);
        assert_eq!(table.note_signal(0, now).polls_until, Some(at(2)));
        assert_eq!(table.note_signal(0, at(1)).polls_until, Some(at(2)));
        assert_eq!(table.close_windows(at(2)), Some(at(3)));
        assert_eq!(table.close_windows(at(3)), None);
        table.note_signal(1, now);
        assert!(table.close(1) && !table.close(1));
        assert_eq!(table.deadlines().polls_until, None);
        // A row that is opened again polls anew.
        table.note_signal(0, at(4));
        assert!(table.open(0, Arc::downgrade(&object), Polling::Fixed(SECOND), None, now));
        assert_eq!(table.deadlines().polls_until, None);
    }

    // Caught: a row that is made though one is free; a node that goes with its slot.
    #[test]
    fn a_free_row_is_taken_again_with_its_node() {
        let mut table = ReadyTable::default();
        let rows: Vec<_> = (0..3).map(|_| table.take_row()).collect();
        assert!(rows.iter().map(|(number, _)| *number).eq(0..3));
        table.free_row(1);
        let (number, node) = table.take_row();
        assert!(number == 1 && Arc::ptr_eq(&node, &rows[1].1));
        assert_eq!((table.take_row().0, table.len()), (3, 4));
    }
}
