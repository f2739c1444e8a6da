//! How providers refuse a range of blocks, as `tests/vectors/provider_errors.tsv` has it.

use serde_json::{Value, json};

/// Whose words a refusal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// A range that should work, in hexadecimal.
    Alchemy,
    /// A range that should work, in decimal.
    Reth,
    /// The number of blocks, with HTTP 413.
    QuickNode,
    /// The number of blocks, after the number that was asked for.
    BlastApi,
    /// The number of blocks, with HTTP 403.
    PublicNode,
    /// No number.
    Ankr,
    /// A text about results, whatever the range holds.
    Infura,
}

impl Provider {
    /// Each of them.
    pub const ALL: [Self; 7] =
        [Self::Alchemy, Self::Reth, Self::QuickNode, Self::BlastApi, Self::PublicNode, Self::Ankr, Self::Infura];

    /// HTTP status and error for a question from block `from` to block `to`.
    pub(super) fn refusal(self, most: u64, from: u64, to: u64) -> (u16, Value) {
        let (last, asked) = (from + most - 1, to - from + 1);
        let (status, code, message) = match self {
            Self::Alchemy => {
                let range = format!("[{from:#x}, {last:#x}]");
                let text = format!(
                    "You can make eth_getLogs requests with up to a {most} block range. Based on your parameters, this block range should work: {range}"
                );
                (400, -32_600, text)
            }
            Self::Reth => {
                (200, -32_602, format!("query exceeds max results 20000, retry with the range {from}-{last}"))
            }
            Self::QuickNode => (413, -32_614, format!("eth_getLogs is limited to a {most} range")),
            Self::BlastApi => {
                let text = format!("eth_getLogs exceeds the range allowed for your plan ({asked} > {most}).");
                (200, -32_600, text)
            }
            Self::PublicNode => (403, -32_701, format!("exceed maximum block range: {most}")),
            Self::Ankr => (200, -32_600, "block range is too wide".to_owned()),
            Self::Infura => (200, -32_005, "query returned more than 10000 results".to_owned()),
        };
        (status, json!({ "code": code, "message": message }))
    }
}
