//! Search over ways to make an emulator, on a budget of time.
//!
//! 1. A [`Candidate`] is one way, by name. Evaluating it gives a [`Score`]: what it errs and what it costs.
//! 2. [`Halving`] says what to evaluate next: successive halving, asynchronous, a function of the scores alone.
//! 3. The [`front`] are the scores that no other beats in error and clocks.
//! 4. A [`Journal`] keeps every finished evaluation in a file: a search goes on where it was.
//! 5. [`search`] does it until the [`Limits`] are reached, the candidates are used up, or somebody stops it.
//!
//! Candidates and their order are fixed before the search begins; the budget decides only how far it gets.

mod candidate;
mod front;
mod halving;
mod journal;
mod run;

pub use candidate::{Candidate, Effort, Evaluation, Outcome, Score, Trial, final_scores};
pub use front::{front, layers};
pub use halving::{Costs, Halving};
pub use journal::{Journal, JournalError, Record};
pub use run::{Ended, Found, Limits, SearchError, search};
