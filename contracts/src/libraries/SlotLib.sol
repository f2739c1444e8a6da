// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISubscriptionManager} from "../interfaces/ISubscriptionManager.sol";

/// @title One-slot structs, read and written at once
///
/// @notice The compiler reads and writes a packed struct field by field: 100 gas for each field after the first, which a
///         batch pays for every member. The shifts follow the order of the fields in their declaration; the tests compare
///         both with what the compiler does.
library SlotLib {
    function load(ISubscriptionManager.Subscription storage stored)
        internal
        view
        returns (ISubscriptionManager.Subscription memory subscription)
    {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(stored.slot)
        }
        // Each cast takes its own field out of the word.
        // forge-lint: disable-start(unsafe-typecast)
        subscription.nextChargeAt = uint40(word);
        subscription.retryAt = uint40(word >> 40);
        subscription.endsAt = uint40(word >> 80);
        subscription.pausedAt = uint40(word >> 120);
        subscription.chargeCount = uint32(word >> 160);
        subscription.retries = uint8(word >> 192);
        subscription.status = ISubscriptionManager.Status(uint8(word >> 200));
        subscription.cancelReason = ISubscriptionManager.CancelReason(uint8(word >> 208));
        subscription.bounded = uint8(word >> 216) != 0;
        // forge-lint: disable-end(unsafe-typecast)
    }

    function save(
        ISubscriptionManager.Subscription storage stored,
        ISubscriptionManager.Subscription memory subscription
    ) internal {
        uint256 word = uint256(subscription.nextChargeAt) | uint256(subscription.retryAt) << 40
            | uint256(subscription.endsAt) << 80 | uint256(subscription.pausedAt) << 120
            | uint256(subscription.chargeCount) << 160 | uint256(subscription.retries) << 192
            | uint256(uint8(subscription.status)) << 200 | uint256(uint8(subscription.cancelReason)) << 208;
        if (subscription.bounded) word |= 1 << 216;
        assembly ("memory-safe") {
            sstore(stored.slot, word)
        }
    }
}
