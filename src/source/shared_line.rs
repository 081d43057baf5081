//! One level line for several interrupts (rule I7).
//!
//! A signal begins a round: the line is offered to its members in the order of their connection, each on its own
//! dispatcher's thread and under its own lock alone. Whoever has answered wakes the next. When all have answered the
//! line is opened again, and if it is still asserted the next round begins.
//!
//! Members reach the line with their interrupt lock held, so nothing in here may wait for one: the line's own lock is
//! held only to look and to note, and every waker is woken after it. A waker of the line itself may be woken with that
//! lock held (a source wakes from its `unmask`): it leaves a word for the holder then.

use std::boxed::Box;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;
use std::vec::Vec;

use crate::SourceError;
use crate::observe::storm::Storm;
use crate::source::{Ready, Removal, Source};
use crate::{Claim, Error, Fault, Info, Name, Share, Trigger};

/// A level line that several interrupts share: each is given a [`member`](Self::member) for its source.
///
/// When the line signals, the interrupts that are enabled are asked one after the other, in the order in which they were
/// enabled, whether the device is theirs. Then the line is opened again, and if it is still asserted all are asked again.
/// One that keeps it masked keeps it so for all, until it opens it. One that is disabled, faulted or dropped is passed
/// over from then on.
///
/// The interrupts may have dispatchers of their own or one in common. One without a dispatcher has to call
/// [`service`](crate::InterruptObject::service) whenever the line may have signalled, and again after the others have
/// been asked: until it does, the others wait.
///
/// That one of them does not claim is nothing unusual, and is counted as [benign](crate::Stats::benign). If nobody claims,
/// the line's own [`stats`](Self::stats) count it as spurious; a storm of that (rule I10) quarantines them all, since
/// nobody knows whose it is.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::{SharedLine, Software}};
///
/// let (source, line) = Software::level();
/// let shared = SharedLine::new(source)?;
/// let dispatcher = Dispatcher::new()?;
///
/// let first = Interrupt::builder(())
///     .isr(|_| Claim::Unclaimed) // never mine
///     .source(shared.member())
///     .dispatcher(&dispatcher)
///     .build()?;
/// let quiet = line.clone();
/// let second = Interrupt::builder(0)
///     .isr(move |count| { **count += 1; quiet.deassert(); Claim::Claimed })
///     .source(shared.member())
///     .dispatcher(&dispatcher)
///     .build()?;
/// first.enable()?;
/// second.enable()?;
///
/// line.assert();
/// while *second.acquire_interrupt_lock() == 0 {}
/// assert_eq!(first.stats().benign, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "ShareVector")]
pub struct SharedLine(Arc<Line>);

/// The source of one of the interrupts on a [`SharedLine`].
///
/// ```
/// use interrupt_lock::{Share, source::{SharedLine, Software, Source}};
///
/// let shared = SharedLine::new(Software::level().0)?;
/// assert_eq!(shared.member().info().share, Some(Share::Shared));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct LineMember {
    line: Arc<Line>,
    /// Its seat's number, while it is connected.
    seat: Option<u64>,
    /// What was signalled when it was disconnected, until that is taken.
    left: Option<u64>,
}

/// What became of the signals of a [`SharedLine`].
///
/// ```
/// use interrupt_lock::source::{SharedLine, Software};
///
/// let shared = SharedLine::new(Software::level().0)?;
/// assert_eq!(shared.stats().spurious, 0);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineStats {
    /// Rounds in which somebody claimed.
    pub claimed: u64,
    /// Rounds in which nobody did.
    pub spurious: u64,
}

struct Line {
    state: Mutex<State>,
    /// The source has woken its waker, and the first member is still to be told.
    called: Mutex<bool>,
    #[cfg(unix)]
    signal: Option<OwnedFd>,
    #[cfg(unix)]
    gone: Option<OwnedFd>,
}

struct State {
    source: Box<dyn Source>,
    /// Who is connected, in that order.
    seats: Vec<Seat>,
    numbers: u64,
    round: Option<Round>,
    /// The source has signalled, and so has masked itself.
    masked: bool,
    /// Why the line can't be used until all have left it.
    failed: Option<SourceError>,
    /// Who is to be woken when the lock is free.
    due: Option<Waker>,
    stats: LineStats,
    storm: Storm,
}

struct Seat {
    number: u64,
    waker: Waker,
    /// It keeps the line masked.
    keeps: bool,
}

/// One signal, on its way through the members.
struct Round {
    /// Whose turn it is.
    turn: usize,
    /// That one's ISR has been given it.
    taken: bool,
    assertions: u64,
    claimed: bool,
}

