//! How much is taken from which.

use super::super::Amount;

/// Takes `asked` from the first on, all of one before the next: for each that is taken from, its place and how much. `None`
/// where they do not hold as much.
pub(super) fn take(available: impl IntoIterator<Item = Amount>, asked: Amount) -> Option<Vec<(usize, Amount)>> {
    let (mut left, mut taken) = (asked, Vec::new());
    for (place, available) in available.into_iter().enumerate() {
        let part = available.min(left);
        if part > Amount::ZERO {
            taken.push((place, part));
            left = left.saturating_sub(part);
        }
    }
    (left == Amount::ZERO).then_some(taken)
}

/// Their sum.
pub(super) fn total(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    amounts.into_iter().fold(Amount::ZERO, Amount::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_are_emptied_before_the_next_is_touched(there in prop::collection::vec(0..50_u64, 0..8), asked in 0..200_u64) {
            let taken = take(there.iter().map(|units| Amount::from(*units)), Amount::from(asked));
            prop_assert_eq!(taken.is_some(), there.iter().sum::<u64>() >= asked);
            let Some(taken) = taken else { return Ok(()) };
            prop_assert_eq!(total(taken.iter().map(|(_, part)| *part)), Amount::from(asked));
            for (at, (place, part)) in taken.iter().enumerate() {
                prop_assert!(*part == Amount::from(there[*place]) || at + 1 == taken.len());
            }
            let last = taken.last().map_or(0, |(last, _)| *last);
            let passed_over = there.iter().take(last).enumerate().filter(|(place, units)| {
                **units > 0 && taken.iter().all(|(other, _)| other != place)
            });
            prop_assert_eq!(passed_over.count(), 0);
        }
    }
}
