//! The thread that answers. It waits for its clients, and for nothing else.

use core::time::Duration;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use alloc::vec::Vec;

use crate::observe::export::Export;
use crate::observe::export::publisher::client::{Client, Next};
use crate::observe::export::publisher::{Stop, Trouble};
use crate::sync::VainWakeups;
use crate::system;
use crate::system::Until;

/// How many clients are served at a time.
const CLIENTS: usize = 16;
/// The thread looks at least so often whether it is over.
const LOOK: Duration = Duration::from_secs(10);
/// How long the thread accepts nobody, after the system has refused a client.
const RECOVERY: Duration = Duration::from_millis(100);

/// Answers clients until it is told to stop, or until the system refuses to let it wait.
pub(super) fn answer_all(export: &Export, listener: &OwnedFd, stop: &Stop, trouble: &Trouble) {
    let mut clients: Vec<Client> = Vec::new();
    let mut accepts_from = None;
    let mut vain_wakeups = VainWakeups::default();
    loop {
        let now = Instant::now();
        accepts_from = accepts_from.filter(|from| *from > now);
        let mut files = alloc::vec![(stop.bell.as_fd(), Until::Readable)];
        files.extend(clients.iter().map(|client| (client.as_fd(), client.waits_until())));
        if accepts_from.is_none() {
            files.push((listener.as_fd(), Until::Readable));
        }
        let next = clients.iter().map(Client::deadline).chain(accepts_from).min().unwrap_or(now + LOOK);
        let time = next.saturating_duration_since(now);
        let ready = match system::wait_for(&files, time) {
            Ok(ready) => ready,
            Err(failure) => return trouble.set(Some(system::failed("waiting for clients")(failure))),
        };
        if ready[0] || stop.is_over() {
            return;
        }
        let now = Instant::now();
        vain_wakeups.note(next > now && !ready.contains(&true));
        let accepts = accepts_from.is_none() && ready.last() == Some(&true);
        let mut its_turn = ready[1..].iter();
        clients.retain_mut(|client| {
            let goes_on = *its_turn.next().unwrap_or(&false);
            client.deadline() > now && (!goes_on || client.go_on(export) == Next::GoesOn)
        });
        if accepts {
            match system::accept(listener.as_fd()) {
                Ok(client) => {
                    trouble.set(None);
                    // One too many is closed at once.
                    clients.extend(client.filter(|_| clients.len() < CLIENTS).map(Client::new));
                }
                Err(failure) => {
                    trouble.set(Some(system::failed("accepting a client")(failure)));
                    accepts_from = Some(now + RECOVERY);
                }
            }
        }
    }
}
