//! What a sequence can do, and how a callback can behave: plain data, which the real crate and the model both follow.

use std::fmt;
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

/// How many interrupts a world has.
pub const INTERRUPTS: usize = 3;

/// The number of an interrupt.
pub type Which = usize;

/// One public operation.
#[derive(Clone, Debug)]
pub enum Op {
    Enable(Which),
    Disable(Which),
    Service(Which),
    ServiceRemoval(Which),
    Inactive(Which),
    Active(Which),
    ClearFault(Which),
    Check(Which),
    Unmask(Which),
    Queue(Which),
    RunWork(Which),
    /// Drops the handle.
    Drop(Which),
    /// Holds the lock of the interrupt, and does something meanwhile.
    Section(Which, How, Vec<Op>),
    /// Submits so many closures by `run_or_defer`. The first behaves as given, the others do nothing.
    Submit(Which, usize, Behaviour),
    /// Puts a behaviour behind those that the callback is to show.
    Script(Which, Callback, Behaviour),
    /// What the source does.
    Source(Which, Event),
    EnterD0,
    ExitD0,
    Reset(Behaviour),
    /// Holds the device's callback lock, and does something meanwhile.
    Synchronize(Vec<Op>),
    /// Puts a behaviour behind those that the device's callback is to show.
    DeviceScript(Power, Behaviour),
}

impl Op {
    /// The operations inside of it.
    pub fn inner(&self) -> Option<&Vec<Op>> {
        match self {
            Self::Section(_, _, ops) | Self::Synchronize(ops) => Some(ops),
            Self::Submit(_, _, does) | Self::Script(_, _, does) | Self::Reset(does) | Self::DeviceScript(_, does) => {
                Some(&does.does)
            }
            _ => None,
        }
    }

    pub fn inner_mut(&mut self) -> Option<&mut Vec<Op>> {
        match self {
            Self::Section(_, _, ops) | Self::Synchronize(ops) => Some(ops),
            Self::Submit(_, _, does) | Self::Script(_, _, does) | Self::Reset(does) | Self::DeviceScript(_, does) => {
                Some(&mut does.does)
            }
            _ => None,
        }
    }
}

/// How a section gets its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Acquire,
    Try,
    For,
    Synchronize,
}

/// A callback of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    Isr,
    Enable,
    Disable,
    Removal,
    Work,
    Unmask,
}

pub const CALLBACKS: [Callback; 6] =
    [Callback::Isr, Callback::Enable, Callback::Disable, Callback::Removal, Callback::Work, Callback::Unmask];

/// A callback of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    D0Entry,
    InterruptsEnabled,
    DisablingInterrupts,
    D0Exit,
}

pub const POWERS: [Power; 4] = [Power::D0Entry, Power::InterruptsEnabled, Power::DisablingInterrupts, Power::D0Exit];

/// What one call of a callback or a closure does, and how it ends.
#[derive(Clone, Default)]
pub struct Behaviour {
    pub does: Vec<Op>,
    pub ends: Ends,
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.ends, self.does)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// `Claimed`, `Ok` or done. An ISR deasserts its line before.
    #[default]
    Well,
    Panics,
    /// Of an ISR: not claimed. Of another callback: an error.
    Fails,
    /// Of an ISR: claimed, keep masked. Of a work item, and of an unmask callback: again. The others end well.
    Keeps,
    /// Of an ISR: claimed, with the line left asserted. The others end well.
    Leaves,
    /// Of an ISR: the device has gone. The others end well.
    Gone,
}

/// What happens at a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Assert,
    Deassert,
    RequestRemoval,
    Remove,
    /// The next call of the method answers an error.
    Fails(Method),
    /// The next call of the method panics.
    Panics(Method),
}

/// A method of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Connect,
    Disconnect,
    Take,
    Unmask,
    Removal,
}

pub const METHODS: [Method; 5] = [Method::Connect, Method::Disconnect, Method::Take, Method::Unmask, Method::Removal];

/// What an interrupt is made of.
#[derive(Clone, Copy)]
pub struct Kind {
    pub source: SourceKind,
    /// It has an unmask callback.
    pub has_unmask: bool,
    /// Its data is in the lock that such interrupts share.
    pub shares_lock: bool,
    /// It belongs to the device.
    pub in_device: bool,
    /// Its work item runs under the device's callback lock.
    pub serialized: bool,
    pub wake_capable: bool,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)?;
        for (name, is) in [
            ("unmask callback", self.has_unmask),
            ("shared lock", self.shares_lock),
            ("in device", self.in_device),
            ("serialized", self.serialized),
            ("wake-capable", self.wake_capable),
        ] {
            if is {
                write!(f, ", {name}")?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    None,
    Edge,
    Message,
    Level,
    /// A member of the one shared line.
    Line,
}

/// A world, and what is done in it.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub kinds: Vec<Kind>,
    pub ops: Vec<Op>,
}

