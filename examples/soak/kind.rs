//! What is decided about each interrupt of a machine.

use std::time::Duration;

use interrupt_lock::Polling;

use crate::random::Random;

/// What asserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// None: each call of `service()` is an assertion.
    Calls,
    Edge,
    Message,
    Level,
    /// A member of the machine's shared line.
    Member,
    EduLine,
    EduMessage,
    #[cfg(target_os = "linux")]
    Eventfd,
}

/// What serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    OwnDispatcher,
    SharedDispatcher,
    /// A thread of the driver calls `service()`.
    ByHand,
}

#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub source: Source,
    pub served: Served,
    /// It shares the machine's lock.
    pub shares_lock: bool,
    pub work: bool,
    pub in_device: bool,
    pub wakes: bool,
    pub serialized: bool,
    pub timed: bool,
    pub polling: Polling,
    /// Its line is polled while it is silent.
    pub polled: bool,
    pub listened: bool,
    /// Its handle is dropped in the middle, and it is built anew.
    pub mortal: bool,
    /// How often its callbacks do something odd: one in so many.
    pub odd: usize,
}

impl Kind {
    pub fn random(random: &mut Random) -> Self {
        let source = random.pick(&[
            Source::Calls,
            Source::Edge,
            Source::Message,
            Source::Level,
            Source::EduLine,
            Source::EduMessage,
            #[cfg(target_os = "linux")]
            Source::Eventfd,
        ]);
        Self::of(source, random)
    }

    pub fn of(source: Source, random: &mut Random) -> Self {
        let served = if source == Source::Calls {
            random.pick(&[Served::SharedDispatcher, Served::ByHand])
        } else {
            random.pick(&[Served::OwnDispatcher, Served::SharedDispatcher, Served::ByHand])
        };
        let dispatched = source != Source::Calls && served != Served::ByHand;
        let work = random.one_in(2);
        let in_device = random.one_in(2);
        let windows =
            [Polling::None, Polling::Fixed(Duration::from_micros(50)), Polling::Adaptive(Duration::from_micros(50))];
        Self {
            source,
            served,
            shares_lock: random.one_in(3),
            work,
            in_device,
            wakes: in_device && random.one_in(3),
            serialized: in_device && work && random.one_in(3),
            timed: random.one_in(4),
            polling: if dispatched { random.pick(&windows) } else { Polling::None },
            polled: dispatched && random.one_in(4),
            // Its device may enable an interrupt before there is a listener, which then misses claims.
            listened: !in_device && random.one_in(3),
            mortal: random.one_in(2),
            odd: random.pick(&[50, 300, 3000]),
        }
    }

    /// Its source says how many assertions each ISR run is for, and none is made up.
    pub fn counts(&self) -> bool {
        !self.holds() && !self.polled
    }

    /// A level: it is asserted until it has been dealt with.
    pub fn holds(&self) -> bool {
        matches!(self.source, Source::Level | Source::Member | Source::EduLine)
    }
}
