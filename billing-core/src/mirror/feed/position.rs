//! How far somebody has read.

use std::{fmt, str::FromStr};

use crate::outbox::Place;

/// The version of the text; another one means other fields.
const VERSION: &str = "1";

/// How far a reader has come. Its text is for keeping and giving back, not for reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedPosition {
    pub(super) place: Place,
    /// The row is not given whole; `None` when it is.
    pub(super) inside: Option<Inside>,
}

/// The last part of a row that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Of a stretch: the log.
    Log { block: i64, index: i64 },
    /// Of a reorganisation: the retraction.
    Retraction(i64),
}

impl FeedPosition {
    /// Before everything.
    pub const START: Self = Self { place: Place { written_by: 0, id: 0 }, inside: None };
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}-{}-{}", self.place.written_by, self.place.id)?;
        match self.inside {
            None => Ok(()),
            Some(Inside::Log { block, index }) => write!(f, "-{block}-{index}"),
            Some(Inside::Retraction(number)) => write!(f, "-{number}"),
        }
    }
}

/// A text that no position has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of the feed")]
pub struct BadPosition;

impl FromStr for FeedPosition {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        if parts.next() != Some(VERSION) {
            return Err(BadPosition);
        }
        let numbers: Vec<i64> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| BadPosition)?;
        let (written_by, id, inside) = match numbers[..] {
            [written_by, id] => (written_by, id, None),
            [written_by, id, number] => (written_by, id, Some(Inside::Retraction(number))),
            [written_by, id, block, index] => (written_by, id, Some(Inside::Log { block, index })),
            _ => return Err(BadPosition),
        };
        Ok(Self { place: Place { written_by, id }, inside })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_is_read_as_it_was_written(
            written_by in 0..=i64::MAX,
            id in 0..=i64::MAX,
            inside in prop::option::of((0..=i64::MAX, prop::option::of(0..=i64::MAX))),
        ) {
            let inside = inside.map(|(number, index)| match index {
                Some(index) => Inside::Log { block: number, index },
                None => Inside::Retraction(number),
            });
            let position = FeedPosition { place: Place { written_by, id }, inside };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9-]{0,40}|.{0,20}") {
            drop(text.parse::<FeedPosition>());
        }
    }

    #[test]
    fn another_version_is_refused() {
        for text in ["", "1", "1-2", "2-1-1", "1-1-1-1-1-1", "1-a-1", "1--1"] {
            assert_eq!(text.parse::<FeedPosition>(), Err(BadPosition), "{text}");
        }
    }
}
