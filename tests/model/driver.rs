//! The real crate: builds a world and performs operations in it. Callbacks follow their scripts, and note what they do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use interrupt_lock::source::{LevelHandle, SharedLine, Software};
use interrupt_lock::{
    Claim, Device, Interrupt, InterruptLock, InterruptLockGuard, InterruptObject, WithWorkItem, Work,
};

use crate::answers;
use crate::operations::{Behaviour, Callback, Ends, How, Kind, Op, Power, SourceKind, Which};
use crate::script::{Entry, Glance, Scripts};
use crate::wire::{Counted, Faulty, Wire};

type Object = InterruptObject<(), WithWorkItem>;

/// The answer to the drop of a handle that the model does not try.
pub const NOT_TRIED: &str = "not tried";

/// The answer to a run of the work item, in a step in which another thread ends an interrupt: either may be first.
pub const EITHER: &str = "either";

/// How long another thread may take to end an interrupt, before a sequence is taken for one that fails. One that passes
/// waits for progress alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// A world of the real crate.
pub struct World {
    interrupts: Vec<Slot>,
    device: OnceLock<Device>,
    line: SharedLine,
    scripts: Mutex<Scripts>,
    log: Mutex<Vec<Entry>>,
    /// What the model has logged of this step. Two things are looked up in it: whether a handle is to be dropped at all,
    /// and for which steps of another thread an operation has to wait. That they come is not taken on trust: what was
    /// logged is compared.
    expected: Mutex<Vec<Entry>>,
    /// The model expects that another thread ends an interrupt in this step.
    ends_elsewhere: AtomicBool,
    /// The thread that performs the sequence.
    thread: ThreadId,
    me: Weak<World>,
}

struct Slot {
    object: OnceLock<Arc<Object>>,
    handle: Mutex<Option<Interrupt<()>>>,
    wire: Wire,
    freed: Arc<AtomicU64>,
}

impl World {
    pub fn new(kinds: &[Kind]) -> Arc<Self> {
        let (line, line_handle) = Software::level();
        let line = SharedLine::new(line).expect("a level can be shared");
        let (sources, interrupts): (Vec<_>, Vec<_>) = kinds
            .iter()
            .map(|kind| {
                let freed = Arc::new(AtomicU64::new(0));
                let (source, wire) = source(kind.source, &line, &line_handle, &freed);
                (source, Slot { object: OnceLock::new(), handle: Mutex::new(None), wire, freed })
            })
            .unzip();
        let world = Arc::new_cyclic(|me| Self {
            interrupts,
            device: OnceLock::new(),
            line,
            scripts: Mutex::default(),
            log: Mutex::default(),
            expected: Mutex::default(),
            ends_elsewhere: AtomicBool::new(false),
            thread: thread::current().id(),
            me: me.clone(),
        });
        let device = world.clone().build_device();
        let lock = Arc::new(InterruptLock::new(()));
        for (which, (kind, source)) in kinds.iter().zip(sources).enumerate() {
            let interrupt = world.clone().build(which, kind, source, &device, &lock);
            let slot = &world.interrupts[which];
            let _ = slot.object.set(interrupt.object().clone());
            *slot.handle.lock().unwrap() = Some(interrupt);
        }
        let _ = world.device.set(device);
        world
    }

    fn build_device(self: Arc<Self>) -> Device {
        let callback = |power: Power| {
            let world = Arc::downgrade(&self);
            move || follow(&world, |world| Some(world.power(power))).unwrap_or(Ok(()))
        };
        Device::builder("device")
            .on_d0_entry(callback(Power::D0Entry))
            .on_interrupts_enabled(callback(Power::InterruptsEnabled))
            .on_disabling_interrupts(callback(Power::DisablingInterrupts))
            .on_d0_exit(callback(Power::D0Exit))
            .build()
    }

    fn build(
        self: Arc<Self>,
        which: Which,
        kind: &Kind,
        source: Option<Faulty>,
        device: &Device,
        lock: &Arc<InterruptLock<()>>,
    ) -> Interrupt<()> {
        let callback = |callback: Callback| {
            let (world, counted) = (Arc::downgrade(&self), Counted::new(&self.interrupts[which].freed));
            move |note: &str| {
                let _ = &counted;
                follow(&world, |world| world.callback(which, callback, note))
            }
        };
        let builder = if kind.shares_lock { Interrupt::builder_sharing(lock) } else { Interrupt::builder(()) };
        let (isr, enable, disable) = (callback(Callback::Isr), callback(Callback::Enable), callback(Callback::Disable));
        let (removal, work) = (callback(Callback::Removal), callback(Callback::Work));
        let wire = self.interrupts[which].wire.clone();
        let mut builder = builder
            .name(format!("i{which}"))
            .without_dispatcher()
            .isr(move |context| claim(isr(&format!("({})", context.assertions())), &wire))
            .on_enable(move |()| outcome(enable("")))
            .on_disable(move |()| outcome(disable("")))
            .on_removal(move |()| outcome(removal("")))
            .work_item(move |context| more(work(&format!("(+{})", context.merged()))));
        if kind.has_unmask {
            let unmask = callback(Callback::Unmask);
            builder = builder.on_unmask(move |()| more(unmask("")));
        }
        if let Some(source) = source {
            builder = builder.source(source);
        }
        if kind.in_device {
            builder = builder.device(device);
            if kind.serialized {
                builder = builder.automatic_serialization();
            }
            if kind.wake_capable {
                builder = builder.wake_capable();
            }
        }
        builder.build().expect("it can be built")
    }

