//! One interrupt: how it is built, and what its driver does to it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use interrupt_lock::simulated::{Edu, EduOptions};
use interrupt_lock::source::{Software, Source as Raw};
use interrupt_lock::{Builder, Claims, Error, ErrorKind, Interrupt, Queued, State, Transition, WorkItemContext};

use crate::callbacks::Callback;
use crate::kind::{Kind, Served, Source};
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::object::{Data, Object};
use crate::random::Random;
use crate::removal::{Removable, Switch, Way};
use crate::signal::{Output, Signal, level};
use crate::totals;
use crate::watch::{self, lock};

/// An interrupt, from its building to the accounts after its end. Its handle is the machine's.
pub struct Unit {
    pub slot: usize,
    pub kind: Kind,
    pub ledger: Arc<Ledger>,
    pub object: Arc<dyn Object>,
    pub listener: Mutex<Option<JoinHandle<()>>>,
    pub name: String,
    pub removal: Arc<Switch>,
    signal: Signal,
    /// Nobody calls `service()`. A line that its ISR keeps masked is opened all the same.
    unserved: AtomicBool,
    /// Who holds this enables and disables it, and knows which of the two it did last.
    gate: Mutex<()>,
}

/// What ends an interrupt as it is dropped.
pub trait Handle: Send {}
impl<T: Send> Handle for T {}

impl Unit {
    pub fn raise(&self) {
        self.ledger.raised.one();
        self.signal.raise(&*self.object);
    }

    pub fn outstanding(&self) -> u64 {
        self.signal.outstanding()
    }

    /// For a unit without a dispatcher: what its driver's loop does.
    pub fn tend(&self) {
        // SeqCst: the thread that tends has stored it, or sees it at its next look.
        if self.kind.served == Served::ByHand && !self.unserved.load(SeqCst) {
            if self.kind.source != Source::Calls {
                self.object.service();
            }
            if self.removal.way().is_some() {
                self.object.service_removal();
            }
            while self.object.run_work_item() {}
        }
        if self.kind.holds() && !self.kind.work {
            self.object.unmask();
        }
    }

    /// For a unit without a dispatcher: its driver's loop sleeps, or goes on.
    pub fn leave_unserved(&self, unserved: bool) {
        // SeqCst: see `tend`.
        self.unserved.store(unserved, SeqCst);
    }

    /// Its device goes away, in some way. Its interrupt is built anew after the round.
    pub fn remove(&self, random: &mut Random) {
        let way = match self.kind.source {
            Source::Calls => Way::Silent,
            _ => random.pick(&[Way::Requested, Way::Surprise, Way::Silent]),
        };
        if self.kind.mortal && self.removal.remove(way) {
            totals::REMOVALS.one();
        }
    }

    /// If it is removed, every operation says so, from now on.
    pub fn must_stay_removed(&self) {
        if self.object.state() != State::Removed {
            return;
        }
        let object = &self.object;
        let answers = [
            ("enable()", object.enable().map(drop)),
            ("disable()", object.disable().map(drop)),
            ("report_inactive()", object.report_inactive().map(drop)),
            ("report_active()", object.report_active().map(drop)),
            ("check()", object.check()),
        ];
        for (what, answer) in answers {
            let kind = answer.as_ref().map_err(Error::kind);
            // Another thread may drop its handle at any time.
            let told = matches!(kind, Err(ErrorKind::Removed | ErrorKind::Ended | ErrorKind::WouldDeadlock { .. }));
            if !told {
                self.ledger.wrong(&format!("{what} of a removed interrupt returned {answer:?}"), None);
            }
        }
        let queued = self.object.queue();
        self.ledger.note_queueing(queued);
        if matches!(queued, Some(Queued::New | Queued::Merged)) {
            self.ledger.wrong(&format!("the work item of a removed interrupt was queued: {queued:?}"), None);
        }
    }

    /// Disables it, and sees that it stays so; then, mostly, enables it. Unless somebody else is at it.
    pub fn cycle(&self, random: &mut Random) {
        let Ok(_gate) = self.gate.try_lock() else { return };
        if random.one_in(2) {
            self.disable_gated();
            if random.one_in(4) {
                return;
            }
            self.raise();
            std::thread::yield_now();
        }
        self.enable_gated();
    }

