//! A pipe: each byte that another program writes is an assertion. Closing its end removes the device.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::task::Waker;

use interrupt_lock::source::{Ready, Removal, Source};
use interrupt_lock::test_kit::{Device, Rig};
use interrupt_lock::{Info, SourceError, Trigger, source_tests};

struct Pipe(PipeReader);

impl Pipe {
    fn new(reader: PipeReader) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&reader, true)?;
        Ok(Self(reader))
    }
}

impl Source for Pipe {
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
        let mut count = 0;
        loop {
            match self.0.read(&mut [0; 64]) {
                Ok(0) => return Err(SourceError::Removed),
                Ok(bytes) => count += bytes as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(SourceError::os("reading the pipe", &error)),
            }
        }
    }
}

struct Writer(Mutex<Option<PipeWriter>>);

impl Device for Writer {
    fn assert(&self) {
        if let Some(writer) = &mut *self.0.lock().unwrap() {
            let _ = writer.write(&[1]); // fails once the source is gone
        }
    }

    fn remove(&self, _: Removal) {
        *self.0.lock().unwrap() = None;
    }
}

struct Pipes;

impl Rig for Pipes {
    type Source = Pipe;
    type Device = Writer;

    fn is_level(&self) -> bool {
        false
    }

    fn set_up(&self) -> Result<(Pipe, Writer), String> {
        let (reader, writer) = pipe().map_err(|error| error.to_string())?;
        Ok((Pipe::new(reader).map_err(|error| error.to_string())?, Writer(Mutex::new(Some(writer)))))
    }

    fn can_be_removed(&self, how: Removal) -> bool {
        how == Removal::Surprise
    }
}

source_tests!(pipes: Pipes, common edge surprise);
