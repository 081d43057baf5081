//! What a check gets: the rig, with its sources watched.

use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use core::task::Waker;
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex};
use std::task::Wake;

use super::waiting::lock;
use super::{Attendance, Device, Rig};
use crate::cause::SourceError;
use crate::claim::Claim;
use crate::info::Info;
use crate::name::Name;
use crate::source::{Assertions, Ready, Removal, Source};

/// The two ends of a line: a source and its device, watched.
type Ends<R> = (Watched<<R as Rig>::Source>, WatchedDevice<<R as Rig>::Device>);

/// A rig whose sources are watched, for one check.
pub struct Bench<R> {
    rig: Arc<R>,
    pub attendance: Attendance,
    watch: Arc<Watch>,
}

impl<R: Rig> Bench<R> {
    pub fn new(rig: Arc<R>, attendance: Attendance) -> Self {
        Self { rig, attendance, watch: Arc::default() }
    }

    pub fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }

    /// Returns a device that does not assert, and its source, watched.
    pub fn device(&self) -> Result<Ends<R>, String> {
        let (source, device) = self.rig.set_up()?;
        let disconnected = Arc::new(AtomicBool::new(true));
        Ok((Watched { source, watch: self.watch(), disconnected }, WatchedDevice { device, watch: self.watch() }))
    }
}

impl<R> Deref for Bench<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.rig
    }
}

/// What is seen of the sources and devices of a check.
#[derive(Default)]
pub struct Watch {
    method: Mutex<Option<&'static str>>,
    asserting: AtomicU64,
    late: AtomicU64,
}

impl Watch {
    /// Returns what is running, in a sentence for a check that hangs.
    pub fn what_hangs(&self) -> String {
        if let Some(method) = *lock(&self.method) {
            return format!("the source's `{method}` does not return: no method may block");
        }
        if self.asserting.load(SeqCst) != 0 {
            return "the device's `assert` does not return: has the source left something that it could take?".into();
        }
        "the check hangs, outside of the source and its device".into()
    }

    /// Returns how often a source that was disconnected has woken its waker.
    pub fn wakes_while_disconnected(&self) -> u64 {
        self.late.load(SeqCst)
    }
}

/// A device, watched.
pub struct WatchedDevice<D> {
    device: D,
    watch: Arc<Watch>,
}

impl<D: Device> Device for WatchedDevice<D> {
    fn assert(&self) {
        self.watch.asserting.fetch_add(1, SeqCst);
        self.device.assert();
        self.watch.asserting.fetch_sub(1, SeqCst);
    }

    fn acknowledge(&self) -> bool {
        self.device.acknowledge()
    }

    fn remove(&self, how: Removal) {
        self.device.remove(how);
    }
}

/// A source, watched.
pub struct Watched<S> {
    source: S,
    watch: Arc<Watch>,
    disconnected: Arc<AtomicBool>,
}

impl<S> Watched<S> {
    /// Runs a method of the source. One that panics is not running any more.
    fn call<'a, R>(&'a mut self, method: &'static str, call: impl FnOnce(&'a mut S) -> R) -> R {
        struct Running<'a>(&'a Watch);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                *lock(&self.0.method) = None;
            }
        }
        *lock(&self.watch.method) = Some(method);
        let _running = Running(&self.watch);
        call(&mut self.source)
    }
}

/// Wakes the waker of the interrupt, and counts if the source is not connected.
struct WatchedWaker {
    waker: Waker,
    watch: Arc<Watch>,
    disconnected: Arc<AtomicBool>,
}

impl Wake for WatchedWaker {
    fn wake(self: Arc<Self>) {
        if self.disconnected.load(SeqCst) {
            self.watch.late.fetch_add(1, SeqCst);
        }
        self.waker.wake_by_ref();
    }
}

impl<S: Source> Source for Watched<S> {
    fn info(&self) -> Info {
        self.source.info()
    }

    fn name(&self) -> Name {
        self.source.name()
    }

    fn ready(&mut self) -> Ready<'_> {
        self.call("ready", S::ready)
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        let (watch, disconnected) = (self.watch.clone(), self.disconnected.clone());
        self.disconnected.store(false, SeqCst);
        let watched = Waker::from(Arc::new(WatchedWaker { waker: waker.clone(), watch, disconnected }));
        let connected = self.call("connect", |source| source.connect(&watched));
        self.disconnected.store(connected.is_err(), SeqCst);
        connected
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        let disconnected = self.call("disconnect", S::disconnect);
        self.disconnected.store(true, SeqCst);
        disconnected
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.call("take", S::take)
    }

    fn answered(&mut self, claim: Claim) -> bool {
        self.call("answered", |source| source.answered(claim))
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.call("unmask", S::unmask)
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.call("removal_descriptor", S::removal_descriptor)
    }

    #[cfg(all(target_os = "linux", feature = "io-uring"))]
    fn read_ahead(&mut self) -> Option<Arc<crate::source::ReadAhead>> {
        self.call("read_ahead", S::read_ahead)
    }

    #[cfg(target_os = "linux")]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        self.source.sysfs()
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.call("time_assertions", |source| source.time_assertions(assertions));
    }

    fn removal(&mut self) -> Option<Removal> {
        self.call("removal", S::removal)
    }
}
