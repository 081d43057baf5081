//! The cell that is set once, with the platform.

use alloc::sync::Arc;

use loom::thread;

use crate::models::{Probe, all};
use crate::sync::bare_metal::Once;

/// Of two threads that set it, one wins. A thread that sees the value sees what was done before it was set.
// Caught: once-release, once-acquire, once-set-twice.
#[test]
fn it_is_set_once_and_seen_whole() {
    all(|| {
        let (once, before) = (Arc::new(Once::new()), Probe::new());
        let setter = thread::spawn({
            let (once, before) = (once.clone(), before.clone());
            move || {
                before.touch();
                once.set(1)
            }
        });
        match once.get() {
            Some(value) => assert_eq!((value, before.touch()), (1, 1)),
            None => {
                let second = once.set(2);
                assert!(setter.join().unwrap() != second);
                assert_eq!(once.get(), Some(if second { 2 } else { 1 }));
                return;
            }
        }
        assert!(setter.join().unwrap());
    });
}
