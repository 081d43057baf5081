//! A socket's place in the file system.
//!
//! A file is left there by a process that ended without removing it, or belongs to one that is alive. Connecting tells which.
//! Between the look and the removal another process might put its socket there, and it would be lost without a word. So a
//! publisher locks the directory while it takes its place.

use core::time::Duration;
use std::format;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use crate::cause::SourceError;
use crate::observe::export::publisher::name;
use crate::sync;
use crate::system;
use crate::system::{Answers, Bound, FileId};

/// How many clients may wait to be accepted.
const BACKLOG: i32 = 16;

/// How often, and how long each time, this waits for another process that sets up a socket in the directory.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(5);

/// The path of a socket, and its file.
pub(super) struct Place {
    path: PathBuf,
    file: FileId,
}

impl Place {
    /// Puts a socket there, which listens.
    pub(super) fn take(path: PathBuf) -> Result<(Self, OwnedFd), SourceError> {
        let doing = |what: &str| format!("{what} {}", name(&path));
        let socket = system::socket_for_owner().map_err(system::failed("making a socket"))?;
        let _lock = DirectoryLock::of(&path)?;
        let bind = || system::bind_to(&socket, &path).map_err(system::failed(doing("binding a socket to")));
        if bind()? == Bound::InUse {
            remove_left(&path)?;
            if bind()? == Bound::InUse {
                return Err(system::refused("another program has just put a file there"));
            }
        }
        let file = system::file_at(&path).map_err(system::failed(doing("looking at")));
        let listens = system::listen_on(&socket, BACKLOG).map_err(system::failed(doing("listening at")));
        match listens.and(file) {
            Ok(Some(file)) => Ok((Self { path, file }, socket)),
            Ok(None) => Err(system::refused("another program has removed it at once")),
            Err(error) => {
                // It was put there just now, under the lock.
                let _ = system::remove(&path);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the socket's file, unless it is another's by now. (As long as the socket is open, no other file has its
    /// number.)
    pub(super) fn leave(&self) {
        if matches!(system::file_at(&self.path), Ok(Some(file)) if file == self.file) {
            // If the system refuses, the next publisher replaces it.
            let _ = system::remove(&self.path);
        }
    }
}

/// Removes a socket that a process has left behind.
fn remove_left(path: &Path) -> Result<(), SourceError> {
    let doing = |what: &str| format!("{what} {}", name(path));
    match system::file_at(path).map_err(system::failed(doing("looking at")))? {
        None => return Ok(()),
        Some(file) if file.is_socket => {}
        Some(_) => return Err(system::refused("there is a file which is no socket")),
    }
    match system::who_answers(path).map_err(system::failed(doing("connecting to")))? {
        Answers::Nobody => system::remove(path).map_err(system::failed(doing("removing"))),
        Answers::Process(0) => Err(system::refused("another process publishes there")),
        Answers::Process(number) => Err(system::refused(format!("process {number} publishes there"))),
    }
}

/// Locks a directory against others who set up a socket there.
struct DirectoryLock(OwnedFd);

impl DirectoryLock {
    fn of(path: &Path) -> Result<Self, SourceError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new("."));
        let doing = |what: &str| format!("{what} {}", name(directory));
        let open = system::open_directory(directory).map_err(system::failed(doing("opening")))?;
        for _ in 0..TRIES {
            if system::lock(&open).map_err(system::failed(doing("locking")))? {
                return Ok(Self(open));
            }
            sync::pause(PAUSE);
        }
        Err(system::refused(format!("another process keeps {} locked: try again", name(directory))))
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Before it is closed, because a child that was forked meanwhile has the same open file.
        system::unlock(&self.0);
    }
}
