// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlanLib} from "../libraries/PlanLib.sol";
import {ProrationLib} from "../libraries/ProrationLib.sol";
import {ReadLib} from "../libraries/ReadLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {Activation} from "./Activation.sol";

/// @title Beginnings with terms of their own, pauses and switches
abstract contract Lifecycle is Activation {
    using PlanLib for uint256;
    using SlotLib for Subscription;
    using SlotLib for uint256;

    function _begin(
        bytes32 planHash,
        uint256 planHead,
        uint256 planTail,
        address subscriber,
        uint256 endsAt,
        uint256 terms
    ) internal {
        uint256 word = _loadForStart(planHash, subscriber);
        (uint256 paidUntil, bool inTrial) = _startTerms(word, planHead);

        _activate(Start(planHash, planHead, planTail, subscriber, word, endsAt, terms, paidUntil, inTrial));
    }

    /// @dev The old plan may be closed, inactive or frozen; the new one was found open.
    function _switch(
        bytes32 fromPlan,
        bytes32 toPlan,
        uint256 planHead,
        uint256 planTail,
        address subscriber,
        uint256 endsAt,
        uint256 terms
    ) internal {
        Subscription storage stored = _subscriptions[fromPlan][subscriber];
        uint256 old = stored.load();
        if (old.status() != uint256(Status.Active) || _hasEnded(old)) revert NotActive(fromPlan, subscriber);
        uint256 word = _loadForStart(toPlan, subscriber);
        (uint256 unused, uint256 credited) = _credit(fromPlan, toPlan, planHead, planTail, old);

        uint256 end = old.nextChargeAt();
        if (unused != 0) end = block.timestamp;
        stored.save(old.ended(Status.Cancelled, CancelReason.Switched, end));

        // What is left of a trial is no paid time, and is not kept beside time that is.
        uint256 paidUntil = word.isInTrial() ? 0 : _paidUntil(word);
        if (paidUntil < block.timestamp) paidUntil = block.timestamp;

        // `unused` lies within a stored 40-bit time; `credited` is bounded with the paid time by `_activate`.
        // forge-lint: disable-start(unsafe-typecast)
        emit SubscriptionCancelled(fromPlan, subscriber, CancelReason.Switched, uint40(end), _nextSequence());
        emit SubscriptionSwitched(subscriber, fromPlan, toPlan, uint40(unused), uint40(credited), _nextSequence());
        // forge-lint: disable-end(unsafe-typecast)

        paidUntil += credited;
        _activate(Start(toPlan, planHead, planTail, subscriber, word, endsAt, terms, paidUntil, false));
    }

    /// @dev Seconds of paid time left, and what they are in the new plan.
    function _credit(bytes32 fromPlan, bytes32 toPlan, uint256 planHead, uint256 planTail, uint256 old)
        private
        view
        returns (uint256 unused, uint256 credited)
    {
        (uint256 oldHead, uint256 oldTail) = ReadLib.rawTermSlots(PLANS, fromPlan);
        if (oldHead.merchant() != planHead.merchant() || oldTail.token() != planTail.token()) {
            revert PlansDiffer(fromPlan, toPlan);
        }
        uint256 end = old.nextChargeAt();
        if (end <= block.timestamp) return (0, 0);

        unused = end - block.timestamp;
        if (old.isInTrial()) return (unused, 0);
        credited = ProrationLib.creditedSeconds(
            oldTail.price(), oldHead.period(), planTail.price(), planHead.period(), unused
        );
    }

    function _pause(bytes32 planHash, address subscriber) internal {
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        if (word.status() != uint256(Status.Active)) revert NotActive(planHash, subscriber);

        stored.save(word.paused(block.timestamp));

        emit SubscriptionPaused(planHash, subscriber, uint40(block.timestamp), _nextSequence());
    }

    function _resume(bytes32 planHash, address subscriber) internal {
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        if (word.status() != uint256(Status.Paused)) revert NotPaused(planHash, subscriber);

        uint256 end = _paidUntil(word);
        if (end > type(uint40).max) revert InvalidPaidUntil(end);
        stored.save(word.resumed(end));

        // forge-lint: disable-next-line(unsafe-typecast)
        emit SubscriptionResumed(planHash, subscriber, uint40(end), _nextSequence());
    }
}
