// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What unused time of one plan is worth in another
library ProrationLib {
    /// @notice Seconds of the new plan for `unused` seconds of the old one at the two plans' rates, rounded down:
    ///         `oldPrice * unused * newPeriod / (oldPeriod * newPrice)`.
    ///
    /// @dev Requires prices below 2**96, periods below 2**32 and `unused` below 2**40, so that no product overflows; a
    ///      divisor of zero reverts.
    function creditedSeconds(uint256 oldPrice, uint256 oldPeriod, uint256 newPrice, uint256 newPeriod, uint256 unused)
        internal
        pure
        returns (uint256)
    {
        return oldPrice * unused * newPeriod / (oldPeriod * newPrice);
    }
}
