//! Random histories of simulated chains, and an indexer that is told them while nodes fail, branches vanish and replicas
//! are killed. At quiet points the mirror must be, row for row, a fresh fold of the canonical chains.
//!
//! `ABONO_SIM_SEED` runs the history of one seed alone, in the worlds of the tests that are chosen; `ABONO_SIM_STEPS` makes
//! histories of that many steps. A seed fixes chains, steps and pauses; when replicas see what is the machine's affair, so
//! that a failure may take some tries to come again.

mod expected;
mod figures;
mod fold;
mod histories;
mod history;
mod kill;
mod link;
mod network;
mod quiet;
mod replica;
mod resume;
mod rewind;
mod step;
mod trip;
