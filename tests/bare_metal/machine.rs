//! A machine whose processors are threads, and at each of whose instants something may happen.

use std::cell::{Cell, RefCell};

use interrupt_lock::bare_metal::{Cpu, Platform};

struct Machine;

thread_local! {
    pub static CPU: Cell<&'static Cpu> = Cell::new(Box::leak(Box::new(Cpu::new())));
    pub static MASKED: Cell<bool> = const { Cell::new(false) };
    /// What happens after so many more instants.
    pub static NEXT: RefCell<Option<Next>> = const { RefCell::new(None) };
}

/// How many more instants pass, which ones count, and what happens then.
pub type Next = (u32, When, Box<dyn FnOnce()>);

/// Which instants count.
#[derive(Clone, Copy, PartialEq)]
pub enum When {
    Any,
    Unmasked,
}

// SAFETY: each thread has a `Cpu` of its own, which lives for ever, unless a test makes its task migrate.
unsafe impl Platform for Machine {
    fn this_processor() -> &'static Cpu {
        instant();
        let cpu = CPU.get();
        instant();
        cpu
    }

    fn mask() -> usize {
        instant();
        let before = MASKED.replace(true);
        instant();
        usize::from(!before)
    }

    fn unmask(found: usize) {
        assert_eq!(found, 1);
        instant();
        MASKED.set(false);
        instant();
    }
}

interrupt_lock::platform!(Machine);

/// An instant at which something may happen.
fn instant() {
    let now = NEXT.with_borrow_mut(|next| match next {
        Some((_, When::Unmasked, _)) if MASKED.get() => None,
        Some((0, ..)) => next.take().map(|(.., happens)| happens),
        Some((left, ..)) => {
            *left -= 1;
            None
        }
        None => None,
    });
    if let Some(happens) = now {
        happens();
    }
}

/// Lets `happens` come at each instant of `operation`, once at a time. Returns how many instants there are.
pub fn at_each_instant(happens: fn(), mut operation: impl FnMut()) -> u32 {
    for number in 0.. {
        NEXT.set(Some((number, When::Any, Box::new(happens))));
        operation();
        if NEXT.take().is_some() {
            return number;
        }
    }
    unreachable!()
}
