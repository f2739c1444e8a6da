// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Anchored schedule
///
/// @notice Due times are `anchor + k * period`; they are found by division from the last one, never by adding to the time
///         of a charge, so a late charge moves nothing.
library PeriodLib {
    /// @notice The period `[start, end)` of the schedule through `nextChargeAt` that contains `time`.
    ///
    /// @dev Requires `time >= nextChargeAt`, `period > 0` and all below 2**64, in unix seconds. A period of zero reverts.
    function periodAt(uint256 nextChargeAt, uint256 period, uint256 time)
        internal
        pure
        returns (uint256 start, uint256 end)
    {
        unchecked {
            start = time - (time - nextChargeAt) % period;
            end = start + period;
        }
    }
}
