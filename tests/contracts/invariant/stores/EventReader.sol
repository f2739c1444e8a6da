// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";

/// @dev What happened to one subscription in one action, by the events.
///
/// @param reason Number of the `CancelReason`.
/// @param start Start of the period that was paid, unix seconds; `end` its end.
/// @param from Index of the subscription switched from; `unused` and `credited` the seconds announced.
struct Touch {
    uint256 flags;
    uint256 reason;
    uint256 start;
    uint256 end;
    uint256 from;
    uint256 unused;
    uint256 credited;
}

uint256 constant CHARGED = 1;
uint256 constant ACTIVATED = 2;
uint256 constant MANUAL = 4;
uint256 constant CANCELLED = 8;
uint256 constant SWITCHED_TO = 16;
uint256 constant PAUSED = 32;
uint256 constant RESUMED = 64;
uint256 constant RETRIED = 128;
uint256 constant FAILED = 256;

/// @dev Reads events by their encoding, as an indexer does.
library EventReader {
    /// @dev The last word of the data, but of a charge, where it heads the receipt.
    function sequenceOf(Vm.Log memory log) internal pure returns (uint256 word) {
        bytes memory data = log.data;
        if (log.topics[0] == ISubscriptionTypes.SubscriptionCharged.selector) {
            (word,,) = abi.decode(data, (uint256, uint256, address));
            return word >> 192;
        }
        assembly ("memory-safe") {
            word := mload(add(data, mload(data)))
        }
    }

    /// @dev As `sequenceOf`; where there is a text, it is behind the sequence.
    function sequenceOfPlanEvent(Vm.Log memory log) internal pure returns (uint256 sequence) {
        if (log.topics[0] == IPlanManager.PlanCreated.selector) {
            (,,,,, sequence,) = abi.decode(log.data, (address, uint96, uint32, uint32, uint16, uint64, string));
        } else if (log.topics[0] == IPlanManager.PlanUriUpdated.selector) {
            (, sequence) = abi.decode(log.data, (string, uint64));
        } else {
            sequence = sequenceOf(log);
        }
    }

    /// @dev Zero for events that change no subscription.
    function flagOf(bytes32 kind) internal pure returns (uint256) {
        if (kind == ISubscriptionTypes.SubscriptionCharged.selector) return CHARGED;
        if (kind == ISubscriptionTypes.SubscriptionActivated.selector) return ACTIVATED;
        if (kind == ISubscriptionTypes.ManualActivation.selector) return MANUAL;
        if (kind == ISubscriptionTypes.SubscriptionCancelled.selector) return CANCELLED;
        if (kind == ISubscriptionTypes.SubscriptionPaused.selector) return PAUSED;
        if (kind == ISubscriptionTypes.SubscriptionResumed.selector) return RESUMED;
        if (kind == ISubscriptionTypes.SubscriptionRetryScheduled.selector) return RETRIED;
        if (kind == ISubscriptionTypes.SubscriptionFailedFinal.selector) return FAILED;
        return 0;
    }

    /// @dev Events of a plan's batch that was undone are recorded as well; `BatchFailed` took the number of the first.
    function dropUndone(Vm.Log[] memory logs, address manager) internal pure {
        uint256 next = type(uint256).max;
        for (uint256 i = logs.length; i > 0; --i) {
            Vm.Log memory log = logs[i - 1];
            if (log.emitter != manager) continue;
            uint256 sequence = sequenceOf(log);
            if (sequence >= next) log.emitter = address(0);
            else if (log.topics[0] == ISubscriptionTypes.BatchFailed.selector) next = sequence;
        }
    }
}
