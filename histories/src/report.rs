//! Evidence as people see it: the operations that prove an anomaly, those around them, and what was wrong at the time, drawn as a
//! timeline in the terminal ([`text`]) or as a page that stands by itself ([`page`]).
//!
//! Nothing here judges. Whoever draws says what was wrong when, as plain [`Band`]s: this crate knows no faults.

pub mod page;
pub mod scene;
mod svg;
pub mod text;

pub use page::Page;
pub use scene::{Band, Scene};
