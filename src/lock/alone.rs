//! The lock on its own, without an allocator: no interrupts can share it, so its release serves nothing.

use crate::lock::InterruptLock;
use crate::lock::release::Tenant;
use crate::name::Name;

impl<T> Tenant<T> for InterruptLock<T> {
    fn name(&self) -> &Name {
        self.name()
    }

    fn serve_deliveries(&self, _: &mut T) {}

    fn serve_source(&self, _: &mut T) {}

    fn run_closure(&self, _: &mut T) -> bool {
        false
    }

    fn has_closures(&self) -> bool {
        false
    }

    fn is_inherited(&self) -> bool {
        false
    }

    fn pass_on(&self) -> bool {
        false
    }

    fn after_release(&self) {}
}