/// One operation a line.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (which, kind) in self.kinds.iter().enumerate() {
            writeln!(f, "  i{which}: {kind:?}")?;
        }
        self.ops.iter().try_for_each(|op| writeln!(f, "  {op:?}"))
    }
}

/// Makes sequences.
pub fn sequences() -> impl Strategy<Value = Sequence> {
    (vec(kind(), INTERRUPTS), start(), some_steps(2, 1..30))
        .prop_map(|(kinds, start, ops)| Sequence { kinds, ops: [start, ops].concat() })
}

/// Most interrupts begin enabled: a disabled one has little to show.
fn start() -> impl Strategy<Value = Vec<Op>> {
    let enable = (0..INTERRUPTS).map(|which| prop_oneof![1 => Just(None), 4 => Just(Some(Op::Enable(which)))]);
    let power = prop_oneof![1 => Just(None), 1 => Just(Some(Op::EnterD0))];
    (power, enable.collect::<Vec<_>>())
        .prop_map(|(power, enables)| power.into_iter().chain(enables.into_iter().flatten()).collect())
}

/// Makes steps: an operation alone, or some that belong together.
fn some_steps(depth: u32, count: Range<usize>) -> impl Strategy<Value = Vec<Op>> {
    vec(step(depth), count).prop_map(|steps| steps.concat())
}

fn step(depth: u32) -> BoxedStrategy<Vec<Op>> {
    let asserted = |which| vec![Op::Source(which, Event::Assert), Op::Service(which)];
    let queued = |which| vec![Op::Queue(which), Op::RunWork(which)];
    let cleared = |which| vec![Op::ClearFault(which), Op::Enable(which)];
    let again = |which| vec![Op::Disable(which), Op::Enable(which)];
    let alone = prop_oneof![
        12 => op(depth).prop_map(|op| vec![op]),
        6 => which().prop_map(asserted),
        2 => which().prop_map(queued),
        2 => which().prop_map(cleared),
        1 => which().prop_map(again),
    ];
    if depth == 0 {
        return alone.boxed();
    }
    let scripted = move |callback: Callback, then: fn(Which) -> Vec<Op>| {
        (which(), behaviour(depth))
            .prop_map(move |(which, does)| {
                let mut ops = vec![Op::Script(which, callback, does)];
                ops.extend(then(which));
                ops
            })
            .boxed()
    };
    let powered = (prop::sample::select(&POWERS[..]), behaviour(depth))
        .prop_map(|(power, does)| vec![Op::DeviceScript(power, does), Op::ExitD0, Op::EnterD0]);
    // In another's ISR, in one's own callbacks.
    let dropped =
        (which(), prop::sample::select(&CALLBACKS[..3]), which()).prop_map(move |(which, callback, dropped)| {
            let does = Behaviour { does: vec![Op::Drop(dropped)], ends: Ends::Well };
            let then = if callback == Callback::Isr { asserted(which) } else { again(which) };
            [vec![Op::Script(which, callback, does)], then].concat()
        });
    prop_oneof![
        40 => alone,
        1 => dropped,
        12 => scripted(Callback::Isr, asserted),
        6 => scripted(Callback::Work, queued),
        3 => kept_then(depth),
        4 => scripted(Callback::Disable, again),
        4 => scripted(Callback::Enable, again),
        1 => scripted(Callback::Removal, |which| vec![Op::Source(which, Event::Remove), Op::Service(which)]),
        2 => powered,
    ]
    .boxed()
}

/// An ISR keeps its interrupt masked and queues its work item, whose end runs the unmask callback. That is put off if the
/// interrupt is inactive, or sleeps.
fn kept_then(depth: u32) -> BoxedStrategy<Vec<Op>> {
    let quiet = prop_oneof![2 => Just(false), 1 => Just(true)];
    let reported = (which(), quiet, any::<bool>());
    (reported, behaviour(depth), behaviour(depth))
        .prop_map(|((which, quiet, sleeps), work, unmask)| {
            let keeps = Behaviour { does: vec![Op::Queue(which)], ends: Ends::Keeps };
            let (before, after) = match (quiet, sleeps) {
                (false, _) => (None, None),
                (true, false) => (Some(Op::Inactive(which)), Some(Op::Active(which))),
                (true, true) => (Some(Op::ExitD0), Some(Op::EnterD0)),
            };
            let kept = vec![
                Op::Script(which, Callback::Isr, keeps),
                Op::Script(which, Callback::Work, work),
                Op::Script(which, Callback::Unmask, unmask),
                Op::Source(which, Event::Assert),
                Op::Service(which),
            ];
            let run = [before, Some(Op::RunWork(which)), after].into_iter().flatten();
            kept.into_iter().chain(run).chain([Op::RunWork(which)]).collect()
        })
        .boxed()
}