impl SharedLine {
    /// Takes the source of a line that several interrupts are to share.
    ///
    /// # Errors
    ///
    /// - [`Error::NotShareable`]: it is known to be an edge or a message (rule I8).
    /// - [`Error::Source`]: the system has no descriptor left.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Error, source::{SharedLine, Software}};
    ///
    /// assert!(SharedLine::new(Software::level().0).is_ok());
    /// assert!(matches!(SharedLine::new(Software::edge().0), Err(Error::NotShareable { .. })));
    /// ```
    pub fn new(source: impl Source + 'static) -> Result<Self, Error> {
        let mut source = Box::new(source);
        let info = source.info();
        if info.trigger.is_some_and(|trigger| trigger != Trigger::Level) || info.message_signaled == Some(true) {
            return Err(Error::NotShareable { interrupt: source.name() });
        }
        #[cfg(unix)]
        let (signal, gone) = descriptors(&mut *source)?;
        Ok(Self(Arc::new(Line {
            state: Mutex::new(State {
                source,
                seats: Vec::new(),
                numbers: 0,
                round: None,
                masked: false,
                failed: None,
                due: None,
                stats: LineStats::default(),
                storm: Storm::new(),
            }),
            called: Mutex::new(false),
            #[cfg(unix)]
            signal,
            #[cfg(unix)]
            gone,
        })))
    }

    /// A source for one more interrupt on this line.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::{SharedLine, Software}};
    ///
    /// let shared = SharedLine::new(Software::level().0)?;
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(shared.member()).build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn member(&self) -> LineMember {
        LineMember { line: self.0.clone(), seat: None, left: None }
    }

    /// What became of the line's signals. Waits for no interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::source::{SharedLine, Software};
    ///
    /// let shared = SharedLine::new(Software::level().0)?;
    /// assert_eq!(shared.stats().claimed, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> LineStats {
        self.0.with(|state| state.stats)
    }
}

#[cfg(unix)]
fn descriptors(source: &mut dyn Source) -> Result<(Option<OwnedFd>, Option<OwnedFd>), Error> {
    let duplicate = |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned();
    let signal = match source.ready() {
        Ready::Descriptor(descriptor) => Some(duplicate(descriptor)),
        Ready::Waker => None,
    };
    let gone = source.removal_descriptor().map(duplicate);
    match (signal.transpose(), gone.transpose()) {
        (Ok(signal), Ok(gone)) => Ok((signal, gone)),
        (Err(error), _) | (_, Err(error)) => Err(Error::Source {
            interrupt: source.name(),
            source: SourceError::Os {
                doing: Name::new("duplicating the source's descriptor"),
                source: crate::Errno::new(error.raw_os_error().unwrap_or(0)),
            },
        }),
    }
}

impl Line {
    /// Lets `f` use the line, and wakes afterwards whoever is to be woken.
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = f(&mut state);
        let due = state.due.take();
        drop(state);
        due.inspect(Waker::wake_by_ref);
        // Whoever found the lock taken has left it to this thread.
        self.tell_first();
        answer
    }

    /// Tells the first member that the source has called, unless whoever has the lock is about to.
    fn tell_first(&self) {
        loop {
            if !*self.called() {
                return;
            }
            let state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            *self.called() = false;
            let first = state.seats.first().map(|seat| seat.waker.clone());
            drop(state);
            first.inspect(Waker::wake_by_ref);
        }
    }

    fn called(&self) -> MutexGuard<'_, bool> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the source wakes.
struct Bell(Weak<Line>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(line) = self.0.upgrade() {
            *line.called() = true;
            line.tell_first();
        }
    }
}

impl State {
    /// Begins a round if the source has signalled and none is going on. The first member need not be called: the source
    /// does that.
    fn look(&mut self) {
        if self.round.is_some() || self.failed.is_some() {
            return;
        }
        match self.source.take() {
            Ok(0) => {}
            Ok(assertions) => {
                self.masked = true;
                self.round = Some(Round { turn: 0, taken: false, assertions, claimed: false });
            }
            Err(error) => self.fail(error),
        }
    }

    /// Whether it is that seat's turn, and how many assertions it is about.
    fn turn_of(&mut self, number: u64) -> Option<&mut Round> {
        let round = self.round.as_mut()?;
        (self.seats.get(round.turn)?.number == number).then_some(round)
    }

    /// That seat has answered; the next one's turn comes.
    fn answered(&mut self, number: u64, claim: Claim) {
        let Some(round) = self.turn_of(number).filter(|round| round.taken) else { return };
        round.claimed |= claim != Claim::Unclaimed;
        round.taken = false;
        round.turn += 1;
        self.go_on();
    }

    /// Calls whoever's turn it is, or ends the round after the last.
    fn go_on(&mut self) {
        let Some(round) = &self.round else { return };
        if round.turn < self.seats.len() {
            return self.call(round.turn);
        }
        let claimed = round.claimed;
        self.round = None;
        if claimed {
            self.stats.claimed += 1;
        } else {
            self.stats.spurious += 1;
            if let Some(Fault::Storm { unclaimed, of }) = self.storm.unclaimed(self.stats.claimed, Instant::now()) {
                self.fail(SourceError::Storm { unclaimed, of });
            }
        }
        self.open();
    }

