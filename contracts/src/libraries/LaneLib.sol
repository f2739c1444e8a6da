// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Eight counters of 32 bits in a word
///
/// @notice The lowest three bits of a salt say which. A counter at its highest number stands for a revoked listing.
library LaneLib {
    uint256 internal constant REVOKED = type(uint32).max;

    function lane(uint256 word, uint256 salt) internal pure returns (uint256) {
        // The cast takes one field out of the word.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(word >> _shift(salt));
    }

    /// @param value At most `REVOKED`, and not below what the counter has.
    function withLane(uint256 word, uint256 salt, uint256 value) internal pure returns (uint256) {
        uint256 shift = _shift(salt);
        return word & ~(REVOKED << shift) | value << shift;
    }

    function _shift(uint256 salt) private pure returns (uint256) {
        return (salt & 7) << 5;
    }
}
