//! Interrupts with and without a work item, as one type.

use std::time::Duration;

use interrupt_lock::{
    Deferral, Error, Fault, InterruptObject, NoWorkItem, Queued, State, Stats, Transition, WithWorkItem,
};

use crate::bomb::defuse;
use crate::verdict;

/// The interrupt data: two numbers that are equal outside of sections.
#[derive(Default)]
pub struct Data {
    before: u64,
    after: u64,
}

impl Data {
    /// What every section does: notices another section at the same time.
    pub fn touch(&mut self) {
        if self.before != self.after {
            verdict::wrong("two sections of one lock overlap");
        }
        self.before += 1;
        std::hint::black_box(&mut *self);
        self.after += 1;
    }
}

pub type Closure = Box<dyn FnOnce(&mut Data) + Send>;

/// An interrupt object, whether it has a work item or not.
pub trait Object: Send + Sync {
    fn enable(&self) -> Result<Transition, Error>;
    fn disable(&self) -> Result<Transition, Error>;
    fn report_inactive(&self) -> Result<Transition, Error>;
    fn report_active(&self) -> Result<Transition, Error>;
    fn clear_fault(&self) -> Result<Option<Fault>, Error>;
    fn run_or_defer(&self, closure: Closure) -> Result<Deferral, Error>;
    fn service(&self);
    fn unmask(&self);
    fn state(&self) -> State;
    fn stats(&self) -> Stats;
    /// `None` without a work item.
    fn queue(&self) -> Option<Queued>;
    fn run_work_item(&self) -> bool;
    fn section(&self, section: &mut dyn FnMut(&mut Data));
    fn try_section(&self, section: &mut dyn FnMut(&mut Data)) -> bool;
    fn timed_section(&self, timeout: Duration, section: &mut dyn FnMut(&mut Data)) -> Result<(), Error>;
    fn check(&self) -> Result<(), Error>;
    fn service_removal(&self);
    fn fault(&self) -> Option<Fault>;
}

macro_rules! object {
    ($kind:ty, |$object:ident| $queue:expr, $run:expr) => {
        impl Object for InterruptObject<Data, $kind> {
            fn enable(&self) -> Result<Transition, Error> {
                self.enable().inspect_err(defuse)
            }
            fn disable(&self) -> Result<Transition, Error> {
                self.disable().inspect_err(defuse)
            }
            fn report_inactive(&self) -> Result<Transition, Error> {
                self.report_inactive()
            }
            fn report_active(&self) -> Result<Transition, Error> {
                self.report_active()
            }
            fn clear_fault(&self) -> Result<Option<Fault>, Error> {
                self.clear_fault()
            }
            fn run_or_defer(&self, closure: Closure) -> Result<Deferral, Error> {
                self.run_or_defer(closure)
            }
            fn service(&self) {
                let _ = self.service();
            }
            fn unmask(&self) {
                self.unmask();
            }
            fn state(&self) -> State {
                self.state()
            }
            fn stats(&self) -> Stats {
                self.stats()
            }
            fn queue(&self) -> Option<Queued> {
                let $object = self;
                $queue
            }
            fn run_work_item(&self) -> bool {
                let $object = self;
                $run
            }
            fn section(&self, section: &mut dyn FnMut(&mut Data)) {
                section(&mut self.acquire_interrupt_lock());
            }
            fn try_section(&self, section: &mut dyn FnMut(&mut Data)) -> bool {
                self.try_acquire_interrupt_lock().map(|mut data| section(&mut data)).is_some()
            }
            fn timed_section(&self, timeout: Duration, section: &mut dyn FnMut(&mut Data)) -> Result<(), Error> {
                self.try_acquire_interrupt_lock_for(timeout).map(|mut data| section(&mut data))
            }
            fn check(&self) -> Result<(), Error> {
                self.check().map(drop)
            }
            fn fault(&self) -> Option<Fault> {
                self.fault()
            }
            fn service_removal(&self) {
                self.service_removal();
            }
        }
    };
}

object!(WithWorkItem, |object| Some(object.queue_work_item()), object.run_work_item());
object!(NoWorkItem, |_object| None, false);
