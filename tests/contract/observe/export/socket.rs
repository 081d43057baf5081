//! The socket's place in the file system: its mode, what was there before, its end.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use interrupt_lock::{Error, ErrorKind, Export, Publisher};
use support::{kind, until, watchdog};

/// A directory of a test's own, removed as it ends.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("interrupt-lock-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn refused(published: Result<Publisher, Error>, says: &str) {
    assert!(matches!(kind(&published), Some(ErrorKind::Publish(_))), "{published:?}");
    let sentence = format!("{:#}", published.unwrap_err());
    assert!(sentence.contains(says), "{sentence}");
}

/// Only its owner may connect, and dropping the publisher removes the file.
// Caught: the mode that the umask leaves; a file that stays; a path that is not told.
#[test]
fn s4_the_socket_is_its_owners_and_goes_with_the_publisher() {
    watchdog(|| {
        let directory = Directory::new();
        let path = directory.path("driver.sock");
        let publisher = Export::new().publish(&path).unwrap();
        let file = fs::metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.mode() & 0o7777, 0o600);
        assert_eq!(publisher.path(), path);
        publisher.check().unwrap();
        assert_eq!(format!("{publisher:?}"), format!("Publisher({path:?})"));
        drop(publisher);
        assert!(!path.exists());
        // At once: nothing of the last is in the way.
        drop(Export::new().publish(&path).unwrap());
        assert!(fs::read_dir(&directory.0).unwrap().next().is_none(), "something is left");
    });
}

/// What a process has left behind is replaced. What is alive, or no socket, is not.
// Caught: a living socket that is replaced; a file of another kind that is removed; an error that does not say who publishes
// there; a dead socket that is refused.
#[test]
fn s4_a_dead_socket_is_replaced_and_a_living_one_is_not() {
    watchdog(|| {
        let directory = Directory::new();
        let path = directory.path("driver.sock");
        // Nobody listens there any more.
        drop(UnixListener::bind(&path).unwrap());
        let publisher = Export::new().publish(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());

        refused(Export::new().publish(&path), &format!("process {} publishes there", std::process::id()));
        assert!(UnixStream::connect(&path).is_ok(), "it was replaced");
        drop(publisher);

        let others = UnixListener::bind(&path).unwrap();
        refused(Export::new().publish(&path), "publishes there");
        assert!(UnixStream::connect(&path).is_ok(), "it was replaced");
        drop(others);
        fs::remove_file(&path).unwrap();
        let datagrams = UnixDatagram::bind(&path).unwrap();
        refused(Export::new().publish(&path), "another process publishes there");
        drop(datagrams);
        fs::remove_file(&path).unwrap();

        fs::write(&path, "precious").unwrap();
        refused(Export::new().publish(&path), "no socket");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let link = directory.path("link.sock");
        symlink(&path, &link).unwrap();
        refused(Export::new().publish(&link), "no socket");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

        refused(Export::new().publish(directory.path("missing/driver.sock")), "No such file");
        refused(Export::new().publish(directory.path(&"long".repeat(40))), "File name too long");
    });
}

/// Of many who want the same place, where a dead socket lies, exactly one gets it; and it can be reached there.
// Caught: a place that isn't locked between the look and the removal.
#[test]
fn s4_one_of_many_gets_the_place() {
    watchdog(|| {
        let directory = Directory::new();
        for round in 0..200 {
            let path = directory.path("driver.sock");
            drop(UnixListener::bind(&path).unwrap());
            let start = Barrier::new(4);
            let publish = || {
                start.wait();
                Export::new().publish(&path)
            };
            let published: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(publish)).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap().ok()).collect()
            });
            assert_eq!(published.len(), 1, "round {round}");
            assert!(UnixStream::connect(&path).is_ok());
            drop(published);
            assert!(!path.exists());
        }
    });
}

/// A publisher removes its own file only.
// Caught: a drop that removes whatever is there.
#[test]
fn s4_the_end_removes_no_file_of_others() {
    watchdog(|| {
        let directory = Directory::new();
        let path = directory.path("driver.sock");
        let publisher = Export::new().publish(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(publisher);
        assert!(UnixStream::connect(&path).is_ok(), "another's socket was removed");
        drop(other);
    });
}

/// The thread has its name, blocks every signal, and ends with the publisher.
// Caught: a thread that goes on after the drop; one that takes signals.
#[test]
fn s4_the_thread_is_named_takes_no_signal_and_ends() {
    if !support::has_proc() {
        return;
    }
    watchdog(|| {
        let directory = Directory::new();
        let path = directory.path("driver.sock");
        // Other tests of this process have such threads, too.
        let threads = || -> Vec<PathBuf> {
            let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(|task| Some(task.ok()?.path()));
            tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "publisher\n")).collect()
        };
        let publisher = Export::new().publish(&path).unwrap();
        until(|| !threads().is_empty());
        for thread in threads() {
            let Ok(status) = fs::read_to_string(thread.join("status")) else { continue };
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
            let blocked = u64::from_str_radix(blocked, 16).unwrap();
            for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT, rustix::process::Signal::HUP] {
                assert_ne!(blocked & 1 << (signal.as_raw() - 1), 0, "{status}");
            }
        }
        let before = threads();
        let mut client = UnixStream::connect(&path).unwrap();
        drop(publisher);
        // Who asks from now on gets no answer.
        let mut answer = Vec::new();
        let _ = client.write_all(b"GET / HTTP/1.0\r\n\r\n");
        let _ = client.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        until(|| before.iter().any(|thread| !thread.exists()));
    });
}