    /// Performs one step of a sequence, and returns what was logged. The model expects that.
    pub fn step(&self, op: &Op, expected: Vec<Entry>, ends_elsewhere: bool) -> Vec<Entry> {
        self.ends_elsewhere.store(ends_elsewhere, SeqCst);
        *self.expected.lock().unwrap() = expected;
        self.perform(op);
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// What the model expects next.
    fn expects(&self) -> Option<Entry> {
        let logged = self.log.lock().unwrap().len();
        self.expected.lock().unwrap().get(logged).cloned()
    }

    /// Waits for another thread that ends an interrupt, as long as the model expects more than there is.
    fn glance_once_quiet(&self) -> Vec<Glance> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let glance = self.glance();
            let quiet = match self.expects() {
                Some(Entry::Answer(_, expected)) => {
                    glance.iter().zip(&expected).all(|(glance, expected)| glance.freed >= expected.freed)
                }
                // A callback that another thread has yet to call.
                Some(Entry::Begins(_, elsewhere)) => !elsewhere,
                None => true,
            };
            if quiet || !self.ends_elsewhere.load(SeqCst) || Instant::now() > patience {
                return glance;
            }
            thread::yield_now();
        }
    }

    fn note(&self, entry: Entry) {
        self.log.lock().unwrap().push(entry);
    }

    fn begins(&self, what: impl Into<String>) {
        self.note(Entry::Begins(what.into(), self.is_elsewhere()));
    }

    /// Another thread calls, which ends an interrupt.
    fn is_elsewhere(&self) -> bool {
        thread::current().id() != self.thread
    }

    fn glance(&self) -> Vec<Glance> {
        let line = self.line.stats();
        let rounds = (line.claimed, line.spurious);
        self.interrupts.iter().map(|slot| answers::glance(slot.object(), slot.freed.load(SeqCst), rounds)).collect()
    }

    fn callback(&self, which: Which, callback: Callback, note: &str) -> Ends {
        self.begins(format!("i{which} {callback:?}{note}"));
        let behaviour = self.scripts.lock().unwrap().next(which, callback);
        self.behave(&behaviour)
    }

    fn power(&self, power: Power) -> Result<(), &'static str> {
        self.begins(format!("{power:?}"));
        let behaviour = self.scripts.lock().unwrap().next_power(power);
        outcome(self.behave(&behaviour))
    }

    /// Behaves as asked. On a thread that ends an interrupt for an ISR it does nothing: what that ISR holds meanwhile
    /// could not be waited for.
    fn behave(&self, behaviour: &Behaviour) -> Ends {
        if !self.is_elsewhere() {
            behaviour.does.iter().for_each(|op| self.perform(op));
        }
        if behaviour.ends == Ends::Panics {
            // Not through the hook: nobody should read of it.
            std::panic::resume_unwind(Box::new("as scripted"));
        }
        behaviour.ends
    }

    /// Performs an operation, and logs its answer.
    pub fn perform(&self, op: &Op) {
        crate::watch::step();
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(op)));
        let answer = answer.unwrap_or_else(|said| answers::panic(&*said));
        let glance = self.glance_once_quiet();
        self.note(Entry::Answer(answer, glance));
    }

    fn answer(&self, op: &Op) -> String {
        match op {
            Op::Enable(which) => answers::transition(self.object(*which).enable()),
            Op::Disable(which) => answers::transition(self.object(*which).disable()),
            Op::Service(which) => format!("{:?}", self.object(*which).service()),
            Op::ServiceRemoval(which) => {
                self.object(*which).service_removal();
                "serviced".into()
            }
            Op::Inactive(which) => answers::transition(self.object(*which).report_inactive()),
            Op::Active(which) => answers::transition(self.object(*which).report_active()),
            Op::ClearFault(which) => answers::cleared(self.object(*which).clear_fault()),
            Op::Check(which) => answers::transition(self.object(*which).check()),
            Op::Unmask(which) => {
                self.object(*which).unmask();
                "unmasked".into()
            }
            Op::Queue(which) => format!("{:?}", self.object(*which).queue_work_item()),
            Op::RunWork(which) => self.run_work_item(*which),
            Op::Drop(which) => self.drop_handle(*which),
            Op::Section(which, how, ops) => self.section(*which, *how, ops),
            Op::Submit(which, count, behaviour) => self.submit(*which, *count, behaviour),
            Op::Script(which, callback, behaviour) => {
                self.scripts.lock().unwrap().add(*which, *callback, behaviour.clone());
                "noted".into()
            }
            Op::Source(which, event) => {
                self.interrupts[*which].wire.happens(*event);
                "happened".into()
            }
            Op::EnterD0 => answers::entered(self.device().enter_d0()),
            Op::ExitD0 => answers::transition(self.device().exit_d0()),
            Op::Reset(behaviour) => answers::transition(self.device().reset(|| {
                self.begins("reset");
                outcome(self.behave(behaviour))
            })),
            Op::Synchronize(ops) => self.device().synchronize(|| {
                self.begins("synchronized");
                ops.iter().for_each(|op| self.perform(op));
                "synchronized".into()
            }),
            Op::DeviceScript(power, behaviour) => {
                self.scripts.lock().unwrap().add_power(*power, behaviour.clone());
                "noted".into()
            }
        }
    }

    fn run_work_item(&self, which: Which) -> String {
        let more = self.object(which).run_work_item();
        self.glance_once_quiet();
        if self.expects_answer(EITHER) { EITHER.into() } else { more.to_string() }
    }

    fn expects_answer(&self, answer: &str) -> bool {
        matches!(self.expects(), Some(Entry::Answer(expected, _)) if expected == answer)
    }

    fn drop_handle(&self, which: Which) -> String {
        if self.expects_answer(NOT_TRIED) {
            return NOT_TRIED.into();
        }
        let handle = self.interrupts[which].handle.lock().unwrap().take();
        if handle.is_some() { "dropped".into() } else { "dropped before".into() }
    }

    fn section(&self, which: Which, how: How, ops: &[Op]) -> String {
        let object = self.object(which);
        let inside = |guard: Option<InterruptLockGuard<'_, ()>>| {
            self.begins(format!("section of i{which}"));
            ops.iter().for_each(|op| self.perform(op));
            drop(guard);
            "held".into()
        };
        match how {
            How::Acquire => inside(Some(object.acquire_interrupt_lock())),
            How::Try => match object.try_acquire_interrupt_lock() {
                None => "not free".into(),
                guard => inside(guard),
            },
            How::For => match object.try_acquire_interrupt_lock_for(Duration::ZERO) {
                Ok(guard) => inside(Some(guard)),
                Err(error) => answers::error(&error),
            },
            How::Synchronize => object.synchronize(|()| inside(None)),
        }
    }

    fn submit(&self, which: Which, count: usize, behaviour: &Behaviour) -> String {
        for number in 0..count {
            let behaviour = if number == 0 { behaviour.clone() } else { Behaviour::default() };
            let world = self.me.clone();
            let deferral = self.object(which).run_or_defer(move |()| {
                follow(&world, |world| {
                    world.begins(format!("closure of i{which}, {number}"));
                    world.behave(&behaviour)
                });
            });
            let answer = deferral.map_or_else(|error| answers::error(&error), |deferral| format!("{deferral:?}"));
            let glance = self.glance_once_quiet();
            self.note(Entry::Answer(answer, glance));
        }
        "submitted".into()
    }

    fn object(&self, which: Which) -> &Arc<Object> {
        self.interrupts[which].object()
    }

    fn device(&self) -> &Device {
        self.device.get().expect("the world is built")
    }
}