    /// Opens the line, unless somebody is still to answer or keeps it masked.
    fn open(&mut self) {
        let busy = self.round.is_some() || self.failed.is_some() || self.seats.iter().any(|seat| seat.keeps);
        if self.masked && !busy {
            self.masked = false;
            if let Err(error) = self.source.unmask() {
                self.fail(error);
            }
        }
    }

    /// All have to leave: the first is called, and as it leaves it calls the next.
    fn fail(&mut self, error: SourceError) {
        self.failed = Some(error);
        self.call(0);
    }

    fn call(&mut self, seat: usize) {
        self.due = self.seats.get(seat).map(|seat| seat.waker.clone());
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.seats.iter().position(|seat| seat.number == number)
    }

    /// Takes the seat away; the answer is what it was still to be told of, and how that went.
    fn leave(&mut self, number: u64) -> (u64, Result<(), SourceError>) {
        // What has been signalled by now is for this one too.
        self.look();
        let Some(position) = self.position(number) else { return (0, Ok(())) };
        let left = match &self.round {
            Some(round) if position > round.turn || (position == round.turn && !round.taken) => round.assertions,
            _ => 0,
        };
        self.seats.remove(position);
        if self.seats.is_empty() {
            (self.round, self.masked, self.due) = (None, false, None);
            let failed = self.failed.take();
            let disconnected = self.source.disconnect();
            return match (failed, self.source.take()) {
                (None, Ok(signalled)) => (left + signalled, disconnected),
                (None, Err(error)) => (left, disconnected.and(Err(error))),
                (Some(_), _) => (left, disconnected),
            };
        }
        match &mut self.round {
            Some(round) if position < round.turn => round.turn -= 1,
            Some(round) if position == round.turn => {
                round.taken = false;
                self.go_on();
            }
            Some(_) => {}
            // It may have been called, and not have come.
            None => self.call(0),
        }
        self.open();
        (left, Ok(()))
    }
}

impl Source for LineMember {
    fn info(&self) -> Info {
        Info { share: Some(Share::Shared), ..self.line.with(|state| state.source.info()) }
    }

    fn name(&self) -> Name {
        self.line.with(|state| state.source.name())
    }

    fn ready(&mut self) -> Ready<'_> {
        #[cfg(unix)]
        if let Some(signal) = &self.line.signal {
            return Ready::Descriptor(signal.as_fd());
        }
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        let bell = Arc::downgrade(&self.line);
        self.line.with(|state| {
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            let number = state.numbers;
            state.numbers += 1;
            // The seat comes first: whoever is called finds somebody there.
            state.seats.push(Seat { number, waker: waker.clone(), keeps: false });
            if state.seats.len() == 1
                && let Err(error) = state.source.connect(&Waker::from(Arc::new(Bell(bell))))
            {
                state.seats.clear();
                return Err(error);
            }
            self.seat = Some(number);
            Ok(())
        })
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        let Some(number) = self.seat.take() else { return Ok(()) };
        let (left, answer) = self.line.with(|state| state.leave(number));
        self.left = Some(left);
        answer
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        if let Some(left) = self.left.take() {
            return Ok(left);
        }
        let Some(number) = self.seat else {
            // What is left from before, unless somebody else is there for whom it counts.
            return self.line.with(|state| if state.seats.is_empty() { state.source.take() } else { Ok(0) });
        };
        self.line.with(|state| {
            state.look();
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            let Some(round) = state.turn_of(number).filter(|round| !round.taken) else { return Ok(0) };
            round.taken = true;
            Ok(round.assertions)
        })
    }

    fn answered(&mut self, claim: Claim) -> bool {
        if let Some(number) = self.seat {
            self.line.with(|state| {
                if claim == Claim::ClaimedKeepMasked
                    && let Some(seat) = state.position(number)
                {
                    state.seats[seat].keeps = true;
                }
                state.answered(number, claim);
            });
        }
        false
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        let Some(number) = self.seat else { return Ok(()) };
        self.line.with(|state| {
            if let Some(seat) = state.position(number)
                && std::mem::take(&mut state.seats[seat].keeps)
            {
                state.open();
            } else {
                state.answered(number, Claim::Claimed);
            }
        });
        Ok(())
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        self.line.gone.as_ref().map(AsFd::as_fd)
    }

    fn removal(&mut self) -> Option<Removal> {
        self.line.with(|state| state.source.removal())
    }
}

impl Drop for LineMember {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.disconnect();
    }
}

impl std::fmt::Debug for SharedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedLine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LineMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineMember").field("connected", &self.seat.is_some()).finish_non_exhaustive()
    }
}
