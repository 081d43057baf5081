//! The devices that live in this process, for the suite that every source passes.

use interrupt_lock::source::{EdgeHandle, LevelHandle, LineMember, Removal, Software};
use interrupt_lock::{
    Registers,
    simulated::{Edu, EduSource, Step},
    source::SharedLine,
};

use interrupt_lock::test_kit::{Device, Rig};

pub struct SoftwareEdge;
pub struct SoftwareMessage;
pub struct SoftwareLevel;
pub struct SharedAlone;
pub struct SimulatedLine;
pub struct SimulatedMessage;

impl Rig for SoftwareEdge {
    type Source = Software;
    type Device = EdgeHandle;

    fn is_level(&self) -> bool {
        false
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(Software, EdgeHandle), String> {
        Ok(Software::edge())
    }
}

impl Rig for SoftwareMessage {
    type Source = Software;
    type Device = EdgeHandle;

    fn is_level(&self) -> bool {
        false
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(Software, EdgeHandle), String> {
        Ok(Software::message(3))
    }
}

impl Rig for SoftwareLevel {
    type Source = Software;
    type Device = LevelHandle;

    fn is_level(&self) -> bool {
        true
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(Software, LevelHandle), String> {
        Ok(Software::level())
    }
}

/// The only member of a shared line.
impl Rig for SharedAlone {
    type Source = LineMember;
    type Device = LevelHandle;

    fn is_level(&self) -> bool {
        true
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn set_up(&self) -> Result<(LineMember, LevelHandle), String> {
        let (source, line) = Software::level();
        SharedLine::new(source).map(|shared| (shared.member(), line)).map_err(|error| format!("{error:#}"))
    }
}

impl Rig for SimulatedLine {
    type Source = EduSource;
    type Device = Simulated;

    fn is_level(&self) -> bool {
        true
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(EduSource, Simulated), String> {
        let edu = Edu::new();
        edu.line().map(|line| (line, Simulated(edu))).map_err(|error| format!("{error:#}"))
    }
}

impl Rig for SimulatedMessage {
    type Source = EduSource;
    type Device = Simulated;

    fn is_level(&self) -> bool {
        false
    }

    fn can_be_removed(&self, _: Removal) -> bool {
        true
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn set_up(&self) -> Result<(EduSource, Simulated), String> {
        let edu = Edu::new();
        edu.message().map(|message| (message, Simulated(edu))).map_err(|error| format!("{error:#}"))
    }
}

pub struct Simulated(Edu);

impl Device for Simulated {
    fn assert(&self) {
        self.0.registers().write32(0x60, 1);
    }

    fn acknowledge(&self) -> bool {
        let registers = self.0.registers();
        let status = registers.read32(0x24);
        registers.write32(0x64, status);
        status != 0
    }

    fn remove(&self, how: Removal) {
        self.0.perform(Step::Remove(how));
    }
}

#[cfg(target_os = "linux")]
mod gpio;
#[cfg(any(target_os = "linux", windows))]
mod timer;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use gpio::{GpioFake, GpioKernel, gpio_event};
#[cfg(target_os = "linux")]
pub use linux::{EventfdGiven, EventfdOwn, SharedUio, UioFake};
#[cfg(any(target_os = "linux", windows))]
pub use timer::TimerOnce;

#[cfg(windows)]
pub use windows::{EventAutoReset, EventManualReset, SharedEvent};

#[cfg(any(target_os = "linux", windows))]
fn sentence(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io::{Read, Write},
        net::Shutdown,
        os::{
            fd::{AsFd, OwnedFd},
            unix::net::UnixStream,
        },
        sync::{Arc, Mutex},
        thread,
    };

    use interrupt_lock::linux::{Eventfd, EventfdSignaller, Uio};
    use rustix::event::{PollFd, PollFlags, poll};

    use super::{Device, LineMember, Removal, Rig, SharedLine, sentence};

    /// An eventfd that the source has made.
    pub struct EventfdOwn;
    /// An eventfd that another program opened, and signals by writing to it.
    pub struct EventfdGiven;
    /// A UIO device, with a socket in place of its kernel driver.
    pub struct UioFake;
    /// The same UIO device, on a shared line.
    pub struct SharedUio;

    impl Rig for EventfdOwn {
        type Source = Eventfd;
        type Device = Signaller;

        fn is_level(&self) -> bool {
            false
        }

