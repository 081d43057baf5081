//! A reference, a box or an `Arc` of a block of registers is one, too.

use crate::source::registers::Registers;

macro_rules! forward {
    () => {
        fn len(&self) -> usize {
            (**self).len()
        }

        #[track_caller]
        fn read32_live(&self, offset: usize) -> Option<u32> {
            (**self).read32_live(offset)
        }

        forward!(read8 write8 u8, read16 write16 u16, read32 write32 u32, read64 write64 u64);
    };
    ($($read:ident $write:ident $width:ty),+) => {$(
        #[track_caller]
        fn $read(&self, offset: usize) -> $width {
            (**self).$read(offset)
        }

        #[track_caller]
        fn $write(&self, offset: usize, value: $width) {
            (**self).$write(offset, value);
        }
    )+};
}

impl<R: Registers + ?Sized> Registers for &R {
    forward!();
}

#[cfg(feature = "alloc")]
impl<R: Registers + ?Sized> Registers for alloc::boxed::Box<R> {
    forward!();
}

#[cfg(feature = "alloc")]
impl<R: Registers + ?Sized> Registers for alloc::sync::Arc<R> {
    forward!();
}
