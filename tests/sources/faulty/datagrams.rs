//! The first source of the guide's page, with the faults that sources of descriptors have.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::task::Waker;
use std::time::Duration;

use interrupt_lock::source::{Ready, Source};
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::{Info, SourceError, Trigger, source_tests};

use super::{ALL, PATIENCE, caught};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Its descriptor blocks.
    Blocks,
    /// It takes one datagram for each time that it is readable.
    TakesOne,
    /// It drains once more as it is connected.
    DrainsAtTheConnection,
    /// Its descriptor stays open in programs that the driver starts.
    IsInherited,
}

struct Doorbell(UnixDatagram, Fault);

impl Source for Doorbell {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Edge)
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.0.as_fd())
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        if self.1 == Fault::DrainsAtTheConnection {
            self.take()?;
        }
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        let mut count = 0;
        loop {
            match self.0.recv(&mut [0; 1]) {
                Ok(_) if self.1 == Fault::TakesOne => return Ok(1),
                Ok(_) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(SourceError::os("reading the doorbell", &error)),
            }
        }
    }
}

struct Bell(UnixDatagram);

impl Device for Bell {
    fn assert(&self) {
        let _ = self.0.send(&[1]); // fails once the source is gone
    }
}

struct Doorbells(Fault);

impl Rig for Doorbells {
    type Source = Doorbell;
    type Device = Bell;

    fn is_level(&self) -> bool {
        false
    }

    fn set_up(&self) -> Result<(Doorbell, Bell), String> {
        let (ours, theirs) = UnixDatagram::pair().map_err(|error| error.to_string())?;
        ours.set_nonblocking(self.0 != Fault::Blocks).map_err(|error| error.to_string())?;
        if self.0 == Fault::IsInherited {
            rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::empty()).map_err(|error| error.to_string())?;
        }
        Ok((Doorbell(ours, self.0), Bell(theirs)))
    }

    fn patience(&self) -> Duration {
        if self.0 == Fault::None { Duration::from_secs(150) } else { PATIENCE }
    }
}

source_tests!(doorbells: super::Doorbells(super::Fault::None), common edge);

#[test]
fn each_faulty_source_with_a_descriptor_is_caught() {
    caught(
        Doorbells,
        &[
            (Fault::Blocks, "i3_an_assertion_is_delivered", "the source's `take` does not return", ALL),
            (Fault::TakesOne, "i3_assertions_that_meet_are_served", "the device's `assert` does not return", ALL),
            (
                Fault::DrainsAtTheConnection,
                "i15_an_edge_between_the_drain_and_the_connection_is_counted",
                "of 40 assertions 20 were delivered and 0 stale",
                ALL,
            ),
            (Fault::IsInherited, "descriptors_are_closed_on_exec", "`ready` returns is not closed on exec", ALL),
        ],
    );
}
