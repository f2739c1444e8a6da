// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {PeriodLib} from "../../../../contracts/src/libraries/PeriodLib.sol";
import {SlotLib} from "../../../../contracts/src/libraries/SlotLib.sol";

/// @dev The words of SlotLib against the compiler's own packing.
contract SlotLibTest is Test {
    using SlotLib for ISubscriptionTypes.Subscription;
    using SlotLib for uint256;

    ISubscriptionTypes.Subscription private stored;

    function testFuzz_charged_setsWhatAChargeSets(uint256 seed, uint40 end) external {
        ISubscriptionTypes.Subscription memory before = _any(seed);
        before.chargeCount = uint32(bound(before.chargeCount, 0, type(uint32).max - 1));
        stored = before;
        stored.save(stored.load().charged(end));

        before.nextChargeAt = end;
        before.retryAt = 0;
        before.retries = 0;
        before.inTrial = false;
        ++before.chargeCount;
        _assertStored(before);
    }

    function testFuzz_retrying_setsWhatAFailureSets(uint256 seed, uint40 time, uint8 count) external {
        ISubscriptionTypes.Subscription memory before = _any(seed);
        stored = before;
        stored.save(stored.load().retrying(time, count));

        before.retryAt = time;
        before.retries = count;
        _assertStored(before);
    }

    function testFuzz_ended_setsThePaidTime(uint256 seed, uint40 end) external {
        ISubscriptionTypes.Subscription memory before = _any(seed);
        stored = before;
        stored.save(
            stored.load().ended(ISubscriptionTypes.Status.Cancelled, ISubscriptionTypes.CancelReason.Operator, end)
        );

        before.nextChargeAt = end;
        before.status = ISubscriptionTypes.Status.Cancelled;
        before.cancelReason = ISubscriptionTypes.CancelReason.Operator;
        before.retryAt = 0;
        before.retries = 0;
        before.pausedAt = 0;
        _assertStored(before);
    }

    function testFuzz_activated_keepsPaidTimeCountAndTrialOnly(uint256 seed, uint40 endsAt, bool bounded, uint16 limit)
        external
    {
        ISubscriptionTypes.Subscription memory before = _any(seed);
        stored = before;
        ISubscriptionTypes.Rail rail = ISubscriptionTypes.Rail(seed % 2);
        stored.save(stored.load().activated(endsAt, SlotLib.terms(bounded, rail, limit)));

        ISubscriptionTypes.Subscription memory expected;
        expected.nextChargeAt = before.nextChargeAt;
        expected.chargeCount = before.chargeCount;
        expected.inTrial = before.inTrial;
        expected.endsAt = endsAt;
        expected.status = ISubscriptionTypes.Status.Active;
        expected.bounded = bounded;
        expected.rail = rail;
        expected.chargeLimit = limit;
        _assertStored(expected);
    }

    function testFuzz_pausedAndResumed_touchStatusAndTimes(uint256 seed, uint40 pausedAt, uint40 end) external {
        ISubscriptionTypes.Subscription memory expected = _any(seed);
        stored = expected;

        stored.save(stored.load().paused(pausedAt));
        expected.status = ISubscriptionTypes.Status.Paused;
        expected.cancelReason = ISubscriptionTypes.CancelReason.None;
        expected.pausedAt = pausedAt;
        _assertStored(expected);

        stored.save(stored.load().resumed(end));
        expected.status = ISubscriptionTypes.Status.Active;
        expected.pausedAt = 0;
        expected.nextChargeAt = end;
        _assertStored(expected);
    }

    function testFuzz_trialUntil_isPaidUntilInTrial(uint256 seed, uint40 end) external {
        ISubscriptionTypes.Subscription memory expected = _any(seed);
        stored = expected;
        stored.save(stored.load().trialUntil(end));

        expected.nextChargeAt = end;
        expected.retryAt = 0;
        expected.retries = 0;
        expected.inTrial = true;
        _assertStored(expected);
        assertEq(stored.load().paidUntil(end).isInTrial(), false, "paid");
    }

    function testFuzz_fields_areTheCompilers(uint256 seed) external {
        ISubscriptionTypes.Subscription memory before = _any(seed);
        stored = before;
        uint256 word = stored.load();

        assertEq(word.nextChargeAt(), before.nextChargeAt, "nextChargeAt");
        assertEq(word.retryAt(), before.retryAt, "retryAt");
        assertEq(word.endsAt(), before.endsAt, "endsAt");
        assertEq(word.retries(), before.retries, "retries");
        assertEq(word.status(), uint8(before.status), "status");
        assertEq(word.pausedAt(), before.pausedAt, "pausedAt");
        assertEq(word.chargeCount(), before.chargeCount, "chargeCount");
        assertEq(word.chargeLimit(), before.chargeLimit, "chargeLimit");
        assertEq(word.rail(), uint8(before.rail), "rail");
        assertEq(word.isBounded(), before.bounded, "bounded");
        assertEq(word.isInTrial(), before.inTrial, "inTrial");
        bool plain = !before.bounded && before.rail == ISubscriptionTypes.Rail.Allowance && before.chargeLimit == 0;
        assertEq(word.isPlain(), plain, "plain");
    }

    function testFuzz_periodAt_containsTheTimeAndStaysOnTheAnchor(uint40 next, uint32 period, uint40 late)
        external
        pure
    {
        period = uint32(bound(period, 1 hours, type(uint32).max));
        uint256 time = uint256(next) + late;
        (uint256 start, uint256 end) = PeriodLib.periodAt(next, period, time);

        assertLe(start, time, "begun");
        assertGt(end, time, "not over");
        assertEq(end - start, period, "one period");
        assertGe(start, next, "not before the due time");
        assertEq((start - next) % period, 0, "on the anchor");
    }

    function _any(uint256 seed) private pure returns (ISubscriptionTypes.Subscription memory) {
        uint256 entropy = uint256(keccak256(abi.encode(seed)));
        return ISubscriptionTypes.Subscription({
            nextChargeAt: uint40(entropy),
            retryAt: uint40(entropy >> 40),
            endsAt: uint40(entropy >> 80),
            pausedAt: uint40(entropy >> 120),
            chargeCount: uint32(entropy >> 160),
            retries: uint8(entropy >> 192),
            status: ISubscriptionTypes.Status((entropy >> 200) % 5),
            cancelReason: ISubscriptionTypes.CancelReason((entropy >> 208) % 5),
            bounded: (entropy >> 216) % 2 == 1,
            rail: ISubscriptionTypes.Rail((entropy >> 224) % 2),
            chargeLimit: uint16(entropy >> 232),
            inTrial: (entropy >> 248) % 2 == 1
        });
    }

    function _assertStored(ISubscriptionTypes.Subscription memory expected) private view {
        ISubscriptionTypes.Subscription memory actual = stored;
        assertEq(keccak256(abi.encode(actual)), keccak256(abi.encode(expected)), "stored");
    }
}
