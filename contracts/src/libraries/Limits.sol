// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Fixed bounds of SubscriptionManager and its extension; ISubscriptionExtension says what they mean
library Limits {
    uint40 internal constant PUBLIC_DELAY = 1 days;
    uint40 internal constant RETRY_DELAY = 1 days;
    uint8 internal constant MAX_RETRIES = 3;
    uint256 internal constant TRANSFER_GAS = 200_000;
    /// @dev Gas for a price from the gateway: two feeds behind proxies take a third of it.
    uint256 internal constant QUOTE_GAS = 300_000;
    /// @dev Seconds for which an account once found to be automation is not asked for again.
    uint256 internal constant AUTOMATION_CACHE = 1 hours;
}
