//! Sockets of the file system: for a program that asks for what this one publishes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fchmod, lstat, unlink};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    recv, send, socket_with, sockopt,
};

use crate::system::call::{Call, Failure, call, once};
use crate::system::descriptors::{Found, unblock};

/// What has come of binding a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Here,
    /// There is a file of that name.
    InUse,
}

/// Who answers at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// This process, or one that the system doesn't name (0).
    Process(u32),
    /// The process that listened there has ended.
    Nobody,
}

/// A file of any kind, that may have been replaced by another one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    number: u64,
    pub(crate) is_socket: bool,
}

/// What a thread waits for with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Readable,
    Writable,
}

/// Makes a stream socket that never blocks. Only the owner of the file may connect to it, once it is bound: a socket's file
/// gets the mode of the socket.
pub(crate) fn socket_for_owner() -> Result<OwnedFd, Failure> {
    let socket = socket()?;
    call(Call::SetMode, || fchmod(&socket, Mode::RUSR | Mode::WUSR))?;
    Ok(socket)
}

fn socket() -> Result<OwnedFd, Failure> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    call(Call::Socket, || socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None))
}

/// Binds a socket to a path.
pub(crate) fn bind_to(socket: impl AsFd, path: &Path) -> Result<Bound, Failure> {
    match call(Call::Bind, || bind(&socket, &SocketAddrUnix::new(path)?)) {
        Err(Failure { errno: Errno::ADDRINUSE, .. }) => Ok(Bound::InUse),
        bound => bound.map(|()| Bound::Here),
    }
}

/// Lets others connect. So many may wait to be accepted.
pub(crate) fn listen_on(socket: impl AsFd, backlog: i32) -> Result<(), Failure> {
    call(Call::Listen, || listen(&socket, backlog))
}

/// Finds out who answers at the socket of that path.
pub(crate) fn who_answers(path: &Path) -> Result<Answers, Failure> {
    let socket = socket()?;
    match call(Call::Connect, || connect(&socket, &SocketAddrUnix::new(path)?)) {
        Err(Failure { errno: Errno::CONNREFUSED | Errno::NOENT, .. }) => return Ok(Answers::Nobody),
        // Too many wait to be accepted, or it is a socket of another type.
        Err(Failure { errno: Errno::AGAIN | Errno::PROTOTYPE, .. }) => return Ok(Answers::Process(0)),
        connected => connected?,
    }
    let process = call(Call::GetOption, || sockopt::socket_peercred(&socket))?.pid;
    // A forked child may keep the descriptor of a process that has ended, and it accepts nobody.
    match once(Call::Signal, || rustix::process::test_kill_process(process)) {
        Err(Failure { errno: Errno::SRCH, .. }) => Ok(Answers::Nobody),
        _ => Ok(Answers::Process(process.as_raw_nonzero().get().cast_unsigned())),
    }
}

/// Accepts a client, if one waits. The client's socket never blocks.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Failure> {
    // A forked child has the same open file, and may have made it blocking.
    unblock(listener)?;
    match call(Call::Accept, || accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)) {
        Err(Failure { errno: Errno::AGAIN | Errno::CONNABORTED, .. }) => Ok(None),
        accepted => accepted.map(Some),
    }
}

/// Receives what is there at this moment. Never waits. No bytes at all: the other side sends no more.
pub(crate) fn receive(socket: impl AsFd, bytes: &mut [u8]) -> Result<Found, Failure> {
    match call(Call::Receive, || recv(&socket, &mut *bytes, RecvFlags::DONTWAIT)) {
        Ok((received, _)) => Ok(Found::Bytes(received)),
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(Found::Nothing),
        Err(failure) => Err(failure),
    }
}

/// Sends what the socket takes at this moment, and returns how many bytes that were. Never waits, and makes no signal.
pub(crate) fn send_now(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Failure> {
    match call(Call::Send, || send(&socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)) {
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(0),
        sent => sent,
    }
}

/// Waits until one of the descriptors is ready or broken, or for `time`. Returns for each whether it is. It may find none, and return sooner than asked for.
pub(crate) fn wait_for(files: &[(BorrowedFd<'_>, Until)], time: Duration) -> Result<Vec<bool>, Failure> {
    let events = |until| if until == Until::Readable { PollFlags::IN } else { PollFlags::OUT };
    let mut polled: Vec<_> = files.iter().map(|(file, until)| PollFd::new(file, events(*until))).collect();
    let time = Timespec::try_from(time).unwrap_or_default();
    match once(Call::Poll, || poll(&mut polled, Some(&time))) {
        // The caller looks at the clock, and waits again.
        Err(Failure { errno: Errno::INTR, .. }) => return Ok(vec![false; files.len()]),
        waited => waited?,
    };
    Ok(polled.iter().map(|polled| !polled.revents().is_empty()).collect())
}

/// Returns what the file of that path is, not following a link; `None` if there is none.
pub(crate) fn file_at(path: &Path) -> Result<Option<FileId>, Failure> {
    match call(Call::Stat, || lstat(path)) {
        Err(Failure { errno: Errno::NOENT, .. }) => Ok(None),
        status => status.map(|status| {
            let is_socket = FileType::from_raw_mode(status.st_mode) == FileType::Socket;
            Some(FileId { device: status.st_dev as _, number: status.st_ino as _, is_socket })
        }),
    }
}

/// Removes a file's name.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    call(Call::Unlink, || unlink(path))
}

/// Opens a directory, to lock it.
pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    call(Call::Open, || rustix::fs::open(path, flags, Mode::empty()))
}
