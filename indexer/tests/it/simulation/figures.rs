//! What histories were like.

use std::{ops::AddAssign, time::Duration};

/// Of one history, or of several together.
#[derive(Debug, Default)]
pub struct Figures {
    pub quiet_points: u32,
    /// Spent at quiet points until the mirror was right; together, and at most.
    pub waited: Duration,
    pub waited_at_most: Duration,
    pub compared: Duration,
    /// Transactions that brought logs.
    pub stretches: i64,
    /// Undone, the deepest of them, and the logs they took back.
    pub reorganisations: i64,
    pub deepest: i64,
    pub logs_taken_back: i64,
    /// Statements that failed.
    pub trips: i64,
    /// Commits of which nobody heard.
    pub lost_commits: u64,
}

impl Figures {
    /// Histories in which little happened would show little.
    pub fn assert_worth_it(&self) {
        assert!(self.quiet_points >= 15 && self.stretches >= 60, "{self:?}");
        assert!(self.reorganisations >= 8 && self.deepest >= 10 && self.logs_taken_back >= 15, "{self:?}");
        // Quiet chains have few commits to lose: how many of which is luck.
        assert!(self.trips + i64::try_from(self.lost_commits).unwrap_or(0) >= 4, "{self:?}");
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.quiet_points += more.quiet_points;
        self.waited += more.waited;
        self.waited_at_most = self.waited_at_most.max(more.waited_at_most);
        self.compared += more.compared;
        self.stretches += more.stretches;
        self.reorganisations += more.reorganisations;
        self.deepest = self.deepest.max(more.deepest);
        self.logs_taken_back += more.logs_taken_back;
        self.trips += more.trips;
        self.lost_commits += more.lost_commits;
    }
}
