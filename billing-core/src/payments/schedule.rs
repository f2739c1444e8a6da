//! When a payment is looked at next, in seconds. Pure.

use super::{Intent, Status};

/// What the next look depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) status: Status,
    pub(super) intent: Intent,
    /// Looks since it last moved on.
    pub(super) looks: u32,
    /// Whether the provider has said what it keeps.
    pub(super) fee_known: bool,
    /// Whether its receipt is on its way.
    pub(super) receipt_open: bool,
}

/// Waits after the first look that found nothing new, the second, ...; the last one goes on.
const WAITS: [u16; 6] = [5, 15, 60, 300, 900, 3_600];
/// Looks at a paid payment whose fee or receipt is open, an hour between them at last: a day or so.
const LOOKS_AFTER_SUCCESS: u32 = 30;

/// Seconds until the next look; `None` when nothing more is to be learnt.
pub(super) fn after(look: &Look) -> Option<f64> {
    match look.status {
        Status::Canceled => None,
        Status::Succeeded => {
            let open = !look.fee_known || look.receipt_open;
            (open && look.looks < LOOKS_AFTER_SUCCESS).then(|| wait(look.looks))
        }
        // Somebody decided what becomes of the money: at once.
        Status::Authorized if look.intent != Intent::Hold && look.looks == 0 => Some(0.0),
        Status::Created | Status::Pending | Status::Authorized => Some(wait(look.looks)),
    }
}

/// Seconds after the `looks`-th look in vain.
pub(super) fn wait(looks: u32) -> f64 {
    let place = usize::try_from(looks).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    f64::from(WAITS[place])
}
