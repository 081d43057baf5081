//! The alternate screen, and the terminal's modes: changed while the table is shown, and restored however that ends.

use std::io::{IsTerminal, stdin, stdout};
use std::panic;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::table::Table;
use crate::{Failure, program};

/// Switches to the alternate screen, and hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// Shows the cursor, and switches back to what was on the screen before.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Moves to the upper left corner, and clears the screen.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// The size of a terminal that doesn't tell its own.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// What is to be restored.
struct Before {
    /// `None` if standard input is no terminal.
    modes: Option<Termios>,
}

/// Set while the alternate screen is shown. A static, because a panic hook restores from it too.
static BEFORE: Mutex<Option<Before>> = Mutex::new(None);

/// Dropping it restores the terminal.
pub struct Screen(());

impl Screen {
    pub fn new() -> Result<Self, Failure> {
        // A panic's message is to be read: it must not go away with the alternate screen.
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        let this = Self(());
        this.enter()?;
        Ok(this)
    }

    /// Switches to the alternate screen. A second time: sets the modes again, which the shell may have changed.
    pub fn enter(&self) -> Result<(), Failure> {
        let mut before = before();
        if before.is_none() {
            let modes = stdin().is_terminal().then(|| tcgetattr(stdin())).transpose();
            *before = Some(Before { modes: modes.map_err(Failure::of_the_run)? });
        }
        if let Some(Before { modes: Some(modes) }) = &*before {
            // Each key can be read as it is pressed, and is not shown. Ctrl-c and ctrl-z remain signals.
            let mut keys = modes.clone();
            keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            tcsetattr(stdin(), OptionalActions::Now, &keys).map_err(Failure::of_the_run)?;
        }
        program::print(ENTER)
    }

    /// Restores the terminal for the shell.
    pub fn leave(&self) {
        restore();
    }

    /// Draws as much of the table as the terminal has room for now.
    pub fn draw(&self, table: &Table) -> Result<(), Failure> {
        if before().is_none() {
            return Err(Failure::Run("one of its threads panicked".into()));
        }
        let (width, height) = size();
        // No end of line after the last: it would scroll.
        program::print(format_args!("{CLEAR}{}", table.lines(width, height).join("\r\n")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Does nothing if the alternate screen is not shown. A terminal that can't be restored stays as it is.
fn restore() {
    if let Some(Before { modes }) = before().take() {
        // Not through `print`: a panic may have come from there.
        let _ = rustix::io::write(stdout(), LEAVE.as_bytes());
        let _ = modes.map(|modes| tcsetattr(stdin(), OptionalActions::Now, &modes));
    }
}

fn before() -> MutexGuard<'static, Option<Before>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size() -> (usize, usize) {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL_SIZE,
    }
}
