//! One client: what it asks, and what it gets. As much HTTP as that needs.

use core::time::Duration;
use std::format;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use alloc::vec::Vec;

use crate::observe::export::Export;
use crate::system;
use crate::system::{Found, Until};

/// How long a client may take to ask and to read.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a request may be, with its header.
const LONGEST_REQUEST: usize = 8 * 1024;

/// A client that is connected.
pub(super) struct Client {
    socket: OwnedFd,
    deadline: Instant,
    does: Does,
}

enum Does {
    /// It asks: what has come so far.
    Asks(Vec<u8>),
    /// It reads: what is still to be sent.
    Reads { answer: Vec<u8>, sent: usize },
}

/// What becomes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoesOn,
    /// It has its answer, or has gone.
    Over,
}

impl Client {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, deadline: Instant::now() + PATIENCE, does: Does::Asks(Vec::new()) }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn waits_until(&self) -> Until {
        match self.does {
            Does::Asks(_) => Until::Readable,
            Does::Reads { .. } => Until::Writable,
        }
    }

    /// Does what can be done at this moment, after the socket has become ready.
    pub(super) fn go_on(&mut self, export: &Export) -> Next {
        match &mut self.does {
            Does::Asks(request) => {
                let mut bytes = [0; 1024];
                let is_whole = match system::receive(&self.socket, &mut bytes) {
                    Ok(Found::Nothing) => return Next::GoesOn,
                    // It asks no more: what has come is all.
                    Ok(Found::Bytes(0)) => true,
                    Ok(Found::Bytes(n)) => {
                        request.extend_from_slice(&bytes[..n]);
                        ends(request) || request.len() > LONGEST_REQUEST
                    }
                    Err(_) => return Next::Over,
                };
                if is_whole {
                    self.does = Does::Reads { answer: answer(request, export), sent: 0 };
                }
                Next::GoesOn
            }
            Does::Reads { answer, sent } => match system::send_now(&self.socket, &answer[*sent..]) {
                Ok(n) => {
                    *sent += n;
                    if *sent < answer.len() { Next::GoesOn } else { Next::Over }
                }
                Err(_) => Next::Over,
            },
        }
    }
}

/// Whether a request is whole: its header ends with an empty line.
fn ends(request: &[u8]) -> bool {
    request.ends_with(b"\n\n") || request.windows(4).any(|four| four == b"\r\n\r\n")
}

/// Returns the answer to a request.
fn answer(request: &[u8], export: &Export) -> Vec<u8> {
    let (status, body) = if !ends(request) {
        ("400 Bad Request", "an HTTP request ends with an empty line, within 8 KiB\n".into())
    } else if request.starts_with(b"GET ") {
        ("200 OK", export.prometheus_text())
    } else {
        ("405 Method Not Allowed\r\nAllow: GET", "statistics can only be read: GET\n".into())
    };
    format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
