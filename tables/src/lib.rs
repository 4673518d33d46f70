//! Rows of numbers in files: text with any separator, and NPY.
//!
//! 1. What a file is, its content says, not the ending of its name ([`Reading`]): NPY by its first bytes; of text, separator, header,
//!    row of units, decimal commas and comments are found. `-` is standard input; pipes are read once, from front to end.
//! 2. A [`Table`] is rows of finite numbers of one length, with [`Column`]s that have names and units if the file says them. What is odd
//!    about a file and no error is a note: a header of numbers, an index.
//! 3. No memory is taken because a file promises something. What does not fit is refused with what it would need, or a fair choice of
//!    its rows is kept.
//! 4. Columns are asked for by number, range or name ([`Table::inputs_and_outputs`], [`Table::frames`]).
//! 5. A [`TableError`] names file, place, found and expected, in a few hundred characters, whatever the file holds.

mod choice;
mod error;
mod keep;
mod npy;
mod reading;
mod table;
mod text;

pub use error::TableError;
pub use reading::{MOST_COLUMNS, NotFinite, Progress, Reading, TooMany, read};
pub use table::{Column, Frames, Table};
