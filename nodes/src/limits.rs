//! What a refusal says about the size that would be answered.

/// A size that a node says it would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtMost {
    /// Blocks in one question, both ends counted.
    Span(u64),
    /// Numbers of the first and the last block of a question that should work.
    Range(u64, u64),
}

/// Words after which providers write how many blocks they take.
const BEFORE_A_SPAN: [&str; 20] = [
    "maximum is set to ",
    "max range: ",
    "requested blocks is ",
    "limited to a ",
    "limited to ",
    "to at most ",
    "maximum block range: ",
    "max block range = ",
    "max block range ",
    "greater than ",
    "block range exceeds ",
    "max is ",
    "smaller than size ",
    "(maximum ",
    "with up to a ",
    "up to a ",
    "blocks distance: ",
    "narrow your filter: ",
    "ranges over ",
    "for your plan (",
];

/// What else than blocks is counted, in words after a number.
const NO_BLOCKS: [&str; 4] = ["bytes", "results", "logs", "entries"];

/// Reads the suggestion out of a text in lower case; `None` when it has none.
pub(crate) fn at_most(text: &str) -> Option<AtMost> {
    hex_range(text).or_else(|| decimal_range(text)).or_else(|| span(text)).filter(|found| match found {
        AtMost::Span(span) => *span > 0,
        AtMost::Range(from, to) => from <= to,
    })
}

fn hex_range(text: &str) -> Option<AtMost> {
    let (_, inside) = text.split_once("[0x")?;
    let (from, to) = inside.split_once(']')?.0.split_once(',')?;
    let number = |hex: &str| u64::from_str_radix(hex.trim().trim_start_matches("0x"), 16).ok();
    Some(AtMost::Range(number(from)?, number(to)?))
}

fn decimal_range(text: &str) -> Option<AtMost> {
    let (from, rest) = leading_number(text.split_once("retry with the range ")?.1)?;
    Some(AtMost::Range(from, leading_number(rest.strip_prefix('-')?)?.0))
}

fn span(text: &str) -> Option<AtMost> {
    // "range 1000000 exceeds limit of 10000", where other texts give a number of results.
    if let (true, Some((_, after))) = (text.starts_with("range "), text.split_once("exceeds limit of ")) {
        return Some(AtMost::Span(leading_number(after)?.0));
    }
    BEFORE_A_SPAN.iter().find_map(|words| {
        let (number, rest) = leading_number(text.split_once(words)?.1)?;
        if NO_BLOCKS.iter().any(|unit| rest.trim_start().starts_with(unit)) {
            return None;
        }
        // "(5000 > 500)": what was asked, then what is allowed.
        let allowed = rest.strip_prefix(" > ").and_then(leading_number).map(|(allowed, _)| allowed);
        Some(AtMost::Span(allowed.unwrap_or(number)))
    })
}

/// A number as people write it: `10000`, `10,000`, `10k`; and the text after it.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    let number: u64 = text[..end].replace(',', "").parse().ok()?;
    match text[end..].strip_prefix('k') {
        Some(rest) => Some((number.checked_mul(1_000)?, rest)),
        None => Some((number, &text[end..])),
    }
}