impl Slot {
    fn object(&self) -> &Arc<Object> {
        self.object.get().expect("the world is built")
    }
}

/// A world that is gone has failed, and is not looked at any more.
fn follow<R: Default>(world: &Weak<World>, behave: impl FnOnce(&World) -> R) -> R {
    world.upgrade().map_or_else(R::default, |world| behave(&world))
}

fn source(
    kind: SourceKind,
    line: &SharedLine,
    line_handle: &LevelHandle,
    freed: &Arc<AtomicU64>,
) -> (Option<Faulty>, Wire) {
    match kind {
        SourceKind::None => (None, Wire::none()),
        SourceKind::Edge => Faulty::around(Software::edge(), freed),
        SourceKind::Message => Faulty::around(Software::message(7), freed),
        SourceKind::Level => Faulty::around(Software::level(), freed),
        SourceKind::Line => Faulty::around((line.member(), line_handle.clone()), freed),
    }
}

fn claim(ends: Ends, wire: &Wire) -> Claim {
    if matches!(ends, Ends::Well | Ends::Keeps) {
        wire.deassert();
    }
    match ends {
        Ends::Well | Ends::Leaves | Ends::Panics => Claim::Claimed,
        Ends::Fails => Claim::Unclaimed,
        Ends::Keeps => Claim::ClaimedKeepMasked,
        Ends::Gone => Claim::DeviceGone,
    }
}

fn more(ends: Ends) -> Work {
    if ends == Ends::Keeps { Work::Again } else { Work::Done }
}

fn outcome(ends: Ends) -> Result<(), &'static str> {
    if ends == Ends::Fails { Err("as scripted") } else { Ok(()) }
}
