// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The slot that every verb of SubscriptionManager writes, as a word
///
/// @notice `checkedAt << 224 | automation << 64 | eventCount` (32, 160, 64 bits): events emitted so far, the account last
///         found to be automation, and when that was, in unix seconds. The count does not reach 2**64.
library HeadLib {
    // Each cast takes one field out of the word.
    // forge-lint: disable-start(unsafe-typecast)

    function eventCount(uint256 word) internal pure returns (uint64) {
        return uint64(word);
    }

    function automation(uint256 word) internal pure returns (address) {
        return address(uint160(word >> 64));
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @notice Whether the automation account was looked up less than `age` seconds before `time`.
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

    function withAutomation(uint256 word, address account, uint256 time) internal pure returns (uint256) {
        return time << 224 | uint256(uint160(account)) << 64 | eventCount(word);
    }
}
