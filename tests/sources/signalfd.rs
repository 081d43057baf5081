//! A signal as a source, by a signalfd: each signal of that number that the process gets is an assertion.
//!
//! Every thread has to block the signal, before there is a second thread. So this is a program without a test harness.

#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
fn main() {
    signals::main();
}

#[cfg(not(all(target_os = "linux", feature = "std", not(loom))))]
fn main() {}

#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
mod signals {
    use std::fs::File;
    use std::io::{self, ErrorKind, Read};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, FromRawFd};
    use std::ptr::null_mut;
    use std::sync::Arc;
    use std::task::Waker;

    use interrupt_lock::source::{Ready, Source};
    use interrupt_lock::test_kit::{Attendance, Device, Rig, checks};
    use interrupt_lock::{Info, SourceError, Trigger};

    struct Signalfd(File);

    impl Signalfd {
        /// All threads have to block the signals of `set`.
        fn new(set: &libc::sigset_t) -> io::Result<Self> {
            // SAFETY: the set is initialised.
            match unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) } {
                -1 => Err(io::Error::last_os_error()),
                // SAFETY: it is open, and nobody else's.
                file => Ok(Self(unsafe { File::from_raw_fd(file) })),
            }
        }
    }

    impl Source for Signalfd {
        fn info(&self) -> Info {
            Info::new().with_trigger(Trigger::Edge)
        }

        fn ready(&mut self) -> Ready<'_> {
            Ready::Descriptor(self.0.as_fd())
        }

        fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
            Ok(())
        }

        fn disconnect(&mut self) -> Result<(), SourceError> {
            Ok(())
        }

        fn take(&mut self) -> Result<u64, SourceError> {
            const SIGNAL: usize = size_of::<libc::signalfd_siginfo>();
            let mut count = 0;
            loop {
                match self.0.read(&mut [0; 16 * SIGNAL]) {
                    Ok(bytes) => count += (bytes / SIGNAL) as u64,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(SourceError::os("reading the signalfd", &error)),
                }
            }
        }
    }

    struct Sender;

    impl Device for Sender {
        fn assert(&self) {
            // SAFETY: every thread blocks the signal, so nothing is interrupted and nothing ends.
            assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGRTMIN()) }, 0, "a process may signal itself");
        }
    }

    struct Signals(libc::sigset_t);

    impl Rig for Signals {
        type Source = Signalfd;
        type Device = Sender;

        fn is_level(&self) -> bool {
            false
        }

        fn set_up(&self) -> Result<(Signalfd, Sender), String> {
            let mut source = Signalfd::new(&self.0).map_err(|error| error.to_string())?;
            // What is left of an earlier check.
            source.take().map_err(|error| format!("{error:#}"))?;
            Ok((source, Sender))
        }
    }

    /// Blocks the signal in this thread, and in those that it starts.
    fn block() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the first call initialises the set, and the others use it.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGRTMIN());
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), null_mut()), 0, "a signal can be blocked");
            set.assume_init()
        }
    }

    pub fn main() {
        let rig = Arc::new(Signals(block()));
        for check in checks(&*rig) {
            for attendance in Attendance::ALL {
                if let Err(why) = check.run(&rig, attendance) {
                    panic!("{}, {attendance}: {why}", check.name());
                }
            }
        }
        println!("signalfd: {} checks passed in each of {} ways", checks(&*rig).len(), Attendance::ALL.len());
    }
}
