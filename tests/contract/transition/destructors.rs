//! Rules E6 and I12: a panic in a driver's destructor, at the end of an interrupt, is a fault of that interrupt alone.

use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};

use interrupt_lock::source::{Ready, Software, Source};
use interrupt_lock::{
    Callback, Claim, Device, Dispatcher, Fault, Info, Interrupt, InterruptLock, InterruptObject, NoWorkItem,
    SourceError, State,
};
use support::slot::{OnDrop, Owner};
use support::{receive, until, watchdog};

/// A value that panics as it is dropped.
fn mine() -> OnDrop<impl FnMut()> {
    OnDrop(|| panic!("on purpose"))
}

#[track_caller]
fn ended_with_a_fault<T, W>(object: &InterruptObject<T, W>) {
    assert_eq!(object.state(), State::Ended);
    match object.fault() {
        Some(Fault::Panicked { callback: Callback::Destructor, message }) => assert_eq!(message.as_str(), "on purpose"),
        other => panic!("{other:?}"),
    }
}

/// The panic stops neither the release of the lock nor the other ends that wait for it.
// Caught: an end that lets its destructors unwind: out of the release, past the others that were left to it.
#[test]
fn e6_a_destructor_that_panics_keeps_no_other_from_its_end() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let build = |own: bool| {
            let owned = own.then(mine);
            let interrupt = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
                .isr(move |_| {
                    let _ = &owned;
                    Claim::Claimed
                })
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let interrupts = [false, true, false].map(build);
        let objects = interrupts.each_ref().map(|interrupt| interrupt.object().clone());
        let held = lock.acquire_interrupt_lock();
        drop(interrupts);
        drop(held);
        let [first, panicked, last] = objects;
        assert_eq!((first.state(), last.state()), (State::Ended, State::Ended));
        ended_with_a_fault(&panicked);
    });
}

/// An interrupt that is dropped in its own ISR ends on the thread that serves others too.
// Caught: as above: the thread ends, and the others are served no more.
#[test]
fn i12_a_destructor_on_the_thread_that_serves_others() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (owner, owned) = (Owner::new(), mine());
        let (source, line) = Software::edge();
        let theirs = owner.clone();
        let interrupt = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                let _ = &owned;
                theirs.drop_handle();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let (source, others_line) = Software::edge();
        let (sender, served) = mpsc::channel();
        let other = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                sender.send(()).unwrap();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        other.enable().unwrap();
        let object = owner.keep(interrupt);
        line.assert();
        until(|| object.fault().is_some());
        ended_with_a_fault(&object);
        others_line.assert();
        receive(&served);
    });
}

/// A source whose destructor panics.
struct ExplodingSource(Software, #[expect(dead_code, reason = "for its drop")] OnDrop<fn()>);

impl Source for ExplodingSource {
    fn info(&self) -> Info {
        self.0.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        self.0.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.0.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.0.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.0.take()
    }
}

/// An error whose destructor panics.
#[derive(Debug)]
struct ExplodingError(#[expect(dead_code, reason = "for its drop")] Quiet);

struct Quiet(#[expect(dead_code, reason = "for its drop")] OnDrop<fn()>);

impl std::fmt::Debug for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("quiet")
    }
}

impl std::fmt::Display for ExplodingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no clock")
    }
}

impl std::error::Error for ExplodingError {}

/// A waker whose destructor panics.
struct ExplodingWaker(#[expect(dead_code, reason = "for its drop")] OnDrop<fn()>);

impl Wake for ExplodingWaker {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future<Output = Result<u64, interrupt_lock::Error>> + Unpin>(future: &mut F, waker: &Waker) -> Option<u64> {
    match Pin::new(future).poll(&mut Context::from_waker(waker)) {
        std::task::Poll::Ready(claimed) => claimed.ok(),
        std::task::Poll::Pending => None,
    }
}

fn bomb() -> OnDrop<fn()> {
    OnDrop(|| panic!("on purpose"))
}

/// Something that panics as it is freed is in every place of an interrupt at once. Each panic is a fault of its own, and
/// no thread pays for it.
// Caught: any two of them freed in one catch (the process aborts, or a fault is missing); one that is freed outside any;
// an object whose data is freed outside a catch.
#[test]
fn e6_a_panicking_destructor_in_every_place() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (source, line) = Software::edge();
        let [in_isr, in_enable, in_disable, in_removal, in_work] = [(); 5].map(|()| bomb());
        let interrupt = Interrupt::builder(bomb())
            .isr(move |_| {
                let _ = &in_isr;
                Claim::Claimed
            })
            .on_enable(move |_| _ = &in_enable)
            .on_disable(move |_| _ = &in_disable)
            .on_removal(move |_| _ = &in_removal)
            .work_item(move |_| _ = &in_work)
            .source(ExplodingSource(source, bomb()))
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        until(|| interrupt.stats().claimed == 1);
        let object = interrupt.object().clone();

        // A waker that another replaces, and a closure that has run.
        let mut claims = interrupt.claims().unwrap();
        let exploding = Waker::from(Arc::new(ExplodingWaker(bomb())));
        assert_eq!(poll(&mut claims.claimed(), &exploding), None);
        drop(exploding); // the interrupt has the last one
        assert_eq!(poll(&mut claims.claimed(), Waker::noop()), None);
        drop(claims);
        let mut faults = 1;
        assert_eq!(object.stats().faults, faults);
        let in_closure = bomb();
        interrupt.run_or_defer(move |_| drop(in_closure)).unwrap();
        faults += 1;
        assert_eq!(object.stats().faults, faults);

        drop(interrupt);
        faults += 6; // ISR, enable, disable and removal callback, work item, source
        assert_eq!((object.state(), object.stats().faults), (State::Ended, faults));
        let too_late = bomb();
        assert!(object.run_or_defer(move |_| _ = &too_late).is_err());
        faults += 1;
        assert_eq!(object.stats().faults, faults);
        drop(object); // and the data, whose fault nobody can ask for any more

        // The dispatcher's threads are alive.
        let (source, line) = Software::edge();
        let (sender, served) = mpsc::channel();
        let other = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| _ = sender.send(()))
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        line.assert();
        receive(&served);
    });
}

/// Errors that the crate frees because nobody is left to return them to: of a disable callback as the handle is dropped,
/// of a removal callback, of a power callback that undoes a failed D0 entry.
// Caught: an error that is dropped outside a catch.
#[test]
fn e6_an_error_that_panics_as_it_is_freed() {
    watchdog(|| {
        let exploding = || Err::<(), _>(ExplodingError(Quiet(bomb())));
        let interrupt: Interrupt<(), NoWorkItem> =
            Interrupt::builder(()).isr(|_| Claim::Claimed).on_disable(move |_| exploding()).build().unwrap();
        interrupt.enable().unwrap();
        let object = interrupt.object().clone();
        drop(interrupt);
        assert_eq!((object.state(), object.stats().faults), (State::Ended, 1));

        let interrupt: Interrupt<(), NoWorkItem> =
            Interrupt::builder(()).isr(|_| Claim::DeviceGone).on_removal(move |_| exploding()).build().unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        assert_eq!((interrupt.state(), interrupt.stats().faults), (State::Removed, 1));

        let device = Device::builder("nic").on_interrupts_enabled(|| Err("no link")).on_d0_exit(exploding).build();
        assert!(device.enter_d0().is_err());
        let callback = bomb();
        drop(Device::builder("nic").on_d0_entry(move || _ = &callback).build());
    });
}