    /// Brings it back to work, unless somebody else is at it.
    pub fn bring_up(&self) {
        let _ = self.object.clear_fault();
        let _ = self.object.report_active();
        self.must_stay_removed();
        if let Ok(_gate) = self.gate.try_lock() {
            self.enable_gated();
        }
    }

    pub fn disable(&self) -> bool {
        let _gate = lock(&self.gate);
        self.disable_gated()
    }

    pub fn enable(&self) {
        let _gate = lock(&self.gate);
        self.enable_gated();
    }

    /// A transition has not been refused, although it had to be.
    pub fn ended_or_wrong(&self, what: &str) {
        if self.object.state() != State::Ended {
            self.ledger.wrong(what, Some(&self.object.stats()));
        }
    }

    fn disable_gated(&self) -> bool {
        let accepted = self.ledger.accepted.get();
        let answer = self.object.disable();
        if refused(&answer) {
            return false;
        }
        let ended = matches!(&answer, Err(error) if matches!(error.kind(), ErrorKind::Ended));
        if !ended {
            self.ledger.set_off(true);
        }
        if self.ledger.closures_run.get() < accepted {
            self.ledger.wrong("disable() left closures that were submitted before", Some(&self.object.stats()));
        }
        !ended
    }

    fn enable_gated(&self) {
        self.ledger.set_off(false);
        if refused(&self.object.enable()) {
            return;
        }
        match self.object.state() {
            State::Faulted => _ = refused(&self.object.clear_fault().map(|_| Transition::Done)),
            _ => totals::TRANSITIONS.one(),
        }
    }
}

/// Whether a transition was refused because it would never end.
pub fn refused(answer: &Result<Transition, Error>) -> bool {
    let refused = matches!(answer, Err(error) if matches!(error.kind(), ErrorKind::WouldDeadlock { .. }));
    if refused {
        totals::REFUSALS.one();
    }
    refused
}

/// The source, and the device at its other end.
fn source(
    machine: &Machine,
    slot: usize,
    kind: &Kind,
    removal: &Arc<Switch>,
) -> Result<(Option<Box<dyn Raw>>, Signal), Error> {
    fn boxed_in(removal: &Arc<Switch>, source: impl Raw + 'static) -> Option<Box<dyn Raw>> {
        Some(Box::new(Removable::new(source, removal)))
    }
    macro_rules! boxed {
        ($source:expr) => {
            boxed_in(removal, $source)
        };
    }
    let edu = || Edu::with_options(EduOptions { name: "simulated edu".into(), compute_time: Duration::ZERO });
    Ok(match kind.source {
        Source::Calls => (None, Signal::new(Output::Calls)),
        Source::Edge => {
            let (source, handle) = Software::edge();
            (boxed!(source), Signal::new(Output::Edge(handle)))
        }
        Source::Message => {
            let (source, handle) = Software::message(3);
            (boxed!(source), Signal::new(Output::Edge(handle)))
        }
        Source::Level => {
            let (source, signal) = level();
            (boxed!(source), signal)
        }
        Source::Member => {
            let (source, signal) = machine.member(slot);
            (boxed!(source), signal)
        }
        Source::EduLine | Source::EduMessage => {
            let edu = edu();
            let source = if kind.source == Source::EduLine { edu.line() } else { edu.message() }?;
            let registers = edu.registers();
            (boxed!(source), Signal::new(Output::Edu(edu, registers)))
        }
        #[cfg(target_os = "linux")]
        Source::Eventfd => {
            let source = interrupt_lock::linux::Eventfd::new()?;
            let signal = Signal::new(Output::Eventfd(source.signaller()));
            (boxed!(source), signal)
        }
    })
}

