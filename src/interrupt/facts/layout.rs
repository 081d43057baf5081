//! Which cache lines the threads of an interrupt meet on.
//!
//! | line | holds | read | written |
//! |---|---|---|---|
//! | 0 | the dispatch, the callbacks of transitions | by whoever queues a new run | by transitions |
//! | 1 | what a delivery reads: the ISR, the source, the state | by deliveries and runs | by transitions |
//! | 2 | what a delivery writes: its counters, the lock, and the first of the data | | by deliveries and the driver's sections |
//! | … | the name, the rarer counters, the transitions' lock, the notes, the device | | seldom |
//! | the last but one | the work item | | by queueings and runs |
//! | the last | what storms are told by | | seldom |
//!
//! So a delivery needs two lines, a section of the driver's one, and a work item that runs beside them disturbs neither:
//! on two processors that made deliveries ten times as fast as a layout left to the compiler did.

use core::mem::offset_of;

use static_assertions::{const_assert, const_assert_eq};

use crate::interrupt::{InterruptObject, NoWorkItem, Registered};
use crate::lock::raw::RawInterruptLock;

type Object = InterruptObject<(), NoWorkItem>;

const LINE: usize = 64;
const WORD: usize = size_of::<usize>();

const_assert_eq!(align_of::<Object>(), LINE);

// What a delivery reads.
const_assert_eq!(offset_of!(Object, registered) + offset_of!(Registered<(), NoWorkItem>, message), LINE);
const_assert_eq!(offset_of!(Object, state) + WORD, 2 * LINE);

// What it writes. More data than a word goes on behind it, on the line that processors fetch along with this one.
const_assert_eq!(offset_of!(Object, answers), 2 * LINE);
// (Behind the tag of `DataLock`, which every section reads. With data that needs more than a word's alignment it goes on.)
const_assert_eq!(offset_of!(Object, data_lock) + WORD, 2 * LINE + 4 * WORD);
const_assert!(size_of::<RawInterruptLock>() <= 3 * WORD);

// The work item, behind all that is seldom written.
const_assert!(offset_of!(Object, work) >= 4 * LINE);
const_assert!(offset_of!(Object, work) > offset_of!(Object, notes));
const_assert!(offset_of!(Object, work_run) > offset_of!(Object, notes));
// It and all that is its own on one line.
const_assert_eq!(offset_of!(Object, work) / LINE, (offset_of!(Object, deferred) - 1) / LINE);
