//! Files: devices, and what sysfs and proc say.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    string::String,
    vec::Vec,
};

use rustix::{
    fs::{FileType, FlockOperation, Mode, OFlags, fstat, major, minor, stat},
    io::{Errno, pread, pwrite},
};

use crate::system::call::{Call, Failure, call, once};

/// Opens a file for reading and writing. It is closed on exec.
pub(crate) fn open(path: &Path, how: Open) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDWR
        | OFlags::CLOEXEC
        | match how {
            Open::Plain => OFlags::empty(),
            Open::NonBlocking => OFlags::NONBLOCK,
            Open::Registers => OFlags::SYNC,
        };
    call(Call::Open, || rustix::fs::open(path, flags, Mode::empty()))
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    Plain,
    NonBlocking,
    /// To map what it holds without a cache.
    Registers,
}

/// Why a file can't be opened, as far as it helps to say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    Missing,
    Forbidden,
    Busy,
    Otherwise,
}

impl Failure {
    pub(crate) fn unopened(self) -> Unopened {
        match self.errno {
            Errno::NOENT => Unopened::Missing,
            Errno::ACCESS | Errno::PERM => Unopened::Forbidden,
            Errno::BUSY => Unopened::Busy,
            _ => Unopened::Otherwise,
        }
    }
}

/// The numbers of a character device, or `None` for a file of another kind.
pub(crate) fn character_device(file: impl AsFd) -> Result<Option<(u32, u32)>, Failure> {
    call(Call::Stat, || fstat(&file)).map(numbers)
}

/// As [`character_device`], of a file that isn't open.
pub(crate) fn character_device_at(path: &Path) -> Result<Option<(u32, u32)>, Failure> {
    call(Call::Stat, || stat(path)).map(numbers)
}

fn numbers(status: rustix::fs::Stat) -> Option<(u32, u32)> {
    let is_device = FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice;
    is_device.then(|| (major(status.st_rdev), minor(status.st_rdev)))
}

/// What a file is, whatever descriptors it has: its file system, and its number there.
pub(crate) fn identity(file: impl AsFd) -> Result<(u64, u64), Failure> {
    call(Call::Stat, || fstat(&file)).map(|status| (status.st_dev, status.st_ino))
}

/// Returns how long a file is.
pub(crate) fn len(file: impl AsFd) -> Result<u64, Failure> {
    call(Call::Stat, || fstat(&file)).map(|status| status.st_size.cast_unsigned())
}

/// Locks the file or directory against all others who ask. Returns `false` if somebody has locked it.
pub(crate) fn lock(file: impl AsFd) -> Result<bool, Failure> {
    match call(Call::Lock, || rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)) {
        Err(Failure { errno: Errno::WOULDBLOCK, .. }) => Ok(false),
        locked => locked.map(|()| true),
    }
}

/// Unlocks a file. For a lock that is held this can't fail, and there would be nothing to be done.
pub(crate) fn unlock(file: impl AsFd) {
    let _ = call(Call::Lock, || rustix::fs::flock(&file, FlockOperation::Unlock));
}

/// Reads `N` bytes of a file that gives them whole.
pub(crate) fn read_at<const N: usize>(file: impl AsFd, offset: u64) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    match call(Call::ReadAt, || pread(&file, &mut bytes, offset))? {
        n if n == N => Ok(bytes),
        _ => Err(Failure::new(Call::ReadAt, Errno::IO)),
    }
}

/// Writes `N` bytes to a file that takes them whole.
pub(crate) fn write_at<const N: usize>(file: impl AsFd, offset: u64, bytes: [u8; N]) -> Result<(), Failure> {
    match call(Call::WriteAt, || pwrite(&file, &bytes, offset))? {
        n if n == N => Ok(()),
        _ => Err(Failure::new(Call::WriteAt, Errno::IO)),
    }
}

/// Makes a call that Rust's own library makes.
fn by_std<R>(which: Call, make: impl FnOnce() -> io::Result<R>) -> Result<R, Failure> {
    once(which, || make().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)))
}

/// Reads a text. Returns `None` if there is no such file.
pub(crate) fn text(path: &Path) -> Result<Option<String>, Failure> {
    match by_std(Call::Open, || fs::read_to_string(path)) {
        Err(Failure { errno: Errno::NOENT, .. }) => Ok(None),
        text => text.map(Some),
    }
}

/// Writes a text to a file that is there.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    by_std(Call::Open, || fs::write(path, text))
}

/// Returns the names in a directory; none if there is no such directory.
pub(crate) fn names(path: impl AsRef<Path>) -> Vec<String> {
    let entries = by_std(Call::Directory, || fs::read_dir(path)).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}

/// Reads the text of a file of sysfs or proc, without its line end. Returns `None` if it can't be read: these files say
/// more of what is known otherwise.
pub(crate) fn attribute(path: impl AsRef<Path>) -> Option<String> {
    Some(text(path.as_ref()).ok()??.trim_end().into())
}

/// Reads a number, decimal or hexadecimal with `0x`.
pub(crate) fn number(path: impl AsRef<Path>) -> Option<u64> {
    let text = attribute(path)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns the target of a symbolic link, or `None` if there is no such link.
pub(crate) fn link(path: impl AsRef<Path>) -> Result<Option<std::path::PathBuf>, Failure> {
    match by_std(Call::ReadLink, || fs::read_link(path)) {
        Err(Failure { errno: Errno::NOENT, .. }) => Ok(None),
        target => target.map(Some),
    }
}

/// Returns the last part of a symbolic link's target: the name of a driver, a subsystem, a group.
pub(crate) fn link_name(path: impl AsRef<Path>) -> Result<Option<String>, Failure> {
    let target = link(path)?;
    Ok(target.and_then(|target| Some(target.file_name()?.to_string_lossy().into_owned())))
}
