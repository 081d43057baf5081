//! What the table waits for: the next second, a key, a signal.

use std::io::{IsTerminal, stdin};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::signals::Signals;
use crate::Failure;

pub enum Event {
    /// The time has come.
    Due,
    Resized,
    Suspend,
    /// The program runs again after it was stopped.
    Continued,
    Quit,
}

pub struct Events {
    signals: Signals,
    has_keys: bool,
}

impl Events {
    /// From here on the signals wait to be read. Threads that exist already would take them.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { signals: Signals::new()?, has_keys: stdin().is_terminal() })
    }

    pub fn wait_until(&self, due: Instant) -> Result<Event, Failure> {
        loop {
            // Signals come first: after a stop nothing else is right to do.
            if let Some(event) = self.signals.next()? {
                return Ok(event);
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::Due);
            }
            let input = stdin();
            let mut waiting = vec![PollFd::new(&self.signals, PollFlags::IN)];
            if self.has_keys {
                waiting.push(PollFd::new(&input, PollFlags::IN));
            }
            match poll(&mut waiting, Some(&Timespec::try_from(left).unwrap_or_default())) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(Failure::of_the_run(error)),
            }
            if waiting.get(1).is_some_and(|keys| !keys.revents().is_empty()) && wants_to_quit()? {
                return Ok(Event::Quit);
            }
        }
    }
}

/// Reads the keys that have been pressed. A terminal that is gone ends the program too.
fn wants_to_quit() -> Result<bool, Failure> {
    let mut keys = [0; 16];
    match rustix::io::read(stdin(), &mut keys) {
        Ok(0) | Err(Errno::IO) => Ok(true),
        Ok(n) => Ok(keys[..n].iter().any(|key| matches!(key, b'q' | b'Q'))),
        Err(Errno::INTR | Errno::AGAIN) => Ok(false),
        Err(error) => Err(Failure::of_the_run(error)),
    }
}
