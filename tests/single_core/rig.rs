//! An interrupt whose callbacks do what a test says, and note that they have run.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock};

use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext, Machine};
use interrupt_lock::{Claim, WithWorkItem, Work};

/// A core with a mask.
pub struct Core;

thread_local! {
    static MASKED: Cell<bool> = const { Cell::new(false) };
    static VECTOR: Cell<Option<fn()>> = const { Cell::new(None) };
}

// SAFETY: an object is used by the one thread that has made it, and nothing interrupts that.
unsafe impl Machine for Core {
    type Found = bool;

    fn mask() -> bool {
        MASKED.replace(true)
    }

    fn restore(found: bool) {
        if !found {
            MASKED.set(false);
            if let Some(vector) = VECTOR.take() {
                vector();
            }
        }
    }
}

pub fn is_masked() -> bool {
    MASKED.get()
}

pub fn mask_by_hand(masked: bool) {
    MASKED.set(masked);
}

/// Lets a vector come as soon as the mask opens.
pub fn pend(vector: fn()) {
    VECTOR.set(Some(vector));
}

pub type Object = InterruptObject<Rigged>;

type Step<R> = fn(&'static Object) -> R;
type Steps<R> = Mutex<VecDeque<Step<R>>>;
type OnChange = Result<(), &'static str>;

/// What the callbacks are to do, call by call, and what has happened. A callback without a step ends well.
#[derive(Default)]
pub struct Rig {
    object: OnceLock<&'static Object>,
    log: Mutex<Vec<&'static str>>,
    pub isr: Steps<Claim>,
    pub enable: Steps<OnChange>,
    pub disable: Steps<OnChange>,
    pub unmask: Steps<Work>,
    pub work: Steps<Work>,
}

/// The driver of a rig.
pub struct Rigged(&'static Rig);

/// Returns a rig and its object. The data counts the runs of the ISR.
pub fn rig() -> (&'static Rig, &'static Object) {
    let rig: &'static Rig = Box::leak(Box::default());
    let object: &'static Object = Box::leak(Box::new(InterruptObject::new(0, Rigged(rig))));
    rig.object.set(object).ok();
    (rig, object)
}

/// As [`rig`], enabled, with an empty log.
pub fn enabled() -> (&'static Rig, &'static Object) {
    let (rig, object) = rig();
    object.enable().unwrap();
    rig.take_log();
    (rig, object)
}

impl Rig {
    pub fn take_log(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }

    fn runs<R>(&self, what: &'static str, steps: &Steps<R>) -> Option<R> {
        self.note(what);
        let step = steps.lock().unwrap().pop_front();
        step.map(|step| step(self.object.get().unwrap()))
    }
}

/// Says what the next call of a callback does.
pub fn then<R>(steps: &Steps<R>, step: Step<R>) {
    steps.lock().unwrap().push_back(step);
}

impl Driver for Rigged {
    type Data = u32;
    type Machine = Core;
    type WorkItem = WithWorkItem;

    fn isr(&self, context: &mut IsrContext<'_, Self>) -> Claim {
        **context += 1;
        self.0.runs("isr", &self.0.isr).unwrap_or(Claim::Claimed)
    }

    fn on_enable(&self, _: &mut u32) -> OnChange {
        self.0.runs("enable", &self.0.enable).unwrap_or(Ok(()))
    }

    fn on_disable(&self, _: &mut u32) -> OnChange {
        self.0.runs("disable", &self.0.disable).unwrap_or(Ok(()))
    }

    fn on_unmask(&self, _: &mut u32) -> Work {
        self.0.runs("unmask", &self.0.unmask).unwrap_or_default()
    }

    fn work_item(&self, _: &Object) -> Work {
        self.0.runs("work", &self.0.work).unwrap_or_default()
    }

    fn mask_line(&self) {
        self.0.note("line off");
    }

    fn unmask_line(&self) {
        self.0.note("line on");
    }

    fn on_queued(&self) {
        self.0.note("queued");
    }

    fn name(&self) -> &'static str {
        "uart0"
    }
}
