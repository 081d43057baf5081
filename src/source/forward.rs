//! A boxed source is a source. Every method is forwarded, also those with a default body.

use core::task::Waker;

use alloc::boxed::Box;

use crate::cause::SourceError;
use crate::claim::Claim;
use crate::info::Info;
use crate::name::Name;
#[cfg(feature = "std")]
use crate::source::Assertions;
use crate::source::{Ready, Removal, Source};

impl<S: Source + ?Sized> Source for Box<S> {
    fn info(&self) -> Info {
        (**self).info()
    }

    fn name(&self) -> Name {
        (**self).name()
    }

    fn ready(&mut self) -> Ready<'_> {
        (**self).ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        (**self).connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        (**self).disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        (**self).take()
    }

    fn answered(&mut self, claim: Claim) -> bool {
        (**self).answered(claim)
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        (**self).unmask()
    }

    #[cfg(all(unix, feature = "std"))]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        (**self).removal_descriptor()
    }

    fn never_masks(&self) -> bool {
        (**self).never_masks()
    }

    #[cfg(all(target_os = "linux", feature = "std"))]
    fn counter(&mut self) -> Option<&alloc::sync::Arc<crate::source::waitable::Counter>> {
        (**self).counter()
    }

    #[cfg(all(target_os = "linux", feature = "std"))]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        (**self).sysfs()
    }

    #[cfg(feature = "std")]
    fn time_assertions(&mut self, assertions: Assertions) {
        (**self).time_assertions(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        (**self).removal()
    }
}

#[cfg(all(test, target_os = "linux", feature = "std"))]
mod tests {
    use std::collections::BTreeSet;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::observe::timing::Timing;
    use crate::source::waitable::Counter;

    /// A source whose every method notes its name and returns something that no default body does.
    struct Noting {
        called: Arc<Mutex<BTreeSet<&'static str>>>,
        file: std::fs::File,
        counter: Arc<Counter>,
    }

    impl Noting {
        fn note(&self, method: &'static str) {
            self.called.lock().unwrap().insert(method);
        }
    }

    impl Source for Noting {
        fn info(&self) -> Info {
            self.note("info");
            Info::new().with_vector(7)
        }

        fn name(&self) -> Name {
            self.note("name");
            Name::new("noting")
        }

        fn ready(&mut self) -> Ready<'_> {
            self.note("ready");
            Ready::Descriptor(self.file.as_fd())
        }

        fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
            self.note("connect");
            Err(SourceError::Removed)
        }

        fn disconnect(&mut self) -> Result<(), SourceError> {
            self.note("disconnect");
            Err(SourceError::Removed)
        }

        fn take(&mut self) -> Result<u64, SourceError> {
            self.note("take");
            Ok(7)
        }

        fn answered(&mut self, claim: Claim) -> bool {
            self.note("answered");
            claim != Claim::Unclaimed
        }

        fn unmask(&mut self) -> Result<(), SourceError> {
            self.note("unmask");
            Err(SourceError::Removed)
        }

        fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
            self.note("removal_descriptor");
            Some(self.file.as_fd())
        }

        fn never_masks(&self) -> bool {
            self.note("never_masks");
            true
        }

        fn counter(&mut self) -> Option<&Arc<Counter>> {
            self.note("counter");
            Some(&self.counter)
        }

        fn sysfs(&self) -> Option<PathBuf> {
            self.note("sysfs");
            Some(PathBuf::from("/sys/noting"))
        }

        fn time_assertions(&mut self, _assertions: Assertions) {
            self.note("time_assertions");
        }

        fn removal(&mut self) -> Option<Removal> {
            self.note("removal");
            Some(Removal::Requested)
        }
    }

    /// The methods that the trait declares, by its own text.
    fn declared() -> BTreeSet<&'static str> {
        let (_, after) = include_str!("mod.rs").split_once("pub trait Source").unwrap();
        let (body, _) = after.split_once("\n}\n").unwrap();
        body.lines()
            .filter_map(|line| line.strip_prefix("    fn "))
            .map(|line| line.split_once('(').unwrap().0)
            .collect()
    }

    // Caught: each method left to its default body; a method that is new in the trait and not here.
    #[test]
    fn a_boxed_source_forwards_every_method() {
        let called = Arc::new(Mutex::new(BTreeSet::new()));
        let file = std::fs::File::open("/dev/null").unwrap();
        let counter = Arc::new(Counter::own(file.try_clone().unwrap().into()));
        let mut source: Box<dyn Source> = Box::new(Noting { called: called.clone(), file, counter });
        // The box itself is the source here, and what is in it another one.
        let source: &mut Box<dyn Source> = &mut source;
        assert_eq!(Source::info(source).vector, Some(7));
        assert_eq!(Source::name(source).as_str(), "noting");
        assert!(matches!(Source::ready(source), Ready::Descriptor(_)));
        assert_eq!(Source::connect(source, Waker::noop()), Err(SourceError::Removed));
        assert_eq!(Source::disconnect(source), Err(SourceError::Removed));
        assert_eq!(Source::take(source), Ok(7));
        assert!(!Source::answered(source, Claim::Unclaimed));
        assert_eq!(Source::unmask(source), Err(SourceError::Removed));
        assert!(Source::removal_descriptor(source).is_some());
        assert!(Source::never_masks(source));
        assert!(Source::counter(source).is_some());
        assert_eq!(Source::sysfs(source), Some(PathBuf::from("/sys/noting")));
        Source::time_assertions(source, Arc::new(Timing::new()).assertions());
        assert_eq!(Source::removal(source), Some(Removal::Requested));
        assert_eq!(*called.lock().unwrap(), declared());
    }
}
