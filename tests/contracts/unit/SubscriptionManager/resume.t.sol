// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

contract ResumeTest is SubscriberBase {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
    }

    function testFuzz_resume_movesPaidTimeByThePause(uint256 time, uint256 length) external {
        time = START + bound(time, 0, PERIOD - 1);
        length = bound(length, 0, 50 * uint256(PERIOD));
        vm.warp(time);
        pause(planHash, alice);
        vm.warp(time + length);

        uint256 end = START + PERIOD + length;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionResumed(planHash, alice, uint40(end), 4);
        resume(planHash, alice);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, alice);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Active), "status");
        assertEq(state.pausedAt, 0, "no pause left");
        assertEq(state.nextChargeAt, end, "paid until");
        assertEq(state.nextChargeAt - block.timestamp, START + PERIOD - time, "as much left as before");

        vm.warp(end - 1);
        chargeReverts(planHash, alice, ISubscriptionTypes.Reason.NotDue);
        vm.warp(end);
        charge(planHash, alice);
        assertPaidUntil(planHash, alice, end + PERIOD);
    }

    function testFuzz_resume_leavesOverdueOverdue(uint256 late, uint256 length) external {
        late = bound(late, 0, 5 * uint256(PERIOD));
        length = bound(length, 0, 5 * uint256(PERIOD));
        vm.warp(START + PERIOD + late);
        pause(planHash, alice);
        vm.warp(START + PERIOD + late + length);
        resume(planHash, alice);
        assertPaidUntil(planHash, alice, START + PERIOD);

        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "one period, not all missed ones");
        assertEq((stateOf(planHash, alice).nextChargeAt - START) % PERIOD, 0, "on the anchor");
        assertGt(stateOf(planHash, alice).nextChargeAt, block.timestamp, "paid ahead");
    }

    function test_resume_atTheSecondItIsDue_movesNothing() external {
        vm.warp(START + PERIOD - 1);
        uint256 snapshot = vm.snapshotState();
        pause(planHash, alice);
        vm.warp(START + PERIOD + 100);
        resume(planHash, alice);
        assertPaidUntil(planHash, alice, START + PERIOD + 101);

        vm.revertToState(snapshot);
        vm.warp(START + PERIOD);
        pause(planHash, alice);
        vm.warp(START + PERIOD + 100);
        resume(planHash, alice);
        assertPaidUntil(planHash, alice, START + PERIOD);
    }

    function testFuzz_resume_movesTheTrial(uint256 time, uint256 length) external {
        bytes32 trial = createTrial(7 days);
        subscribe(trial, bob);
        time = START + bound(time, 0, 7 days - 1);
        length = bound(length, 0, 365 days);
        vm.warp(time);
        pause(trial, bob);
        vm.warp(time + length);
        resume(trial, bob);

        assertPaidUntil(trial, bob, START + 7 days + length);
        assertTrue(stateOf(trial, bob).inTrial, "still the trial");
        assertEq(stateOf(trial, bob).chargeCount, 0, "nothing paid");

        vm.warp(START + 7 days + length);
        charge(trial, bob);
        assertFalse(stateOf(trial, bob).inTrial, "over");
    }

    function test_resume_keepsFailures() external {
        vm.prank(alice);
        token.approve(address(manager), 0);
        bytes memory members = abi.encodePacked(alice);
        vm.warp(START + PERIOD);
        chargeBatch(planHash, members);
        vm.warp(START + PERIOD + 1 days);
        chargeBatch(planHash, members);

        pause(planHash, alice);
        vm.warp(START + PERIOD + 1 days + 1);
        resume(planHash, alice);
        ISubscriptionTypes.Subscription memory state = stateOf(planHash, alice);
        assertEq(state.retries, 2, "retries");
        assertEq(state.retryAt, START + PERIOD + 2 days, "next try");
        assertEq(chargeBatch(planHash, members), hex"09", "retry pending");

        vm.warp(START + PERIOD + 2 days);
        chargeBatch(planHash, members);
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Failed);
    }

    function testFuzz_resume_manyTimes_addsTheirLengths(uint8[6] calldata steps) external {
        uint256 time = START;
        uint256 paused;
        for (uint256 i; i < steps.length; i += 2) {
            time += uint256(steps[i]) * 2 hours;
            vm.warp(time);
            pause(planHash, alice);
            time += uint256(steps[i + 1]) * 1 days;
            vm.warp(time);
            if (time - uint256(steps[i + 1]) * 1 days < START + PERIOD + paused) {
                paused += uint256(steps[i + 1]) * 1 days;
            }
            resume(planHash, alice);
        }
        assertPaidUntil(planHash, alice, START + PERIOD + paused);
    }

    function test_resume_doesNotMoveTheEnd() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.endsAt = uint40(START + PERIOD + 2 days);
        relay(mandate);
        vm.warp(START + 1 days);
        pause(planHash, carol);
        vm.warp(START + 4 days);
        resume(planHash, carol);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, carol);
        assertEq(state.nextChargeAt, START + PERIOD + 3 days, "paid time moved");
        assertEq(state.endsAt, START + PERIOD + 2 days, "end stays");
        vm.warp(START + PERIOD + 3 days);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.Ended);
    }

    function test_resume_succeeds_onAFrozenAndInactivePlan() external {
        pause(planHash, alice);
        shut(planHash);
        resume(planHash, alice);
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Active);
    }

    function test_resume_reverts_whenNotPaused() external {
        bytes memory notPaused = abi.encodeWithSelector(ISubscriptionTypes.NotPaused.selector, planHash, alice);
        vm.expectRevert(notPaused);
        resume(planHash, alice);

        pause(planHash, alice);
        resume(planHash, alice);
        vm.expectRevert(notPaused);
        resume(planHash, alice);

        pause(planHash, alice);
        cancel(planHash, alice);
        vm.expectRevert(notPaused);
        resume(planHash, alice);
    }

    function test_resume_reverts_whenPaidTimeDoesNotFit() external {
        pause(planHash, alice);
        vm.warp(type(uint40).max);
        uint256 end = uint256(PERIOD) + type(uint40).max;
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidPaidUntil.selector, end));
        resume(planHash, alice);
    }
}