fn kind() -> impl Strategy<Value = Kind> {
    let source = prop_oneof![
        3 => Just(SourceKind::None),
        3 => Just(SourceKind::Edge),
        1 => Just(SourceKind::Message),
        3 => Just(SourceKind::Level),
        3 => Just(SourceKind::Line),
    ];
    let membership = prop_oneof![
        4 => Just((false, false, false)),
        2 => Just((true, false, false)),
        1 => Just((true, true, false)),
        1 => Just((true, false, true)),
        1 => Just((true, true, true)),
    ];
    (source, any::<bool>(), any::<bool>(), membership).prop_map(
        |(source, has_unmask, shares_lock, (in_device, serialized, wake_capable))| Kind {
            source,
            has_unmask,
            shares_lock,
            in_device,
            serialized,
            wake_capable,
        },
    )
}

fn which() -> impl Strategy<Value = Which> {
    // The first is in most operations, so that they meet.
    prop_oneof![4 => Just(0), 3 => Just(1), 1 => Just(2)]
}

/// Makes an operation whose callbacks and sections hold others, to that depth.
fn op(depth: u32) -> BoxedStrategy<Op> {
    let plain = prop_oneof![
        8 => which().prop_map(Op::Enable),
        3 => which().prop_map(Op::Disable),
        8 => which().prop_map(Op::Service),
        1 => which().prop_map(Op::ServiceRemoval),
        2 => which().prop_map(Op::Inactive),
        2 => which().prop_map(Op::Active),
        2 => which().prop_map(Op::ClearFault),
        1 => which().prop_map(Op::Check),
        1 => which().prop_map(Op::Unmask),
        4 => which().prop_map(Op::Queue),
        4 => which().prop_map(Op::RunWork),
        1 => which().prop_map(Op::Drop),
        8 => (which(), event()).prop_map(|(which, event)| Op::Source(which, event)),
        2 => Just(Op::EnterD0),
        2 => Just(Op::ExitD0),
    ];
    if depth == 0 {
        return plain.boxed();
    }
    prop_oneof![
        10 => plain,
        4 => (which(), how(), some_ops(depth)).prop_map(|(which, how, ops)| Op::Section(which, how, ops)),
        4 => (which(), count(), behaviour(depth)).prop_map(|(which, count, does)| Op::Submit(which, count, does)),
        10 => (which(), prop::sample::select(&CALLBACKS[..]), behaviour(depth))
            .prop_map(|(which, callback, does)| Op::Script(which, callback, does)),
        1 => behaviour(depth).prop_map(Op::Reset),
        1 => some_ops(depth).prop_map(Op::Synchronize),
        2 => (prop::sample::select(&POWERS[..]), behaviour(depth))
            .prop_map(|(power, does)| Op::DeviceScript(power, does)),
    ]
    .boxed()
}

fn some_ops(depth: u32) -> BoxedStrategy<Vec<Op>> {
    some_steps(depth - 1, 0..4).boxed()
}

fn behaviour(depth: u32) -> BoxedStrategy<Behaviour> {
    let ends = prop_oneof![
        12 => Just(Ends::Well),
        2 => Just(Ends::Panics),
        2 => Just(Ends::Fails),
        3 => Just(Ends::Keeps),
        1 => Just(Ends::Leaves),
        1 => Just(Ends::Gone),
    ];
    (some_steps(depth - 1, 0..3), ends).prop_map(|(does, ends)| Behaviour { does, ends }).boxed()
}

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(&[How::Acquire, How::Try, How::For, How::Synchronize][..])
}

/// More closures than one release runs, now and then.
fn count() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 1..4_usize, 1 => 62..67_usize, 1 => Just(130)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => Just(Event::Assert),
        4 => Just(Event::Deassert),
        1 => Just(Event::RequestRemoval),
        1 => Just(Event::Remove),
        2 => prop::sample::select(&METHODS[..]).prop_map(Event::Fails),
        2 => prop::sample::select(&METHODS[..]).prop_map(Event::Panics),
    ]
}
