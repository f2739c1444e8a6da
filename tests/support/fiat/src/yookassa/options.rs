use std::time::Duration;

/// How an emulator is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The shop's number.
    pub shop_id: String,
    /// The shop's key.
    pub secret_key: String,
    /// 0 for any that is free.
    pub port: u16,
    /// Where notifications go.
    pub webhook: Option<String>,
    /// Pauses before the second and each later try to deliver a notification.
    pub retries: Vec<Duration>,
    /// What is kept of a payment, in hundredths of a percent, rounded to the nearest.
    pub fee_bps: u32,
    /// How long money is held for a capture.
    pub hold: Duration,
    /// How long a payer has.
    pub payer_time: Duration,
    /// How long a receipt takes to be registered.
    pub receipt_delay: Duration,
    /// What a known key with another body gets.
    pub other_body: OtherBody,
    /// Whether each exchange is held against the vendor's document.
    pub validate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shop_id: "100500".to_owned(),
            secret_key: "test_emulated".to_owned(),
            port: 0,
            webhook: None,
            retries: [1, 5, 30, 60, 300].map(Duration::from_secs).to_vec(),
            fee_bps: 350,
            hold: Duration::from_secs(7 * 24 * 3600),
            payer_time: Duration::from_secs(3600),
            receipt_delay: Duration::ZERO,
            other_body: OtherBody::Refused,
            validate: true,
        }
    }
}

/// What the vendor does with a known key and another body is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherBody {
    /// 400.
    Refused,
    /// The answer that the first body got.
    FirstAnswer,
}
