// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {HeadLib} from "../libraries/HeadLib.sol";
import {PlanLib} from "../libraries/PlanLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {Collection} from "./Collection.sol";

/// @title How a subscription begins
abstract contract Activation is Collection {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using SlotLib for Subscription;
    using SlotLib for uint256;

    /// @param word Subscription as it was.
    /// @param endsAt The subscriber's limit in time, unix seconds; zero for none.
    /// @param terms See SlotLib; zero for none.
    /// @param paidUntil Time already paid for, unix seconds; where it is not after now, the first period is charged.
    /// @param inTrial Whether that time is a trial's.
    struct Start {
        bytes32 planHash;
        uint256 planHead;
        uint256 planTail;
        address subscriber;
        uint256 word;
        uint256 endsAt;
        uint256 terms;
        uint256 paidUntil;
        bool inTrial;
    }

    function _loadForStart(bytes32 planHash, address subscriber) internal view returns (uint256 word) {
        word = _subscriptions[planHash][subscriber].load();
        if (word != 0 && _isLive(word) && !_hasEnded(word)) revert AlreadySubscribed(planHash, subscriber);
    }

    /// @dev A trial for whoever never had one; otherwise the time paid before is kept.
    function _startTerms(uint256 word, uint256 planHead) internal view returns (uint256 paidUntil, bool inTrial) {
        if (word == 0) {
            uint256 trial = planHead.trial();
            return trial == 0 ? (0, false) : (block.timestamp + trial, true);
        }
        return (_paidUntil(word), word.isInTrial());
    }

    function _activate(Start memory start) internal {
        uint256 end = start.paidUntil;
        uint256 word = start.word;
        bool free = block.timestamp < end;
        if (free) {
            if (end > type(uint40).max) revert InvalidPaidUntil(end);
            word = start.inTrial ? word.trialUntil(end) : word.paidUntil(end);
        } else {
            // A time of 40 bits and a period of 32.
            unchecked {
                end = block.timestamp + start.planHead.period();
            }
            word = word.charged(end);
        }
        _subscriptions[start.planHash][start.subscriber].save(word.activated(start.endsAt, start.terms));
        // Where it is paid in another token, that call may number an event of its own.
        uint256 head = _head.next();
        if (free || start.terms.isBounded()) _head = head;

        // `end` fits 40 bits by the check above, or until the year 36,812; the times before it do as well.
        // forge-lint: disable-start(unsafe-typecast)
        emit SubscriptionActivated(
            start.planHash,
            start.subscriber,
            start.planHead.merchant(),
            uint40(block.timestamp),
            uint40(end),
            uint40(start.endsAt),
            head.eventCount()
        );
        // forge-lint: disable-end(unsafe-typecast)
        if (!free) _chargeFirst(start, end, head);
    }

    function _chargeFirst(Start memory start, uint256 end, uint256 head) private {
        Bill memory bill = Bill(start.planHash, start.planHead, start.planTail, 0, address(0), false, 0);
        bool bounded = start.terms.isBounded();
        if (bounded) {
            _collectBounded(bill, start.subscriber);
            head = _head;
        } else {
            (bill.fee, bill.feeReceiver) = _feeOf(start.planHead, start.planTail);
        }
        head = head.next();
        _head = head;
        _emitCharged(bill, start.subscriber, block.timestamp, end, head.eventCount());

        if (bounded) return;
        if (start.planTail.token() == address(0)) {
            uint256 balance = _depositOf[start.subscriber];
            if (balance < start.planTail.price()) revert InsufficientDeposit(start.planTail.price(), balance);
        }
        _collect(bill, start.subscriber, start.terms.rail());
    }
}
