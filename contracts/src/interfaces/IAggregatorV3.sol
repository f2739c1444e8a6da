// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What is read of a Chainlink price feed or L2 sequencer uptime feed
///
/// @notice https://docs.chain.link/data-feeds/api-reference
interface IAggregatorV3 {
    /// @notice Decimals of `answer`.
    function decimals() external view returns (uint8);

    /// @return roundId Not used.
    /// @return answer Price in the feed's decimals; of a sequencer feed, 0 for up and 1 for down.
    /// @return startedAt Unix seconds at which the round began; of a sequencer feed, at which `answer` became what it is.
    /// @return updatedAt Unix seconds at which the answer was computed; zero while there is none.
    /// @return answeredInRound Deprecated.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
