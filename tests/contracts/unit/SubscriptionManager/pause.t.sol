// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

contract PauseTest is SubscriberBase {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
    }

    function testFuzz_pause_changesStatusAndNothingElse(uint256 time) external {
        time = START + bound(time, 0, 3 * uint256(PERIOD));
        vm.warp(time);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionPaused(planHash, alice, uint40(time), 3);
        pause(planHash, alice);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, alice);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Paused), "status");
        assertEq(state.pausedAt, time, "paused at");
        assertEq(state.nextChargeAt, START + PERIOD, "paid until");
        assertEq(state.chargeCount, 1, "charges");
        assertEq(manager.eventCount(), 3, "events");
    }

    function testFuzz_pause_stopsCharges(uint256 time, uint256 later) external {
        time = START + bound(time, 0, 2 * uint256(PERIOD));
        vm.warp(time);
        pause(planHash, alice);
        vm.warp(time + bound(later, 0, 20 * uint256(PERIOD)));
        uint256 before = token.balanceOf(alice);

        chargeReverts(planHash, alice, ISubscriptionTypes.Reason.Paused);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.Paused));
        vm.prank(bob);
        manager.charge(planHash, alice);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.ChargeSkipped(planHash, alice, ISubscriptionTypes.Reason.Paused, 4);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"08", "batch");
        assertEq(token.balanceOf(alice), before, "nothing paid");
        assertEq(stateOf(planHash, alice).retries, 0, "no retry used");
    }

    function test_pause_succeeds_onAFrozenAndInactivePlan() external {
        shut(planHash);
        pause(planHash, alice);
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Paused);
    }

    function testFuzz_cancel_whilePaused_keepsTheMovedPaidTime(uint256 time, uint256 length) external {
        time = START + bound(time, 0, PERIOD - 1);
        length = bound(length, 0, 5 * uint256(PERIOD));
        vm.warp(time);
        pause(planHash, alice);
        vm.warp(time + length);

        uint256 end = START + PERIOD + length;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, alice, ISubscriptionTypes.CancelReason.Subscriber, uint40(end), 4
        );
        cancel(planHash, alice);
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Cancelled);
        assertPaidUntil(planHash, alice, end);
        assertEq(stateOf(planHash, alice).pausedAt, 0, "no pause left");

        subscribe(planHash, alice);
        assertPaidUntil(planHash, alice, end);
        assertEq(stateOf(planHash, alice).chargeCount, 1, "paid time is not paid again");
    }

    function test_cancel_whilePaused_movesNoOverdueTime() external {
        vm.warp(START + PERIOD + 1 days);
        pause(planHash, alice);
        vm.warp(START + PERIOD + 9 days);
        cancel(planHash, alice);

        assertPaidUntil(planHash, alice, START + PERIOD);
        subscribe(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charged at once");
    }

    function test_cancelFor_whilePaused_keepsTheMovedPaidTime() external {
        pause(planHash, alice);
        vm.warp(START + 5 days);
        vm.prank(operator);
        manager.cancelFor(planHash, alice);
        assertPaidUntil(planHash, alice, START + PERIOD + 5 days);
    }

    /// @dev A pause moves no limit in time: once that is reached the subscription may begin anew, with what was paid.
    function test_subscribe_afterTheEndOfAPausedOne_keepsTheMovedPaidTime() external {
        bytes32 limited = createDefault();
        ISubscriptionTypes.Mandate memory mandate = mandateFor(limited);
        mandate.endsAt = uint40(START + 10 days);
        relay(mandate);
        vm.warp(START + 5 days);
        pause(limited, carol);
        assertEq(stateOf(limited, carol).endsAt, START + 10 days, "end not moved");

        vm.warp(START + 10 days - 1);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, limited, carol));
        subscribe(limited, carol);

        vm.warp(START + 10 days);
        subscribe(limited, carol);
        ISubscriptionTypes.Subscription memory state = stateOf(limited, carol);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Active), "status");
        assertEq(state.nextChargeAt, START + PERIOD + 5 days, "moved by the pause");
        assertEq(state.pausedAt, 0, "no pause left");
        assertEq(state.endsAt, 0, "no end");
        assertEq(state.chargeCount, 1, "not charged again");
    }

    function test_pause_reverts_whenNotActive() external {
        bytes memory notActive = abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, planHash, bob);
        vm.expectRevert(notActive);
        pause(planHash, bob);

        subscribe(planHash, bob);
        pause(planHash, bob);
        vm.expectRevert(notActive);
        pause(planHash, bob);

        cancel(planHash, bob);
        vm.expectRevert(notActive);
        pause(planHash, bob);
    }

    function test_pause_reverts_whenFailed() external {
        vm.prank(alice);
        token.approve(address(manager), 0);
        for (uint256 i; i < 3; ++i) {
            vm.warp(START + PERIOD + i * 1 days);
            chargeBatch(planHash, abi.encodePacked(alice));
        }
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Failed);

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, planHash, alice));
        pause(planHash, alice);
    }
}
