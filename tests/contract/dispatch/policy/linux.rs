//! On Linux: what is asked of the scheduler, and of the line by /proc/irq.

use std::sync::mpsc::channel;

use interrupt_lock::{Affinity, Answer, Claim, Dispatcher, Interrupt, Policy, PolicyAnswer, Priority, SourceError};
use rustix::io::Errno;
use support::placement::{bind, message, of_process, only, seen, served_with};
use support::seccomp::{Whom, refuse};
use support::{receive, watchdog};

/// A vector whose file can't be written, a vector without a number, a thread that serves other interrupts too, no
/// thread at all, no source: each is reported, and the interrupt is enabled all the same.
// Caught: a refusal that is dropped; one that fails the enable; one that keeps the rest from being asked.
#[test]
fn p2_what_is_refused_is_in_the_answer() {
    watchdog(|| {
        let policy = Policy::new().with_affinity(Affinity::Specified(only(*of_process().first().unwrap())));
        let (mut source, assert) = message(0);
        source.info.vector = Some(u32::MAX);
        let (_, answer) = served_with(policy, (source, assert));
        assert_eq!(answer.thread, Answer::Taken);
        match &answer.line {
            Answer::Refused(SourceError::Os { doing, source }) => {
                assert!(doing.as_str().contains("/proc/irq/4294967295/smp_affinity_list"), "{doing}");
                assert_eq!(source.raw(), Errno::NOENT.raw_os_error());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(answer.refusals().count(), 1);

        let (_, answer) = served_with(policy, message(0));
        assert!(matches!(answer.line, Answer::Refused(SourceError::Refused(_))));

        let policy = policy.with_priority(Priority::Low);
        let given = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .source(message(0).0)
            .dispatcher(&Dispatcher::new().unwrap())
            .policy(policy)
            .build()
            .unwrap();
        let alone = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .source(message(0).0)
            .without_dispatcher()
            .policy(policy)
            .build()
            .unwrap();
        let without_source = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(policy).build().unwrap();
        for interrupt in [given, alone, without_source] {
            assert_eq!(interrupt.policy_answer(), PolicyAnswer::default());
            interrupt.enable().unwrap();
            assert_eq!(interrupt.policy_answer().refusals().count(), 3);
        }
    });
}

/// With the right to real-time priorities the thread gets one. Without, that is reported.
// Caught: a priority never asked for; the refusal ignored; the calling thread's priority changed.
#[test]
fn p2_the_serving_thread_has_the_priority_of_the_policy() {
    watchdog(|| {
        let may = std::thread::spawn(|| {
            let priority: libc::c_int = 1;
            // SAFETY: the kernel reads one `int`.
            unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO, &raw const priority) == 0 }
        });
        let may = may.join().unwrap();
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            let (has, answer) = served_with(Policy::new().with_priority(priority), message(0));
            assert_eq!((&answer.thread, &answer.line), (&Answer::NotAsked, &Answer::NotAsked));
            if may {
                assert_eq!((has.scheduler, answer.priority), (libc::SCHED_FIFO, Answer::Taken));
            } else {
                assert_eq!(has.scheduler, libc::SCHED_OTHER);
                assert!(matches!(answer.priority, Answer::Refused(_)));
            }
        }
        assert_eq!(seen().scheduler, libc::SCHED_OTHER);
    });
}

/// A process without the right to a priority is told so, and its interrupt is served.
// Caught: EPERM as an error of the enable; an answer that says it was taken.
#[test]
fn p2_a_priority_without_the_right_to_it_is_refused() {
    watchdog(|| {
        refuse(&[libc::SYS_sched_setscheduler], libc::EPERM, Whom::ThisThread);
        let (has, answer) = served_with(Policy::new().with_priority(Priority::High), message(0));
        assert_eq!(has.scheduler, libc::SCHED_OTHER);
        match answer.priority {
            Answer::Refused(SourceError::Os { source, .. }) => assert_eq!(source.raw(), libc::EPERM),
            other => panic!("{other:?}"),
        }
    });
}

/// Each enable asks the system anew, because the line may have another number.
// Caught: a policy that is asked for at the first enable only; an answer that is kept from the last.
#[test]
fn p2_it_is_asked_for_at_each_enable() {
    watchdog(|| {
        let mine = of_process();
        let (report, reported) = channel();
        let (mut source, assert) = message(0);
        source.info.vector = Some(u32::MAX);
        let policy = Policy::new().with_affinity(Affinity::Specified(only(*mine.first().unwrap())));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                report.send(seen().processors).unwrap();
                // Somebody else's doing.
                bind(None, &mine);
                Claim::Claimed
            })
            .source(source)
            .policy(policy)
            .build()
            .unwrap();
        for enables in 0..3 {
            interrupt.enable().unwrap();
            let line = interrupt.policy_answer().line;
            let Answer::Refused(SourceError::Os { doing, .. }) = line else { panic!("{line:?}") };
            assert!(doing.as_str().contains(&format!("/proc/irq/{}/", u32::MAX - enables)), "{doing}");
            assert.assert();
            let processors = receive(&reported);
            assert_eq!(processors.len(), 1);
            interrupt.disable().unwrap();
        }
    });
}
