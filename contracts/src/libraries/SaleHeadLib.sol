// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The slot that every sale writes, as a word
///
/// @notice `checkedAt << 224 | feeBps << 208 | feeReceiver << 48 | eventCount` (32, 16, 160, 48 bits): events emitted so
///         far, the gateway's fee as last asked for, and when that was, in unix seconds. The count does not reach 2**48.
library SaleHeadLib {
    // Each cast takes one field out of the word.
    // forge-lint: disable-start(unsafe-typecast)

    function eventCount(uint256 word) internal pure returns (uint64) {
        return uint48(word);
    }

    function feeReceiver(uint256 word) internal pure returns (address) {
        return address(uint160(word >> 48));
    }

    function feeBps(uint256 word) internal pure returns (uint256) {
        return uint16(word >> 208);
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @notice Whether the fee was asked for less than `age` seconds before `time`.
    function isFresh(uint256 word, uint256 time, uint256 age) internal pure returns (bool) {
        unchecked {
            return time - (word >> 224) < age;
        }
    }

    /// @notice One more event.
    function next(uint256 word) internal pure returns (uint256) {
        unchecked {
            return word + 1;
        }
    }

    function withFee(uint256 word, uint256 bps, address receiver, uint256 time) internal pure returns (uint256) {
        return time << 224 | bps << 208 | uint256(uint160(receiver)) << 48 | eventCount(word);
    }
}
