//! What goes wrong on the way.

use std::time::Duration;

/// Befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done for so long.
    DelayBefore(Duration),
    /// It is done, and told so late.
    DelayAfter(Duration),
    /// HTTP 500 and nothing done; the key keeps that answer.
    BreaksBefore,
    /// HTTP 500 although it was done; the key keeps that answer.
    BreaksAfter,
    /// The connection ends, and nothing was done.
    CutBefore,
    /// The connection ends although it was done; the key keeps the good answer.
    CutAfter,
    /// HTTP 429 and nothing done.
    TooMany {
        /// Of the header, in seconds.
        retry_after: Option<u64>,
    },
    /// It was done, and the answer is a page of a proxy.
    Garbage,
    /// It was done, and the answer does not end within two megabytes.
    Flood,
}

/// Whom a fault befalls.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) method: &'static str,
    /// Part of the path.
    pub(super) path: String,
    pub(super) fault: Fault,
}
