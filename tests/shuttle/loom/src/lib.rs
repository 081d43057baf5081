//! Stands in for loom: the names that `src/sync/model.rs` uses, with shuttle's schedules.
//!
//! Loom tries every interleaving of two or three threads. Shuttle tries random ones of many threads. The crate's facade
//! for models needs no change for it.
//!
//! | loom | here |
//! |---|---|
//! | `sync`, `thread`, `thread_local!`, `lazy_static!` | shuttle's |
//! | `cell` | cells that panic where borrows overlap |
//!
//! Shuttle's memory is sequentially consistent: a missing ordering is loom's to find.

pub mod cell;

pub use shuttle::{lazy_static, sync, thread, thread_local};
