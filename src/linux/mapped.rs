//! Registers mapped into the program's memory.

use core::{fmt, panic::RefUnwindSafe, ptr::NonNull};
use std::{format, os::fd::AsFd, sync::Arc};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::source::registers::Registers;
use crate::system::{Failure, Mapping, failed, opening, page_size, refused};

/// A block of registers mapped into the program's memory: a PCI BAR, a UIO map. Its accesses are those of
/// [`Registers`].
///
/// A clone is another handle to the same mapping, so each callback can have its own. The last handle unmaps it.
///
/// Accesses are volatile and of exactly the width asked for (64-bit accesses on a 64-bit machine). They never go
/// through a reference, so the device may change the registers at any time. Registers are little-endian, as on PCI.
///
/// [`Uio::registers`](crate::linux::Uio::registers) and
/// [`vfio::PciDevice::registers`](crate::linux::vfio::PciDevice::registers) return one. [`map`](Self::map) makes one of
/// any other file.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "uio")] {
/// use interrupt_lock::{Registers, linux::Uio};
///
/// let registers = Uio::open("/dev/uio0")?.registers(0)?;
/// let in_isr = registers.clone();
/// assert_eq!(registers.read32(0), in_isr.read32(0));
/// # }
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct MappedRegisters {
    base: NonNull<u8>,
    len: usize,
    mapping: Arc<KeptMapping>,
}

// SAFETY: the mapping lives as long as any handle, belongs to no thread, and is only reached by volatile accesses, each of
// which is one machine access. A race between two threads is a race between two bus cycles.
unsafe impl Send for MappedRegisters {}
// SAFETY: as for `Send`. A shared handle offers only such accesses.
unsafe impl Sync for MappedRegisters {}

/// What else has to be kept for a mapping to stay valid.
pub(crate) type Keep = Arc<dyn RefUnwindSafe + Send + Sync>;

struct KeptMapping {
    mapping: Mapping,
    /// Dropped after the memory has been unmapped.
    _keep: Option<Keep>,
}

impl MappedRegisters {
    /// Maps `len` bytes of `file` from `offset` on, for reading and writing. The mapping is shared with other programs.
    ///
    /// `offset` has to be a multiple of 8, not of a page. The file may be closed afterwards. If a file is cut short
    /// while it is mapped, an access ends the program with `SIGBUS`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the system refuses, `len` is 0, `len` is more than half of all addresses (2 GiB with 32
    /// bits), or `offset` is no multiple of 8.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::{Registers, linux::MappedRegisters};
    ///
    /// let memory = std::fs::File::options().read(true).write(true).open("/dev/mem")?;
    /// let timer = MappedRegisters::map(&memory, 0xfed0_0000, 0x400)?;
    /// println!("capabilities {:#x}", timer.read64(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mmap")]
    pub fn map(file: impl AsFd, offset: u64, len: usize) -> Result<Self, Error> {
        Self::map_keeping(file, offset, len, None).map_err(opening("registers"))
    }

    pub(crate) fn map_keeping(
        file: impl AsFd,
        offset: u64,
        len: usize,
        keep: Option<Keep>,
    ) -> Result<Self, SourceError> {
        let into_page = (offset % page_size() as u64) as usize;
        if !into_page.is_multiple_of(size_of::<u64>()) {
            return Err(refused("registers begin at a multiple of 8"));
        }
        let start = offset - into_page as u64;
        Self::new(into_page, len, keep, |whole| Mapping::of(file.as_fd(), start, whole))
    }

    /// Maps `len` bytes of new memory, filled with zeros. A forked child shares the memory instead of copying it, so a
    /// device still finds it at the same place.
    pub(crate) fn anonymous(len: usize) -> Result<Self, SourceError> {
        Self::new(0, len, None, Mapping::anonymous)
    }

    fn new(
        into_page: usize,
        len: usize,
        keep: Option<Keep>,
        map: impl FnOnce(usize) -> Result<Mapping, Failure>,
    ) -> Result<Self, SourceError> {
        let whole = len
            .checked_add(into_page)
            .and_then(|end| end.checked_next_multiple_of(page_size()))
            // A pointer can't be moved further than that.
            .filter(|&whole| len != 0 && whole <= isize::MAX.cast_unsigned())
            .ok_or_else(|| refused(format!("{len} bytes can't be mapped")))?;
        let mapping = map(whole).map_err(failed("mapping"))?;
        let base = NonNull::new(mapping.start().wrapping_add(into_page))
            .ok_or_else(|| refused("the system mapped it at address 0"))?;
        Ok(Self { base, len, mapping: Arc::new(KeptMapping { mapping, _keep: keep }) })
    }

