//! Events of `PaymentGateway`: how payments are priced. They are counted and kept, nothing is projected from them.

use alloy::primitives::Address;
use billing_bindings::PaymentGateway::PaymentGatewayEvents;

use super::event::{Event, Fault, number};

/// A change of how payments are priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayChange {
    /// The platform's part.
    Fee {
        /// In 1/10,000.
        bps: u16,
        /// Where it goes; zero exactly when it is zero.
        receiver: Address,
    },
    /// Whether a token is taken in the place of another.
    TokenAcceptance {
        /// Zero for the native coin.
        token: Address,
        /// Taken from now on, or no more.
        accepted: bool,
    },
    /// Where a token's price comes from.
    Feed {
        /// Zero for the native coin.
        token: Address,
        /// Zero for nowhere.
        aggregator: Address,
        /// Seconds for which an answer holds.
        max_age_secs: u32,
        /// Digits after the token's point.
        token_decimals: u8,
        /// Digits after the answer's point.
        feed_decimals: u8,
    },
    /// What tells whether an L2's sequencer is up.
    SequencerFeed {
        /// Zero where a chain has none.
        aggregator: Address,
        /// Seconds after an outage in which no price is used.
        grace_period_secs: u32,
    },
}

pub(super) fn gateway_event(event: PaymentGatewayEvents) -> Result<(i64, Event), Fault> {
    use PaymentGatewayEvents as E;
    let (sequence, change) = match event {
        E::FeeUpdated(e) => (e.sequence, GatewayChange::Fee { bps: e.feeBps, receiver: e.feeReceiver }),
        E::TokenAcceptanceUpdated(e) => {
            (e.sequence, GatewayChange::TokenAcceptance { token: e.token, accepted: e.accepted })
        }
        E::FeedUpdated(e) => {
            let feed = GatewayChange::Feed {
                token: e.token,
                aggregator: e.aggregator,
                max_age_secs: e.maxAge,
                token_decimals: e.tokenDecimals,
                feed_decimals: e.feedDecimals,
            };
            (e.sequence, feed)
        }
        E::SequencerFeedUpdated(e) => {
            let feed = GatewayChange::SequencerFeed { aggregator: e.aggregator, grace_period_secs: e.gracePeriod };
            (e.sequence, feed)
        }
    };
    Ok((number(sequence)?, Event::Gateway(change)))
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::{SolEvent, SolEventInterface};
    use billing_bindings::PaymentGateway::{FeeUpdated, FeedUpdated, SequencerFeedUpdated, TokenAcceptanceUpdated};

    use super::*;

    fn read(event: &impl SolEvent) -> (i64, Event) {
        let log = event.encode_log_data();
        let event = PaymentGatewayEvents::decode_raw_log(log.topics(), &log.data).expect("an event of the gateway");
        gateway_event(event).unwrap_or_else(|Fault(reason)| panic!("{reason}"))
    }

    #[test]
    fn every_change_of_prices_is_read() {
        let (token, aggregator) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let fee = read(&FeeUpdated { feeBps: 250, feeReceiver: token, sequence: 1 });
        assert_eq!(fee, (1, Event::Gateway(GatewayChange::Fee { bps: 250, receiver: token })));
        let acceptance = read(&TokenAcceptanceUpdated { token, accepted: true, sequence: 2 });
        assert_eq!(acceptance, (2, Event::Gateway(GatewayChange::TokenAcceptance { token, accepted: true })));
        let feed = FeedUpdated { token, aggregator, maxAge: 3_600, tokenDecimals: 6, feedDecimals: 8, sequence: 3 };
        let change =
            GatewayChange::Feed { token, aggregator, max_age_secs: 3_600, token_decimals: 6, feed_decimals: 8 };
        assert_eq!(read(&feed), (3, Event::Gateway(change)));
        let sequencer = read(&SequencerFeedUpdated { aggregator, gracePeriod: 60, sequence: 4 });
        assert_eq!(sequencer, (4, Event::Gateway(GatewayChange::SequencerFeed { aggregator, grace_period_secs: 60 })));
    }
}
