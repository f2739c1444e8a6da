// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISubscriptionTypes} from "../interfaces/ISubscriptionTypes.sol";

/// @title A subscription as the word it is stored in
///
/// @notice The compiler writes a packed struct field by field and copies it to memory field by field; a batch pays both
///         for every member. The charge path works on the word instead. The shifts follow the order of the fields of
///         `Subscription`; the tests compare them with the compiler's own reading of the slot.
library SlotLib {
    uint256 private constant RETRY_AT = 40;
    uint256 private constant ENDS_AT = 80;
    uint256 private constant PAUSED_AT = 120;
    uint256 private constant ONE_CHARGE = 2 ** 160;
    uint256 private constant RETRIES = 192;
    uint256 private constant STATUS = 200;
    uint256 private constant CANCEL_REASON = 208;

    /// @dev `nextChargeAt`, `retryAt` and `retries`: what a charge sets anew.
    uint256 private constant CHARGE_MASK = type(uint80).max | uint256(type(uint8).max) << RETRIES;
    uint256 private constant RETRY_MASK = uint256(type(uint40).max) << RETRY_AT | uint256(type(uint8).max) << RETRIES;
    uint256 private constant PAUSED_MASK = uint256(type(uint40).max) << PAUSED_AT;
    uint256 private constant STATUS_MASK = uint256(type(uint16).max) << STATUS;

    function load(ISubscriptionTypes.Subscription storage stored) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(stored.slot)
        }
    }

    function save(ISubscriptionTypes.Subscription storage stored, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(stored.slot, word)
        }
    }

    // Each cast takes one field out of the word.
    // forge-lint: disable-start(unsafe-typecast)

    function nextChargeAt(uint256 word) internal pure returns (uint256) {
        return uint40(word);
    }

    function retryAt(uint256 word) internal pure returns (uint256) {
        return uint40(word >> RETRY_AT);
    }

    function endsAt(uint256 word) internal pure returns (uint256) {
        return uint40(word >> ENDS_AT);
    }

    function retries(uint256 word) internal pure returns (uint256) {
        return uint8(word >> RETRIES);
    }

    /// @notice Number of the `Status`.
    function status(uint256 word) internal pure returns (uint256) {
        return uint8(word >> STATUS);
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @notice Paid up to `time`; earlier failures are forgotten.
    function paidUntil(uint256 word, uint256 time) internal pure returns (uint256) {
        return word & ~CHARGE_MASK | time;
    }

    /// @notice One more period paid, up to `end`.
    ///
    /// @dev A count of 2**32 periods of an hour at least is out of reach.
    function charged(uint256 word, uint256 end) internal pure returns (uint256) {
        unchecked {
            return paidUntil(word, end) + ONE_CHARGE;
        }
    }

    /// @notice The last try failed, the next one is due at `time`.
    function retrying(uint256 word, uint256 time, uint256 count) internal pure returns (uint256) {
        return word & ~RETRY_MASK | time << RETRY_AT | count << RETRIES;
    }

    function activated(uint256 word) internal pure returns (uint256) {
        return word & ~STATUS_MASK | uint256(ISubscriptionTypes.Status.Active) << STATUS;
    }

    /// @notice Over, as `newStatus` for `reason`; the paid time stays.
    function ended(uint256 word, ISubscriptionTypes.Status newStatus, ISubscriptionTypes.CancelReason reason)
        internal
        pure
        returns (uint256)
    {
        return word & ~(RETRY_MASK | PAUSED_MASK | STATUS_MASK) | uint256(newStatus) << STATUS | uint256(reason)
            << CANCEL_REASON;
    }
}