    /// Returns a pointer to the registers at `offset`, for register types of other crates (`safe-mmio`, `tock-registers`).
    /// `T` is a register or a block of them, laid out by `#[repr(C)]`.
    ///
    /// The pointer is not null, is aligned for `T`, and has all of `T` within the block. It can be read and written as
    /// long as a clone of this handle exists. A pointer has no lifetime, so the compiler does not hold you to that: every
    /// use of it is `unsafe`, and you have to see to it that:
    ///
    /// - a clone of this handle outlives the last use. Make the other crate's type in a function that borrows the handle,
    ///   and bind its lifetime to that borrow, as in the example;
    /// - each access is volatile and of the register's width. Don't make a reference to memory that a device changes,
    ///   unless its type has interior mutability, as those of `tock-registers` have;
    /// - the ISR and the other threads do not access the same registers at once, if the device minds: keep the handle in
    ///   the interrupt data, and nothing reaches it without the lock.
    ///
    /// Values come as the device has them: little-endian on PCI. [Registers](crate::guide::registers) shows both crates,
    /// over a mapped and over a simulated device.
    ///
    /// # Panics
    ///
    /// If `T` at `offset` does not lie within the block, or is not aligned.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::{marker::PhantomData, ptr::NonNull};
    /// use interrupt_lock::linux::MappedRegisters;
    ///
    /// /// A register type of another crate. It does not outlive the handle that it came from.
    /// struct Counter<'a>(NonNull<u32>, PhantomData<&'a MappedRegisters>);
    ///
    /// impl Counter<'_> {
    ///     fn read(&self) -> u32 {
    ///         // SAFETY: the handle is borrowed, so the registers are mapped. `pointer` has checked the rest.
    ///         u32::from_le(unsafe { self.0.read_volatile() })
    ///     }
    /// }
    ///
    /// fn counter(registers: &MappedRegisters) -> Counter<'_> {
    ///     Counter(registers.pointer(0xf0), PhantomData)
    /// }
    ///
    /// let memory = std::fs::File::options().read(true).write(true).open("/dev/mem")?;
    /// let timer = MappedRegisters::map(&memory, 0xfed0_0000, 0x400)?;
    /// println!("counter {:#x}", counter(&timer).read());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "as_ptr")]
    #[must_use]
    #[track_caller]
    pub fn pointer<T>(&self, offset: usize) -> NonNull<T> {
        let size = size_of::<T>();
        assert!(
            self.len.checked_sub(size).is_some_and(|last| offset <= last),
            "no {size} bytes of registers at {offset:#x}: the block has {:#x} bytes",
            self.len
        );
        // SAFETY: the assertion keeps it within the block, which is mapped as long as `self` is there.
        let pointer = unsafe { self.base.add(offset) }.cast::<T>();
        assert!(pointer.is_aligned(), "what has to be aligned to {} can't be at {offset:#x}", align_of::<T>());
        pointer
    }

    /// Returns the address in this program's memory.
    pub(crate) fn address(&self) -> usize {
        self.base.addr().get()
    }

    /// Returns how many bytes are mapped: whole pages.
    pub(crate) fn mapped_len(&self) -> usize {
        self.mapping.mapping.len()
    }

    /// Returns the place of the register of type `T` at `offset`. Panics if the block has none.
    #[track_caller]
    fn register<T>(&self, offset: usize) -> NonNull<T> {
        let width = size_of::<T>();
        assert!(offset.is_multiple_of(width), "a {width}-byte register can't be at {offset:#x}");
        assert!(
            self.len.checked_sub(width).is_some_and(|last| offset <= last),
            "no {width}-byte register at {offset:#x}: the block has {:#x} bytes",
            self.len
        );
        // SAFETY: the second assertion keeps it within the block, which is mapped as long as `self` is there.
        unsafe { self.base.add(offset) }.cast()
    }
}

macro_rules! accesses {
    ($($read:ident $write:ident $width:ty),*) => {$(
        #[track_caller]
        fn $read(&self, offset: usize) -> $width {
            let register = self.register::<$width>(offset);
            // SAFETY: `register` checked the range and the alignment (`base` is aligned to 8). Every pattern of bits is an
            // integer.
            <$width>::from_le(unsafe { register.read_volatile() })
        }

        #[track_caller]
        fn $write(&self, offset: usize, value: $width) {
            let register = self.register::<$width>(offset);
            // SAFETY: `register` checked the range and the alignment. The mapping is writable, and no reference into it is
            // ever made.
            unsafe { register.write_volatile(value.to_le()) };
        }
    )*};
}

impl Registers for MappedRegisters {
    fn len(&self) -> usize {
        self.len
    }

    accesses!(read8 write8 u8, read16 write16 u16, read32 write32 u32, read64 write64 u64);
}

impl fmt::Debug for MappedRegisters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedRegisters").field("len", &self.len).finish_non_exhaustive()
    }
}
