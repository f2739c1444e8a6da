// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";

/// @title As many events as are asked for, for measurements
///
/// @dev Its code is put where SubscriptionManager stands, over that one's storage, and numbers its events on.
contract LogGenerator {
    /// @dev The low bits of SubscriptionManager's first slot.
    uint64 private _eventCount;

    function eventCount() external view returns (uint64) {
        return _eventCount;
    }

    /// @notice Emits events that concern neither a subscription nor a plan nor a deposit.
    function emitCredits(uint64 count) external {
        uint64 before = _eventCount;
        for (uint64 i = 1; i <= count; ++i) {
            emit ISubscriptionTypes.CreditIncreased(msg.sender, 1, before + i, before + i);
        }
        _eventCount = before + count;
    }
}
