//! The cache lines of an interrupt object, and which code reads and writes them.
//!
//! | line | holds | read | written |
//! |---|---|---|---|
//! | 0 | the dispatcher, the callbacks of transitions | by queueings that schedule a run | by transitions |
//! | 1 | what a delivery reads: the ISR, the source, the state | by deliveries and runs | by transitions |
//! | 2 | what a delivery writes: its counters, the lock, the first of the data | | by deliveries and by sections |
//! | … | the name, the rarer counters, the control lock, the notes | | seldom |
//! | the last but one | the work item, the device | | by queueings and runs |
//! | the last | deferred closures, the counts by which a storm is recognised | | seldom |
//!
//! So a delivery needs two lines, and a section of the driver needs one. A work item that runs on another processor
//! disturbs neither. On two processors deliveries were ten times as fast with this layout as with the compiler's.

use core::mem::offset_of;

use static_assertions::{const_assert, const_assert_eq};

use crate::answer::NoWorkItem;
use crate::interrupt::{InterruptObject, Registered};
use crate::lock::raw::RawInterruptLock;

type Object = InterruptObject<(), NoWorkItem>;

const LINE: usize = 64;
const WORD: usize = size_of::<usize>();

const_assert_eq!(align_of::<Object>(), LINE);

// What a delivery reads.
const_assert_eq!(offset_of!(Object, registered) + offset_of!(Registered<(), NoWorkItem>, message), LINE);
const_assert_eq!(offset_of!(Object, state) + WORD, 2 * LINE);

// What it writes. Data of more than a word goes on behind it, on the line that processors fetch along with this one.
const_assert_eq!(offset_of!(Object, claim_counts), 2 * LINE);
// (The lock comes after the tag of `DataLock`, which every section reads. If the data needs an alignment of more than a
// word, it begins later.)
const_assert_eq!(offset_of!(Object, data_lock) + WORD, 2 * LINE + 4 * WORD);
const_assert!(size_of::<RawInterruptLock>() <= 3 * WORD);

// The work item comes after all that is seldom written.
const_assert!(offset_of!(Object, work) >= 4 * LINE);
const_assert!(offset_of!(Object, work) > offset_of!(Object, notes));
const_assert!(offset_of!(Object, work_run) > offset_of!(Object, notes));
// Its word, its counter and its function are on one line.
const_assert_eq!(offset_of!(Object, work) / LINE, (offset_of!(Object, membership) - 1) / LINE);
