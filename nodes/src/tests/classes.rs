//! What providers really say, with where it was seen: `tests/vectors/provider_errors.tsv`.

use std::time::Duration;

use crate::{AtMost, Class, classify};

const TEXTS: &str = include_str!("../../../tests/vectors/provider_errors.tsv");

fn at_most(column: &str) -> Option<AtMost> {
    let number = |text: &str| text.parse().expect("a number");
    match column.split(':').collect::<Vec<_>>()[..] {
        ["-"] => None,
        ["range", from, to] => Some(AtMost::Range(number(from), number(to))),
        _ => Some(AtMost::Span(number(column))),
    }
}

#[test]
fn every_text_of_a_provider_is_of_its_class_and_its_suggestion_is_read() {
    let mut wrong = Vec::new();
    let (mut sizes, mut others) = (0, 0);
    for row in TEXTS.lines().skip(1) {
        let [class, most, status, code, message, _source] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("six columns: {row}")
        };
        let found = classify(status.parse().expect("a status"), code.parse().ok(), message);
        let suggested = if let Class::TooLarge { at_most } = found { at_most } else { None };
        if (found.name(), suggested) != (class, at_most(most)) {
            wrong.push(format!("{found:?}: {row}"));
        }
        if class == "too_large" { sizes += 1 } else { others += 1 }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sizes >= 30 && others >= 25, "{sizes} and {others} rows");
}

#[test]
fn a_time_to_wait_is_read_from_the_text() {
    for (text, wait) in [("rate limit, try again in 4ms", 4), ("rate limit: try again in 2s.", 2_000)] {
        let retry_after = Some(Duration::from_millis(wait));
        assert_eq!(classify(200, Some(-32_005), text), Class::RateLimited { retry_after });
    }
}