/// The options that are the same with and without a work item.
fn options<W, I, S>(builder: Builder<Data, W, I, S>, machine: &Machine, kind: &Kind) -> Builder<Data, W, I, S> {
    let mut builder = builder.polling(kind.polling);
    builder = match kind.served {
        Served::OwnDispatcher => builder,
        Served::SharedDispatcher => builder.dispatcher(machine.dispatcher()),
        Served::ByHand => builder.without_dispatcher(),
    };
    if kind.in_device {
        builder = builder.device(machine.device());
    }
    if kind.wakes {
        builder = builder.wake_capable();
    }
    if kind.timed {
        builder = builder.timed();
    }
    if kind.polled {
        builder = builder.poll_when_silent(Duration::from_millis(1));
    }
    builder
}

/// Builds the interrupt of a slot.
pub fn build(
    machine: &Arc<Machine>,
    slot: usize,
    name: String,
    kind: Kind,
    random: &mut Random,
) -> Result<(Box<dyn Handle>, Arc<Unit>), Error> {
    let ledger = Ledger::new(format!("{name}: {kind:?}"));
    // The device enables its interrupts itself.
    ledger.set_off(!kind.in_device);
    let removal = Arc::new(Switch::default());
    let (source, signal) = source(machine, slot, &kind, &removal)?;
    let mut callback =
        || Callback::new(Arc::downgrade(machine), slot, kind, &ledger, &signal, &removal, random.split());
    let (mut on_enable, mut on_disable, mut on_removal) = (callback(), callback(), callback());
    let mut isr = callback();
    let unit = |object, claims: Option<Claims<'static>>| {
        let listener = claims.map(|claims| listen(claims, ledger.clone(), &name));
        let (listener, gate) = (Mutex::new(listener), Mutex::new(()));
        let (ledger, signal, removal, name) = (ledger.clone(), signal.clone(), removal.clone(), name.clone());
        Arc::new(Unit {
            slot,
            kind,
            ledger,
            object,
            listener,
            name,
            removal,
            signal,
            unserved: AtomicBool::new(false),
            gate,
        })
    };
    macro_rules! builder {
        () => {{
            let builder = if kind.shares_lock {
                Interrupt::builder_sharing(machine.lock())
            } else {
                Interrupt::builder(Data::default())
            };
            let mut builder = options(builder, machine, &kind)
                .name(name.clone())
                .on_enable(move |data| on_enable.enable(data))
                .on_disable(move |data| on_disable.disable(data))
                .on_removal(move |data| on_removal.removed(data));
            if let Some(source) = source {
                builder = builder.source(source);
            }
            builder
        }};
    }
    if kind.work {
        let mut work = callback();
        let mut builder = builder!();
        if kind.serialized {
            builder = builder.automatic_serialization();
        }
        let interrupt = builder
            .isr(move |context| {
                let plan = isr.plan();
                let queued = plan.queues.then(|| context.queue_work_item());
                let assertions = context.assertions();
                isr.isr(&plan, context, assertions, queued)
            })
            .work_item(move |interrupt: &WorkItemContext<'_, Data>| {
                work.work_item(interrupt.merged(), |section| section(&mut interrupt.acquire_interrupt_lock()))
            })
            .build()?;
        let claims = kind.listened.then(|| interrupt.claims()).transpose()?;
        let object = interrupt.object().clone();
        return Ok((Box::new(interrupt), unit(object, claims)));
    }
    let interrupt = builder!()
        .isr(move |context| {
            let (plan, assertions) = (isr.plan(), context.assertions());
            isr.isr(&plan, context, assertions, None)
        })
        .build()?;
    let claims = kind.listened.then(|| interrupt.claims()).transpose()?;
    let object = interrupt.object().clone();
    Ok((Box::new(interrupt), unit(object, claims)))
}

/// Starts a thread that hears of every claim, until the interrupt ends.
fn listen(mut claims: Claims<'static>, ledger: Arc<Ledger>, name: &str) -> JoinHandle<()> {
    watch::spawn(format!("listener of {name}"), move || {
        loop {
            watch::idle();
            match block_on(claims.claimed()) {
                Ok(claimed) => ledger.heard.add(claimed),
                Err(error) if matches!(error.kind(), ErrorKind::Ended) => return,
                // A fault, which its driver will clear.
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    })
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
