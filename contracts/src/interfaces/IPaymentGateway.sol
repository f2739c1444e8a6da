// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a payment is split into
///
/// @notice Prices a payment by its processors: token filter, oracle, discount, fee. Never holds an approval and never moves
///         a payer's money. The module that the payer approved does, so nobody who governs this contract can reach an
///         allowance.
///
/// @dev Rounding: a discount down, a fee down, a conversion up. Parts sum to the whole: the merchant's part is `gross - fee`.
interface IPaymentGateway {
    /// @param gross What the payer pays, smallest unit of the payment token; after the discount.
    /// @param fee Platform's part of `gross`, rounded down; `gross - fee` is the merchant's.
    /// @param feeReceiver Where `fee` goes; zero exactly when `fee` is zero.
    /// @param discount What was taken off before `gross`, in the payment token.
    struct Quote {
        uint256 gross;
        uint256 fee;
        address feeReceiver;
        uint256 discount;
    }

    /// @param token What the price is in; zero for native coin.
    /// @param paymentToken What is paid in; another one than `token` only where both have a feed and it is accepted.
    /// @param amount Price, smallest unit of `token`.
    /// @param discountBps Discount that the merchant signed, in 1/10,000.
    /// @param maxFeeBps Highest fee that the merchant signed, in 1/10,000.
    struct Payment {
        address token;
        address paymentToken;
        uint256 amount;
        uint16 discountBps;
        uint16 maxFeeBps;
    }

    /// @notice Price of a token in a common unit, from a Chainlink aggregator.
    ///
    /// @param aggregator AggregatorV3Interface; zero for none.
    /// @param maxAge Seconds for which an answer holds; at least 1.
    /// @param tokenDecimals As the token says, 18 for native coin.
    /// @param feedDecimals As the aggregator says.
    struct Feed {
        address aggregator;
        uint32 maxAge;
        uint8 tokenDecimals;
        uint8 feedDecimals;
    }

    event FeeUpdated(uint16 feeBps, address indexed feeReceiver, uint64 sequence);
    event TokenAcceptanceUpdated(address indexed token, bool accepted, uint64 sequence);
    event FeedUpdated(
        address indexed token,
        address indexed aggregator,
        uint32 maxAge,
        uint8 tokenDecimals,
        uint8 feedDecimals,
        uint64 sequence
    );
    event SequencerFeedUpdated(address indexed aggregator, uint32 gracePeriod, uint64 sequence);

    error InvalidDiscount(uint16 discountBps);
    error InvalidFee(uint16 feeBps);
    error InvalidFeed(address aggregator);
    error InvalidFeeReceiver(address feeReceiver);
    error InvalidPrice(address token, int256 answer);
    error NoChange();
    error NoFeed(address token);
    error SequencerDown();
    error StalePrice(address token, uint256 updatedAt);
    error TokenNotAccepted(address token);
    error Unauthorized(address caller);

    /// @notice Platform's part of `amount`, rounded down, at the lower of the configured rate and `maxFeeBps`, which the
    ///         merchant signed; and whose it is, zero exactly when the fee is zero. What a charge in the plan's own token asks.
    function feeAmount(uint256 amount, uint16 maxFeeBps) external view returns (uint256 fee, address feeReceiver);

    /// @notice Prices a payment through all processors; reverts where it cannot be known.
    function quotePayment(Payment calldata payment) external view returns (Quote memory);

    /// @notice Governor sets the fee; at most `MAX_FEE_BPS`.
    function setFee(uint16 feeBps, address feeReceiver) external;
    /// @notice Governor accepts `token` (zero: native coin) in the place of another, or no more.
    function setTokenAccepted(address token, bool accepted) external;
    /// @notice Governor sets where the price of `token` (zero: native coin) comes from; aggregator zero for nowhere. Reads
    ///         the decimals of token and aggregator.
    function setFeed(address token, address aggregator, uint32 maxAge) external;
    /// @notice Governor sets an L2's sequencer uptime feed; no price is used while it is down or was until `gracePeriod`
    ///         seconds ago. Zero where a chain has none. https://docs.chain.link/data-feeds/l2-sequencer-feeds
    function setSequencerFeed(address aggregator, uint32 gracePeriod) external;

    function feeBps() external view returns (uint16);
    function feeReceiver() external view returns (address);
    function MAX_FEE_BPS() external view returns (uint16);
    function isTokenAccepted(address token) external view returns (bool);
    function feedOf(address token) external view returns (Feed memory);
    function sequencerFeed() external view returns (address aggregator, uint32 gracePeriod);
    function eventCount() external view returns (uint64);
}
