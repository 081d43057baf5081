//! The same part with this crate. A request names a channel, and gets a sample of it.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use interrupt_lock::source::Source;
use interrupt_lock::{
    Affinity, Claim, Device, Error, Interrupt, IsrContext, Policy, Powered, Priority, Registers, WithWorkItem,
    WorkItemContext,
};

// The line is asserted while STATUS is not 0, if CONTROL lets it.
const CONTROL: usize = 0x0;
const STATUS: usize = 0x4; // a 1 that is written clears the bit
const START: usize = 0x8; // write a channel
const SAMPLE: usize = 0xc; // 16 bits

// In CONTROL.
const CLOCK: u32 = 1;
const INTERRUPTS: u32 = 2;
// In STATUS. (The other bit, DONE, needs no look.)
const OVER_RANGE: u32 = 2;

/// Why a request gets no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    OverRange,
    Removed,
}

type Answer = Result<u32, Failure>;

struct Request {
    channel: u32,
    answer: Sender<Answer>,
}

impl Request {
    fn complete(self, answer: Answer) {
        let _ = self.answer.send(answer); // the thread that asked may be gone
    }
}

#[derive(PartialEq)]
enum State {
    Disabled,
    Enabled,
    Removed,
}

/// The interrupt data. Only the lock leads to it.
pub struct Converter<R> {
    registers: Arc<R>,
    state: State,
    waiting: VecDeque<Request>,       // the device works on the first
    finished: Vec<(Request, Answer)>, // the ISR leaves them to the work item
}

fn isr<R: Registers>(converter: &mut IsrContext<'_, Converter<R>, WithWorkItem>) -> Claim {
    let registers = &converter.registers;
    let (status, sample) = (registers.read32_live(STATUS), registers.read32_live(SAMPLE));
    let (Some(status), Some(sample)) = (status, sample) else {
        return Claim::DeviceGone; // then the removal callback runs
    };
    if status == 0 {
        return Claim::Unclaimed; // another device's, if the line is shared
    }
    registers.write32(STATUS, status);
    let answer = if status & OVER_RANGE == 0 { Ok(sample) } else { Err(Failure::OverRange) };
    if let Some(request) = converter.waiting.pop_front() {
        converter.finished.push((request, answer));
    }
    converter.start(); // the next one
    converter.queue_work_item();
    Claim::Claimed
}

/// The work item. Queueings merge, so it takes all that there is.
fn finish<R: Registers>(interrupt: &WorkItemContext<'_, Converter<R>>) {
    let finished = interrupt.synchronize(|converter| mem::take(&mut converter.finished));
    for (request, answer) in finished {
        request.complete(answer);
    }
}

impl<R: Registers> Converter<R> {
    fn enable(&mut self) {
        self.registers.write32(STATUS, u32::MAX);
        self.registers.write32(CONTROL, CLOCK | INTERRUPTS);
        self.state = State::Enabled;
        self.start(); // what was under way when the interrupt was disabled
    }

    fn disable(&mut self) {
        self.registers.write32(CONTROL, CLOCK);
        self.state = State::Disabled;
    }

    /// Runs instead of `disable`.
    fn removed(&mut self) {
        self.state = State::Removed;
        for request in self.waiting.drain(..) {
            request.complete(Err(Failure::Removed));
        }
    }

    fn submit(&mut self, request: Request) {
        if self.state == State::Removed {
            return request.complete(Err(Failure::Removed));
        }
        self.waiting.push_back(request);
        if self.waiting.len() == 1 {
            self.start();
        }
    }

    fn start(&mut self) {
        if self.state == State::Enabled
            && let Some(request) = self.waiting.front()
        {
            self.registers.write32(START, request.channel);
        }
    }
}

/// Dropping it releases the hardware: the device leaves D0, the interrupt ends, the registers are
/// unmapped.
pub struct Driver<R> {
    power: Powered, // the first to be dropped
    interrupt: Interrupt<Converter<R>>,
}

impl<R: Registers + 'static> Driver<R> {
    /// Adds the device, and brings it to D0.
    pub fn new(registers: R, line: impl Source + 'static) -> Result<Self, Error> {
        let registers = Arc::new(registers);
        let (entry, exit) = (registers.clone(), registers.clone());
        let device = Device::builder("converter")
            .on_d0_entry(move || entry.write32(CONTROL, CLOCK))
            .on_d0_exit(move || exit.write32(CONTROL, 0))
            .build();
        let (waiting, finished) = (VecDeque::new(), Vec::new());
        let converter = Converter { registers, state: State::Disabled, waiting, finished };
        let interrupt = Interrupt::builder(converter)
            .device(&device)
            .isr(isr)
            .on_enable(Converter::enable)
            .on_disable(Converter::disable)
            .on_removal(Converter::removed)
            .work_item(finish)
            .policy(Policy::new().with_affinity(Affinity::All).with_priority(Priority::Normal))
            .source(line)
            .build()?;
        Ok(Self { power: device.power_up()?, interrupt })
    }

    /// Asks for a sample, on any thread. Never waits.
    pub fn convert(&self, channel_number: u32) -> Result<Receiver<Answer>, Error> {
        let (answer, answered) = channel();
        let request = Request { channel: channel_number, answer };
        self.interrupt.run_or_defer(|converter| converter.submit(request))?;
        Ok(answered)
    }

    /// Leaves D0, when the program has been idle for long enough. What is under way waits.
    pub fn sleep(&self) -> Result<(), Error> {
        self.power.exit_d0().map(drop)
    }

    /// Enters D0, and goes on with what waits.
    pub fn wake(&self) -> Result<(), Error> {
        self.power.enter_d0().map(drop)
    }

    /// The interrupt, for an operator: its counters, `disable()`, `enable()`.
    pub fn interrupt(&self) -> &Interrupt<Converter<R>> {
        &self.interrupt
    }
}
