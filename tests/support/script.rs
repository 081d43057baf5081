//! A source that records the order of the calls and fails when the test says so.

use std::collections::BTreeMap;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use interrupt_lock::source::{Ready, Removal};
use interrupt_lock::{Info, SourceError, Trigger, source::Source};

use super::log::Log;

type Hook = Box<dyn FnMut() + Send>;

/// The source.
pub struct Script {
    shared: Arc<Shared>,
    /// A pipe with one byte for each assertion. Only `take` reads it.
    signal: Option<PipeReader>,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no descriptors"))]
    gone: Option<PipeReader>,
}

/// The handle by which the test controls the source.
#[derive(Clone)]
pub struct ScriptHandle(Arc<Shared>);

struct Shared {
    log: Log,
    state: Mutex<State>,
    hooks: Mutex<BTreeMap<&'static str, Hook>>,
}

#[derive(Default)]
struct State {
    signalled: u64,
    waker: Option<Waker>,
    fail: BTreeMap<&'static str, SourceError>,
    fires_on_connect: u64,
    info: Info,
    removal: Option<Removal>,
    signal: Option<PipeWriter>,
    gone: Option<PipeWriter>,
}

impl Script {
    /// A source that wakes a waker.
    pub fn waking(log: &Log) -> (Self, ScriptHandle) {
        Self::new(log, None, None)
    }

    /// Whether the system has descriptors that a dispatcher can wait on.
    pub const DESCRIPTORS: bool = cfg!(unix);

    /// A source with a descriptor for signals and another one for removal. Where there are none it wakes a waker.
    pub fn descriptor(log: &Log) -> (Self, ScriptHandle) {
        let pipe = || Self::DESCRIPTORS.then(|| pipe().unwrap());
        Self::new(log, pipe(), pipe())
    }

    fn new(
        log: &Log,
        signal: Option<(PipeReader, PipeWriter)>,
        gone: Option<(PipeReader, PipeWriter)>,
    ) -> (Self, ScriptHandle) {
        let (signal, signal_writer) = signal.unzip();
        let (gone, gone_writer) = gone.unzip();
        let mut info = Info::default();
        info.trigger = Some(Trigger::Level);
        let shared = Arc::new(Shared {
            log: log.clone(),
            state: Mutex::new(State { info, signal: signal_writer, gone: gone_writer, ..State::default() }),
            hooks: Mutex::default(),
        });
        let handle = ScriptHandle(shared.clone());
        (Self { shared, signal, gone }, handle)
    }
}

impl ScriptHandle {
    /// Asserts once, also while the source is not connected.
    pub fn assert(&self) {
        let mut state = self.0.state();
        state.signal(1);
        let waker = state.waker.clone();
        drop(state);
        waker.inspect(Waker::wake_by_ref);
    }

    /// Makes the next call of `method` fail with `error`.
    pub fn fail(&self, method: &'static str, error: SourceError) {
        self.0.state().fail.insert(method, error);
    }

    /// Runs `hook` at each call of `method`, before the method does anything.
    pub fn on(&self, method: &'static str, hook: impl FnMut() + Send + 'static) {
        self.0.hooks.lock().unwrap().insert(method, Box::new(hook));
    }

    /// Asserts as soon as the source is connected the next time.
    pub fn fire_on_connect(&self, assertions: u64) {
        self.0.state().fires_on_connect = assertions;
    }

    pub fn set_info(&self, change: impl FnOnce(&mut Info)) {
        change(&mut self.0.state().info);
    }

    /// Sets what `removal` returns from now on, and makes its descriptor readable.
    pub fn remove(&self, removal: Removal) {
        let mut state = self.0.state();
        state.removal = Some(removal);
        if let Some(gone) = &mut state.gone {
            gone.write_all(&[1]).unwrap();
        }
        let waker = state.waker.clone();
        drop(state);
        waker.inspect(Waker::wake_by_ref);
    }
}

impl State {
    fn signal(&mut self, assertions: u64) {
        self.signalled += assertions;
        if let Some(pipe) = &mut self.signal {
            pipe.write_all(&vec![1; usize::try_from(assertions).unwrap()]).unwrap();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn called(&self, method: &'static str) -> Result<(), SourceError> {
        self.log.add(method);
        // Taken out while it runs: it may call the source again, or panic.
        let hook = self.hooks.lock().unwrap().remove(method);
        if let Some(mut hook) = hook {
            hook();
            self.hooks.lock().unwrap().insert(method, hook);
        }
        match self.state().fail.remove(method) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Source for Script {
    fn info(&self) -> Info {
        let _ = self.shared.called("info");
        self.shared.state().info.clone()
    }

    fn ready(&mut self) -> Ready<'_> {
        let _ = self.shared.called("ready");
        #[cfg(unix)]
        if let Some(signal) = &self.signal {
            return Ready::Descriptor(std::os::fd::AsFd::as_fd(signal));
        }
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.shared.called("connect")?;
        let mut state = self.shared.state();
        let fires = std::mem::take(&mut state.fires_on_connect);
        // It makes itself known in one way only.
        state.waker = self.signal.is_none().then(|| waker.clone());
        state.signal(fires);
        let waker = state.waker.clone().filter(|_| fires != 0 || state.removal.is_some());
        drop(state);
        waker.inspect(Waker::wake_by_ref);
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.shared.state().waker = None;
        self.shared.called("disconnect")
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.shared.called("take")?;
        let signalled = std::mem::take(&mut self.shared.state().signalled);
        if let Some(pipe) = &mut self.signal {
            pipe.read_exact(&mut vec![0; usize::try_from(signalled).unwrap()]).unwrap();
        }
        Ok(signalled)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.shared.called("unmask")
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        let _ = self.shared.called("removal_descriptor");
        self.gone.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    fn removal(&mut self) -> Option<Removal> {
        let _ = self.shared.called("removal");
        self.shared.state().removal
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.shared.log.add("source dropped");
    }
}
