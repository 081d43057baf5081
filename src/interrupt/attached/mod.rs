//! What is attached to an interrupt from outside: its source, its dispatcher, its device, boxed closures.
//!
//! Each is a trait object in a box. Without an allocator there are no boxes, so nothing can be attached: an
//! `Option<Attached<…>>` is always `None` then, takes no room, and the code that would use it compiles to nothing.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `dispatch` | the trait by which an interrupt uses its dispatcher | I16 |
//! | `parent` | the trait by which an interrupt uses its device | W5, E6, E9 |

mod dispatch;
mod parent;

pub(crate) use dispatch::{Dispatch, Served};
#[cfg(feature = "std")]
pub(crate) use parent::EndsElsewhere;
pub(crate) use parent::{Membership, Parent};

#[cfg(feature = "alloc")]
pub(crate) type Attached<D> = alloc::boxed::Box<D>;
#[cfg(not(feature = "alloc"))]
pub(crate) use nothing::Attached;

#[cfg(not(feature = "alloc"))]
mod nothing {
    use core::convert::Infallible;
    use core::marker::PhantomData;
    use core::ops::{Deref, DerefMut};

    /// A box that no code can make.
    pub(crate) struct Attached<D: ?Sized>(Infallible, PhantomData<fn() -> *const D>);

    impl<D: ?Sized> Deref for Attached<D> {
        type Target = D;

        fn deref(&self) -> &D {
            match self.0 {}
        }
    }

    impl<D: ?Sized> DerefMut for Attached<D> {
        fn deref_mut(&mut self) -> &mut D {
            match self.0 {}
        }
    }
}
