//! Statistics that the parent publishes: a child publishes nothing, and takes nothing away.

use std::io::Write;

use interrupt_lock::Export;
use support::prometheus::{read, value};

use super::*;

fn get(path: &std::path::Path) -> String {
    let mut client = UnixStream::connect(path).unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.into()
}

fn plain(name: &'static str) -> Interrupt<(), NoWorkItem> {
    let interrupt = Interrupt::builder(()).name(name).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// Every operation of a child is refused, or says nothing; a drop there removes nothing, and tells the parent's thread nothing.
/// The parent goes on publishing. What the child makes itself works.
// Caught: an `add` or a text that waits for a lock of the parent; an `add`, a `publish` or a `check` that works on in the child;
// a child's drop that removes the socket, or ends the thread of the parent; a new socket that is refused because a child of a
// dead process holds the old one.
#[test]
fn i20_a_child_leaves_the_publisher_of_its_parent_alone() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let directory = std::env::temp_dir().join(format!("interrupt-lock-fork-{}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            let [path, second, of_child] =
                ["driver.sock", "second.sock", "child.sock"].map(|name| directory.join(name));
            let export = Export::new();
            let interrupt = plain("edu0");
            export.add(interrupt.object()).unwrap();
            let mut publisher = Some(export.publish(&path).unwrap());
            // Others are inside of the export's lock at the forks, for long: each searches many for its number.
            let many: Vec<_> = (0..30).map(|_| plain("many")).collect();
            many.iter().for_each(|one| export.add(one.object()).unwrap());
            let busy = || export.add(plain("many").object()).unwrap();
            beside(busy, || {
                for _ in 0..20 {
                    in_a_child(|| {
                        assert!(matches!(kind(&export.add(interrupt.object())), Some(ErrorKind::Forked)));
                        assert!(matches!(kind(&export.publish(&second)), Some(ErrorKind::Forked)));
                        assert_eq!(export.prometheus_text(), "");
                        let theirs = publisher.take().unwrap();
                        assert!(matches!(kind(&theirs.check()), Some(ErrorKind::Forked)));
                        drop(theirs);
                    });
                    assert!(path.exists() && !second.exists());
                    interrupt.service();
                    let delivered = value(&read(&get(&path)), "interrupt_delivered_total", &[("interrupt", "edu0")]);
                    assert_eq!(delivered as u64, interrupt.stats().delivered);
                }
            });
            publisher.as_ref().unwrap().check().unwrap();
            in_a_child(|| {
                let (own, mine) = (Export::new(), plain("child"));
                own.add(mine.object()).unwrap();
                assert!(kind(&own.publish(&path)).is_some(), "the parent publishes there");
                let published = own.publish(&of_child).unwrap();
                assert!(get(&of_child).contains("interrupt=\"child\""));
                drop(published);
            });
            drop(publisher);
            assert!(fs::read_dir(&directory).unwrap().next().is_none());

            // A process that has ended has left its socket, and a child of it that still lives.
            let (mut done, mut still) = std::io::pipe().unwrap();
            // SAFETY: the child and its child have one thread each, and end here.
            let child = unsafe { libc::fork() };
            if child == 0 {
                std::mem::forget(Export::new().publish(&path).unwrap());
                // SAFETY: as above. The clock ends it should the parent have failed.
                unsafe {
                    if libc::fork() == 0 {
                        libc::alarm(60);
                        let _ = done.read(&mut [0]);
                    }
                    libc::_exit(0);
                }
            }
            assert_eq!(wait_for(child), 0);
            assert!(UnixStream::connect(&path).is_ok(), "the grandchild has the descriptor");
            let publisher = export.publish(&path).unwrap();
            assert!(get(&path).contains("edu0"));
            still.write_all(&[0]).unwrap();
            drop(publisher);
            fs::remove_dir(&directory).unwrap();
        });
    });
}
