// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Fee arithmetic
library FeeLib {
    uint256 internal constant MAX_BPS = 10_000;

    /// @notice `amount * bps / 10,000`, rounded down: what a division leaves over stays with the merchant.
    function mulBpsDown(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return amount * bps / MAX_BPS;
    }
}