        fn set_up(&self) -> Result<(Eventfd, Signaller), String> {
            let eventfd = Eventfd::new().map_err(sentence)?;
            let signaller = eventfd.signaller();
            Ok((eventfd, Signaller(signaller)))
        }
    }

    pub struct Signaller(EventfdSignaller);

    impl Device for Signaller {
        fn assert(&self) {
            self.0.signal();
        }
    }

    impl Rig for EventfdGiven {
        type Source = Eventfd;
        type Device = Theirs;

        fn is_level(&self) -> bool {
            false
        }

        fn set_up(&self) -> Result<(Eventfd, Theirs), String> {
            let theirs = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).map_err(sentence)?;
            let ours = theirs.as_fd().try_clone_to_owned().map_err(sentence)?;
            Ok((Eventfd::from_fd(ours).map_err(sentence)?, Theirs(theirs)))
        }
    }

    pub struct Theirs(OwnedFd);

    impl Device for Theirs {
        fn assert(&self) {
            rustix::io::write(&self.0, &1_u64.to_ne_bytes()).expect("an eventfd takes a 1");
        }
    }

    impl Rig for SharedUio {
        type Source = LineMember;
        type Device = Kernel;

        fn is_level(&self) -> bool {
            true
        }

        fn can_be_removed(&self, how: Removal) -> bool {
            UioFake.can_be_removed(how)
        }

        fn set_up(&self) -> Result<(LineMember, Kernel), String> {
            let (source, kernel) = UioFake.set_up()?;
            SharedLine::new(source).map(|shared| (shared.member(), kernel)).map_err(sentence)
        }
    }

    impl Rig for UioFake {
        type Source = Uio;
        type Device = Kernel;

        fn is_level(&self) -> bool {
            true
        }

        fn can_be_removed(&self, how: Removal) -> bool {
            how == Removal::Surprise
        }

        fn set_up(&self) -> Result<(Uio, Kernel), String> {
            let (device, end) = UnixStream::pair().map_err(sentence)?;
            Ok((Uio::from_fd(device.into()).map_err(sentence)?, Kernel::start(end)?))
        }
    }

    /// The kernel's driver of a UIO device that is masked and unmasked by a write.
    pub struct Kernel(Arc<Mutex<Line>>);

    struct Line {
        end: UnixStream,
        asserted: bool,
        masked: bool,
        count: u32,
    }

    impl Kernel {
        fn start(end: UnixStream) -> Result<Self, String> {
            end.set_nonblocking(true).map_err(sentence)?;
            let watched = end.try_clone().map_err(sentence)?;
            let line = Arc::new(Mutex::new(Line { end, asserted: false, masked: true, count: 0 }));
            let theirs = line.clone();
            // Ends with the source's end of the socket, or as the device is removed.
            thread::spawn(move || {
                loop {
                    let waited = poll(&mut [PollFd::new(&watched, PollFlags::IN)], None);
                    if waited.is_ok() && !theirs.lock().unwrap().obey() {
                        break;
                    }
                }
            });
            Ok(Self(line))
        }
    }

    impl Line {
        /// Does what the program has written, and returns whether there may be more. Called before anything else, so
        /// that a write takes effect at once, as a real write does.
        fn obey(&mut self) -> bool {
            let mut word = [0; 4];
            loop {
                match self.end.read(&mut word) {
                    Ok(4) => {
                        self.masked = u32::from_ne_bytes(word) == 0;
                        self.signal();
                    }
                    Ok(_) => return false,
                    Err(_) => return true,
                }
            }
        }

        fn signal(&mut self) {
            if self.asserted && !self.masked {
                self.masked = true;
                self.count += 1;
                // Nobody reads it where the source has gone.
                let _ = self.end.write_all(&self.count.to_ne_bytes());
            }
        }
    }

    impl Device for Kernel {
        fn assert(&self) {
            let mut line = self.0.lock().unwrap();
            line.obey();
            line.asserted = true;
            line.signal();
        }

        fn acknowledge(&self) -> bool {
            let mut line = self.0.lock().unwrap();
            line.obey();
            std::mem::replace(&mut line.asserted, false)
        }

        fn remove(&self, how: Removal) {
            assert_eq!(how, Removal::Surprise, "UIO asks nobody");
            let line = self.0.lock().unwrap();
            line.end.shutdown(Shutdown::Both).unwrap();
        }
    }
}
