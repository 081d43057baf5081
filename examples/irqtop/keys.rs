//! The keyboard: `q` and ctrl-c are read as they are pressed, where there is a terminal.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub use linux::Keys;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{IsTerminal, stdin, stdout};
    use std::thread;
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use super::Duration;

    /// The terminal as it was, until this is dropped.
    pub struct Keys(Option<Termios>);

    impl Keys {
        pub fn new() -> Self {
            let is_terminal = stdin().is_terminal() && stdout().is_terminal();
            let before = is_terminal.then(|| tcgetattr(stdin()).ok()).flatten();
            Self(before.filter(|before| {
                let mut keys = before.clone();
                // Each key as it is pressed, unseen; ctrl-c is one of them, so that the terminal is put right at the end.
                keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
                tcsetattr(stdin(), OptionalActions::Now, &keys).is_ok()
            }))
        }

        pub fn are_read(&self) -> bool {
            self.0.is_some()
        }

        /// Waits so long, or until somebody wants to quit.
        pub fn quit_before(&self, time: Duration) -> bool {
            let until = Instant::now() + time;
            if self.0.is_none() {
                thread::sleep(time);
                return false;
            }
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let input = stdin();
                let mut waiting = [PollFd::new(&input, PollFlags::IN)];
                let timeout = Timespec::try_from(left).unwrap_or_default();
                match poll(&mut waiting, Some(&timeout)) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return true,
                }
                let mut keys = [0; 16];
                match rustix::io::read(&input, &mut keys) {
                    Ok(0) | Err(_) => return true,
                    Ok(n) if keys[..n].iter().any(|key| matches!(key, b'q' | b'Q' | 3)) => return true,
                    Ok(_) => {}
                }
            }
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                // There is nobody to be told.
                let _ = tcsetattr(stdin(), OptionalActions::Now, before);
            }
        }
    }
}

/// Without a way to read single keys.
#[cfg(not(target_os = "linux"))]
pub struct Keys;

#[cfg(not(target_os = "linux"))]
impl Keys {
    pub fn new() -> Self {
        Self
    }

    pub fn are_read(&self) -> bool {
        false
    }

    pub fn quit_before(&self, time: Duration) -> bool {
        std::thread::sleep(time);
        false
    }
}
