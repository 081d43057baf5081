//! Forked children.

use std::io::{Read, Write, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::panic_text;
use crate::slot::OnDrop;

/// After this many seconds a child that hangs is killed.
const PATIENCE: u32 = 20;

/// Runs `body` in a forked child of this thread. Fails the test if it panics there, or hangs. Nothing of this process's
/// is freed or run there beside.
#[track_caller]
pub fn in_a_child(body: impl FnOnce()) {
    let (mut heard, mut said) = pipe().unwrap();
    // SAFETY: the child has this one thread, and runs what a driver may run in a forked child. It never returns from here.
    let child = unsafe { libc::fork() };
    assert_ne!(child, -1, "{}", std::io::Error::last_os_error());
    if child == 0 {
        drop(heard);
        // SAFETY: it only sets a clock.
        unsafe { libc::alarm(PATIENCE) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
            let _ = said.write_all(panic_text(&*payload).as_bytes());
        }
        // SAFETY: it ends the child, and runs nothing of the parent's beside.
        unsafe { libc::_exit(0) };
    }
    drop(said);
    let mut problem = String::new();
    heard.read_to_string(&mut problem).unwrap();
    let ended = wait_for(child);
    assert!(problem.is_empty(), "in the child: {problem}");
    assert_eq!(ended, 0, "the child ended with this status");
}

/// Forks, inside a callback that goes on in both processes.
#[derive(Clone, Default)]
pub struct Fork(Arc<AtomicBool>);

impl Fork {
    /// Forks. Returns the child's status, after its end; in the child, nothing.
    pub fn here(&self) -> Option<i32> {
        // SAFETY: the tests do in the child what a driver may do there.
        match unsafe { libc::fork() } {
            -1 => panic!("{}", std::io::Error::last_os_error()),
            0 => {
                self.0.store(true, SeqCst);
                None
            }
            child => Some(wait_for(child)),
        }
    }

    /// Whether this is the child.
    pub fn is_child(&self) -> bool {
        self.0.load(SeqCst)
    }

    /// Ends the child, if this is the child. Its status is 0 if all is `well`.
    pub fn end_child(&self, well: impl FnOnce() -> bool) {
        if self.is_child() {
            // SAFETY: it ends the child, and runs nothing of the parent's beside.
            unsafe { libc::_exit(i32::from(!well())) };
        }
    }
}

/// Runs `forks` while other threads are `busy` without a pause.
pub fn beside(busy: impl Fn() + Sync, forks: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    busy();
                }
            });
        }
        let _stop = OnDrop(|| stop.store(true, SeqCst));
        forks();
    });
}

/// Waits for the end of a child, and returns its status. Kills a child that does not end.
pub fn wait_for(child: libc::pid_t) -> i32 {
    let mut status = 0;
    for _ in 0..PATIENCE * 100 {
        // SAFETY: it fills in the status.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 => thread::sleep(Duration::from_millis(10)),
            -1 => assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::Interrupted),
            _ => return status,
        }
    }
    // SAFETY: it is a child that nobody has waited for yet, so the number is still its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
    panic!("the child does not end");
}
