// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {GatewayState} from "./GatewayState.sol";

/// @title OracleProcessor
/// @notice Rate between two tokens, from one Chainlink feed for each in a common unit.
abstract contract OracleProcessor is GatewayState {
    struct SequencerFeed {
        address aggregator;
        uint32 gracePeriod;
    }

    /// @dev Highest of token and feed; the powers of ten of a rate then stay below 2**200.
    uint8 private constant MAX_DECIMALS = 30;
    uint8 private constant NATIVE_DECIMALS = 18;

    mapping(address token => Feed) private _feeds;
    /// @inheritdoc IPaymentGateway
    SequencerFeed public sequencerFeed;

    /// @inheritdoc IPaymentGateway
    function setFeed(address token, address aggregator, uint32 maxAge) external {
        _requireGovernor();
        Feed memory feed;
        if (aggregator != address(0)) feed = _describeFeed(token, aggregator, maxAge);
        if (keccak256(abi.encode(feed)) == keccak256(abi.encode(_feeds[token]))) revert NoChange();

        _feeds[token] = feed;

        emit FeedUpdated(token, aggregator, feed.maxAge, feed.tokenDecimals, feed.feedDecimals, _nextSequence());
    }

    /// @inheritdoc IPaymentGateway
    function setSequencerFeed(address aggregator, uint32 gracePeriod) external {
        _requireGovernor();
        if (aggregator == address(0)) gracePeriod = 0;
        else if (aggregator.code.length == 0) revert InvalidFeed(aggregator);
        if (aggregator == sequencerFeed.aggregator && gracePeriod == sequencerFeed.gracePeriod) revert NoChange();

        sequencerFeed = SequencerFeed({aggregator: aggregator, gracePeriod: gracePeriod});

        emit SequencerFeedUpdated(aggregator, gracePeriod, _nextSequence());
    }

    /// @inheritdoc IPaymentGateway
    function feedOf(address token) external view returns (Feed memory) {
        return _feeds[token];
    }

    /// @notice `numerator / denominator` smallest units of `tokenOut` are worth one of `tokenIn`; neither is zero.
    ///
    /// @dev Only the difference of the powers of ten enters, on one side, so that neither overflows before it must; where
    ///      it does, this reverts.
    function _rate(address tokenIn, address tokenOut) internal view returns (uint256 numerator, uint256 denominator) {
        _requireSequencer();

        uint256 scaleIn;
        uint256 scaleOut;
        (numerator, scaleIn) = _price(tokenIn);
        (denominator, scaleOut) = _price(tokenOut);
        if (scaleOut > scaleIn) numerator *= 10 ** (scaleOut - scaleIn);
        else denominator *= 10 ** (scaleIn - scaleOut);
    }

    /// @dev `answer / 10**scale` is the price of one smallest unit of `token`.
    function _price(address token) private view returns (uint256 price, uint256 scale) {
        Feed memory feed = _feeds[token];
        if (feed.aggregator == address(0)) revert NoFeed(token);

        (, int256 answer,, uint256 updatedAt,) = IAggregatorV3(feed.aggregator).latestRoundData();
        if (answer <= 0) revert InvalidPrice(token, answer);
        if (updatedAt == 0 || updatedAt > block.timestamp || block.timestamp - updatedAt > feed.maxAge) {
            revert StalePrice(token, updatedAt);
        }

        // Positive, so the cast keeps it.
        // forge-lint: disable-next-line(unsafe-typecast)
        price = uint256(answer);
        scale = uint256(feed.tokenDecimals) + feed.feedDecimals;
    }

    function _requireSequencer() private view {
        SequencerFeed memory feed = sequencerFeed;
        if (feed.aggregator == address(0)) return;

        (, int256 answer, uint256 startedAt,,) = IAggregatorV3(feed.aggregator).latestRoundData();
        // `startedAt` is zero on Arbitrum until the feed is initialised.
        if (
            answer != 0 || startedAt == 0 || startedAt > block.timestamp
                || block.timestamp - startedAt <= feed.gracePeriod
        ) revert SequencerDown();
    }

    function _describeFeed(address token, address aggregator, uint32 maxAge) private view returns (Feed memory feed) {
        if (aggregator.code.length == 0 || maxAge == 0) revert InvalidFeed(aggregator);

        feed = Feed({
            aggregator: aggregator,
            maxAge: maxAge,
            tokenDecimals: token == address(0) ? NATIVE_DECIMALS : IERC20Metadata(token).decimals(),
            feedDecimals: IAggregatorV3(aggregator).decimals()
        });
        if (feed.tokenDecimals > MAX_DECIMALS || feed.feedDecimals > MAX_DECIMALS) revert InvalidFeed(aggregator);
    }
}
