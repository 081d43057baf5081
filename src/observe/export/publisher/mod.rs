//! The statistics on a Unix socket: who asks by HTTP gets them as text.
//!
//! | file | holds |
//! |---|---|
//! | this one | publishing, and its end |
//! | `place` | the socket's place in the file system |
//! | `thread` | the thread that answers |
//! | `client` | one client: what it asks, and what it gets |

mod client;
mod place;
mod thread;

use core::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use alloc::sync::Arc;
use std::string::ToString;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::lock::RawInterruptLock;
use crate::name::Name;
use crate::observe::export::Export;
use crate::sync;
use crate::sync::{AtomicUsize, Ordering::Relaxed, Process};
use crate::system;
use place::Place;

/// Statistics that are published on a Unix socket, as long as this lives: from [`Export::publish`].
///
/// Dropping it removes the socket, and ends the thread that answers; the drop does not wait for that thread. In a forked
/// child, dropping it does nothing.
#[must_use = "dropping it ends the publication"]
pub struct Publisher {
    place: Place,
    stop: Arc<Stop>,
    trouble: Arc<Trouble>,
    process: Process,
}

/// Tells the thread to end.
struct Stop {
    /// Signalled as the thread has to end.
    bell: OwnedFd,
    /// The thread has to end: 1. It looks from time to time, should the system refuse the signal.
    is_over: AtomicUsize,
}

impl Stop {
    fn ring(&self) {
        // Relaxed: it tells no more than itself.
        self.is_over.store(1, Relaxed);
        let _ = system::signal(&self.bell);
    }

    fn is_over(&self) -> bool {
        // Relaxed: as above.
        self.is_over.load(Relaxed) != 0
    }
}

/// Why others can't be answered, at this moment or for good.
pub(super) struct Trouble(Mutex<RawInterruptLock, Option<SourceError>>);

impl Trouble {
    fn set(&self, why: Option<SourceError>) {
        *self.0.lock() = why;
    }
}

impl Export {
    /// Publishes the statistics of the export's interrupts on a Unix socket at `path`, for programs of the same user:
    /// `irqtop --connect`, `curl --unix-socket`, a scraper of Prometheus behind a proxy.
    ///
    /// It answers each `GET` of HTTP with [`prometheus_text`](Self::prometheus_text), as it is at that moment, and closes
    /// the connection. The socket's file has mode 0600 from the start. A thread of the crate answers; its name is
    /// `publisher`, and it blocks every signal. No client can delay it: it never waits for one of them, it serves at most 16
    /// at a time and closes what comes beyond, and it drops a client that has not asked and read within 5 seconds. Nothing
    /// here takes an interrupt lock.
    ///
    /// If the process ends without dropping the publisher, the socket's file stays. The next publisher replaces it.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Publish`]: another process publishes there, or the file of that path is no socket; or the system refuses
    ///   the socket or the thread. Nothing has been changed.
    /// - [`ErrorKind::Forked`]: this process was forked from the one that made the export.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use interrupt_lock::{Claim, Export, Interrupt};
    ///
    /// # let directory = std::env::temp_dir().join(format!("edu-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory).unwrap();
    /// # let path = directory.join("edu.sock"); let path = path.as_path();
    /// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
    /// let export = Export::new();
    /// export.add(interrupt.object())?;
    /// let _publisher = export.publish(path)?; // such as "/run/edu.sock"
    ///
    /// let mut client = UnixStream::connect(path).unwrap(); // curl --unix-socket /run/edu.sock http://edu/metrics
    /// client.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    /// let mut answer = String::new();
    /// client.read_to_string(&mut answer).unwrap();
    /// assert!(answer.contains("interrupt_delivered_total{interrupt=\"edu0\"} 0\n"));
    /// # drop(_publisher);
    /// # std::fs::remove_dir(&directory).unwrap();
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn publish(&self, path: impl AsRef<Path>) -> Result<Publisher, Error> {
        let path = path.as_ref();
        let error = |kind| Error::new(name(path), kind);
        if !self.0.process.is_this() {
            return Err(error(ErrorKind::Forked));
        }
        self.publish_here(path.to_path_buf()).map_err(|why| error(ErrorKind::Publish(why)))
    }

    fn publish_here(&self, path: PathBuf) -> Result<Publisher, SourceError> {
        sync::notice_forks()?;
        let bell = system::eventfd().map_err(system::failed("making an eventfd"))?;
        let stop = Arc::new(Stop { bell, is_over: AtomicUsize::new(0) });
        let (place, listener) = Place::take(path)?;
        let trouble = Arc::new(Trouble(Mutex::from_raw(RawInterruptLock::new(), None)));
        // If the system refuses the thread, this removes the socket again.
        let publisher = Publisher { place, stop: stop.clone(), trouble: trouble.clone(), process: Process::this() };
        let export = self.clone();
        let answer = move || thread::answer_all(&export, &listener, &stop, &trouble);
        // It ends by itself once it is told to, and nobody waits for that.
        drop(sync::start_thread(&Name::new("publisher"), answer)?);
        Ok(publisher)
    }
}

impl Publisher {
    /// Returns the path of the socket.
    ///
    /// ```
    /// # fn show(publisher: &interrupt_lock::Publisher) {
    /// println!("statistics at {}", publisher.path().display());
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns an error if others can't be answered: for a driver that looks after its own health. Waits for no
    /// client.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Publish`]: the system refuses new clients at this moment (for want of descriptors, say), or it has
    ///   refused the thread its wait. The thread has ended then: publish anew.
    /// - [`ErrorKind::Forked`]: the thread is in the process from which this one was forked.
    ///
    /// ```
    /// # fn look(publisher: &interrupt_lock::Publisher) -> Result<(), interrupt_lock::Error> {
    /// publisher.check()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        let error = |kind| Err(Error::new(name(self.path()), kind));
        if !self.process.is_this() {
            return error(ErrorKind::Forked);
        }
        match self.trouble.0.lock().clone() {
            Some(why) => error(ErrorKind::Publish(why)),
            None => Ok(()),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // A forked child shares the socket and the eventfd with its parent.
        if self.process.is_this() {
            self.place.leave();
            self.stop.ring();
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&self.path()).finish()
    }
}

/// Returns the path as errors name it.
fn name(path: &Path) -> Name {
    path.display().to_string().into()
}
