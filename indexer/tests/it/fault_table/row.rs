//! A row of the table.

use std::time::Duration;

use test_support::Fault;

/// When a node has its fault, and who else is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The only node; the fault comes after the first blocks and goes again.
    Heals,
    /// The only node, with its fault from the first question to the last.
    Stays,
    /// The first of two nodes, the other good, with its fault from the first question to the last.
    StaysBesideAGoodOne,
    /// The same, but down at the start, so that the fault comes unseen.
    ComesBackBesideAGoodOne,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub course: Course,
    pub faults: Vec<Fault>,
}

impl Row {
    pub fn new(name: &'static str, course: Course, fault: Fault) -> Self {
        Self { name, course, faults: vec![fault] }
    }

    pub fn is_beside_a_good_one(&self) -> bool {
        matches!(self.course, Course::StaysBesideAGoodOne | Course::ComesBackBesideAGoodOne)
    }
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// From when the node was healed, or the chain came to rest, until the mirror was at the head.
    pub recovery: Duration,
    /// Requests to the node.
    pub requests: u64,
    /// Questions in them.
    pub questions: u64,
    /// Answers that were not the good node's.
    pub spoiled: u64,
    /// States of the mirror compared with the chain.
    pub states: usize,
}

impl Seen {
    pub fn line(&self, row: &Row) -> String {
        let course = match row.course {
            Course::Heals => "alone, heals",
            Course::Stays => "alone, stays",
            Course::StaysBesideAGoodOne => "first of two, stays",
            Course::ComesBackBesideAGoodOne => "first of two, comes back so",
        };
        let Self { recovery, requests, questions, spoiled, states } = self;
        let recovery = recovery.as_secs_f64();
        format!("| {} | {course} | {recovery:.1} s | {spoiled} of {questions} in {requests} | {states} |", row.name)
    }
}
