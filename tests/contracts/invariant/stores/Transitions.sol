// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SlotLib} from "../../../../contracts/src/libraries/SlotLib.sol";
import {
    ACTIVATED,
    CANCELLED,
    CHARGED,
    FAILED,
    MANUAL,
    PAUSED,
    RESUMED,
    RETRIED,
    SWITCHED_TO,
    Touch
} from "./EventReader.sol";
import {Ledger} from "./Ledger.sol";
import {World} from "./World.sol";

/// @dev How a subscription may change from one action to the next.
abstract contract Transitions is Ledger {
    using SlotLib for uint256;

    /// @dev What a subscriber agreed to, as the handlers know it.
    ///
    /// @param chargesLeft Highest number for no limit.
    /// @param endsAt Unix second from which nothing is charged; zero for no limit.
    struct Consent {
        bool given;
        address token;
        ISubscriptionTypes.Rail rail;
        uint96 maxAmount;
        uint256 chargesLeft;
        uint256 endsAt;
    }

    uint256 private constant PUBLIC_DELAY = 1 days;

    address public actor;
    uint256 public epoch;
    mapping(uint256 index => Consent) public consents;
    /// @dev Number of outcomes seen, by name.
    mapping(bytes32 outcome => uint256) public seen;

    /// @dev Each subscription as the last action left it.
    uint256[] internal _words;
    /// @dev Action in which the subscriber wanted a change.
    mapping(uint256 index => uint256) private _willingAt;
    mapping(uint256 index => bool) private _hadTrial;

    constructor(Services memory services_) World(services_) {}

    /// @dev The subscriber wants, in this action, what happens to this subscription.
    function willing(bytes32 planHash, address payer) public {
        _willingAt[_indexOf(planHash, payer)] = epoch;
    }

    function agree(bytes32 planHash, address payer, Consent calldata consent) external {
        willing(planHash, payer);
        consents[_indexOf(planHash, payer)] = consent;
    }

    function consentOf(bytes32 planHash, address payer) external view returns (Consent memory) {
        return consents[_indexOf(planHash, payer)];
    }

    function count(bytes32 outcome) public {
        ++seen[outcome];
    }

    function _sweep(Touch[] memory touches) internal {
        address manager = address(_services.manager);
        // Switches look at two subscriptions as they were.
        for (uint256 i; i < touches.length; ++i) {
            uint256 word = uint256(vm.load(manager, _slots[i]));
            uint256 was = _words[i];
            if (touches[i].flags != 0) _checkTouched(i, was, word, touches[i]);
            else assertEq(word, was, "changed without an event");
        }
        for (uint256 i; i < touches.length; ++i) {
            if (touches[i].flags != 0) _words[i] = uint256(vm.load(manager, _slots[i]));
        }
    }

    function _checkTouched(uint256 index, uint256 was, uint256 word, Touch memory touch) private {
        _checkWill(index, was, word, touch);
        PlanCopy memory plan = copyOf[planHashes[index / payers.length]];
        uint256 paidBefore = _paidUntil(was);
        uint256 charges = word.chargeCount() - was.chargeCount();
        if (touch.flags & CHARGED != 0) {
            assertEq(charges, 1, "one charge");
            _checkCharge(was, word, paidBefore, plan, touch);
        } else {
            assertEq(charges, 0, "no charge");
            if (touch.flags & ACTIVATED != 0) _checkFreeStart(index, was, word, paidBefore, plan, touch);
            else _checkTimeKept(was, word, paidBefore, touch);
        }
        if (touch.flags & SWITCHED_TO != 0) _checkSwitch(was, word, plan, touch);
        _count(touch);
    }

    /// @dev Nobody begins, pauses, resumes or cancels for a subscriber, but the operator, who cancels.
    function _checkWill(uint256 index, uint256 was, uint256 word, Touch memory touch) private view {
        bool will = _willingAt[index] == epoch;
        if (touch.flags & (ACTIVATED | PAUSED | RESUMED) != 0) assertTrue(will, "the subscriber wanted it");
        if (touch.flags & MANUAL != 0) assertEq(actor, _services.operator, "the operator's act");
        if (touch.flags & CANCELLED != 0) {
            bool byOperator = touch.reason == uint256(ISubscriptionTypes.CancelReason.Operator);
            assertTrue(byOperator ? actor == _services.operator : will, "whose cancellation it was");
        }
        if (touch.flags & ACTIVATED == 0 && was.status() != word.status()) {
            assertTrue(
                was.status() == uint256(ISubscriptionTypes.Status.Active)
                    || was.status() == uint256(ISubscriptionTypes.Status.Paused),
                "what is over stays over"
            );
        }
    }

    function _checkCharge(uint256 was, uint256 word, uint256 paidBefore, PlanCopy memory plan, Touch memory touch)
        private
        view
    {
        assertEq(word.nextChargeAt(), touch.end, "paid to the end of the period");
        assertEq(touch.end - touch.start, plan.period, "one period");
        assertTrue(touch.start <= time && time < touch.end, "the period that is now");
        assertFalse(word.isInTrial(), "paid time is no trial");
        if (touch.flags & ACTIVATED != 0) {
            assertEq(touch.start, time, "from now");
            bool trialGivenUp = was.isInTrial() && touch.flags & SWITCHED_TO != 0;
            assertTrue(time >= paidBefore || trialGivenUp, "no time paid twice");
            return;
        }
        assertEq(was.status(), uint256(ISubscriptionTypes.Status.Active), "was active");
        assertGe(time, was.nextChargeAt(), "was due");
        assertGe(time, was.retryAt(), "not before the retry time");
        assertEq((touch.start - was.nextChargeAt()) % plan.period, 0, "on the anchor");
        if (actor != _services.automation) assertGe(time, was.nextChargeAt() + PUBLIC_DELAY, "not yet public");
    }

    /// @dev Begun without a payment: a first trial, time paid before, time credited by a switch, or paid elsewhere.
    function _checkFreeStart(
        uint256 index,
        uint256 was,
        uint256 word,
        uint256 paidBefore,
        PlanCopy memory plan,
        Touch memory touch
    ) private {
        assertGt(word.nextChargeAt(), time, "time ahead");
        if (touch.flags & SWITCHED_TO != 0) return;

        if (touch.flags & MANUAL != 0) {
            uint256 most = time + plan.period;
            assertLe(word.nextChargeAt(), most > paidBefore ? most : paidBefore, "one period at most");
            if (!was.isInTrial()) assertGe(word.nextChargeAt(), paidBefore, "paid time kept");
        } else if (was.status() == uint256(ISubscriptionTypes.Status.None)) {
            assertFalse(_hadTrial[index], "one trial");
            _hadTrial[index] = true;
            assertTrue(plan.trial != 0 && word.isInTrial(), "a trial");
            assertEq(word.nextChargeAt(), time + plan.trial, "of its length");
            count("trial");
        } else {
            assertEq(word.nextChargeAt(), paidBefore, "the time that was left");
            assertEq(word.isInTrial(), was.isInTrial(), "and what it was");
            count("resubscribed");
        }
    }

    /// @dev Without a payment or a beginning, paid time stays: it only moves with a pause, and is given up in a switch.
    function _checkTimeKept(uint256 was, uint256 word, uint256 paidBefore, Touch memory touch) private view {
        assertEq(word.isInTrial(), was.isInTrial(), "trial or not");
        if (touch.flags & CANCELLED != 0 && touch.reason == uint256(ISubscriptionTypes.CancelReason.Switched)) {
            assertEq(word.nextChargeAt(), paidBefore < time ? paidBefore : time, "given up for the other plan's");
        } else {
            assertEq(_paidUntil(word), paidBefore, "paid time");
        }
    }

    /// @dev Credited time is worth no more than unused time was, and less than a second's worth less.
    function _checkSwitch(uint256 was, uint256 word, PlanCopy memory plan, Touch memory touch) private view {
        uint256 old = _words[touch.from];
        PlanCopy memory left = copyOf[planHashes[touch.from / payers.length]];
        assertEq(left.token, plan.token, "same token");
        assertEq(old.status(), uint256(ISubscriptionTypes.Status.Active), "switched from an active one");
        assertEq(touch.unused, old.nextChargeAt() > time ? old.nextChargeAt() - time : 0, "unused time");
        if (old.isInTrial()) {
            assertEq(touch.credited, 0, "a trial is worth nothing");
        } else {
            uint256 value = touch.unused * left.price * plan.period;
            uint256 rate = uint256(plan.price) * left.period;
            assertLe(touch.credited * rate, value, "no value from nothing");
            assertGt((touch.credited + 1) * rate, value, "rounded by less than a second");
        }
        if (touch.flags & CHARGED != 0) return;
        uint256 kept = was.isInTrial() ? 0 : _paidUntil(was);
        assertEq(word.nextChargeAt(), (kept > time ? kept : time) + touch.credited, "kept and credited time");
        assertFalse(word.isInTrial(), "no trial by a switch");
    }

    function _count(Touch memory touch) private {
        uint256 flags = touch.flags;
        if (flags & CHARGED != 0) {
            if (flags & ACTIVATED != 0) count("first charge");
            else count(actor == _services.automation ? bytes32("automated charge") : bytes32("public charge"));
        }
        if (flags & SWITCHED_TO != 0) count(flags & CHARGED != 0 ? bytes32("charged switch") : bytes32("free switch"));
        if (flags & MANUAL != 0) count("manual");
        if (flags & CANCELLED != 0) count("cancelled");
        if (flags & PAUSED != 0) count("paused");
        if (flags & RESUMED != 0) count("resumed");
        if (flags & RETRIED != 0) count("retried");
        if (flags & FAILED != 0) count("failed");
    }

    /// @dev End of the paid time; of a paused one, as if it were resumed now.
    function _paidUntil(uint256 word) private view returns (uint256 end) {
        end = word.nextChargeAt();
        if (word.status() == uint256(ISubscriptionTypes.Status.Paused) && end > word.pausedAt()) {
            end += time - word.pausedAt();
        }
    }
}
