// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";

contract CancelTest is Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
    }

    function test_cancel_keepsPaidTime() external {
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, alice, ISubscriptionTypes.CancelReason.Subscriber, uint40(START + PERIOD), 3
        );
        vm.prank(alice);
        manager.cancel(planHash);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, alice);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Cancelled), "status");
        assertEq(uint8(state.cancelReason), uint8(ISubscriptionTypes.CancelReason.Subscriber), "reason");
        assertEq(state.nextChargeAt, START + PERIOD, "paid time");
        assertEq(state.chargeCount, 1, "charges");
    }

    function test_cancel_succeeds_onAFrozenAndInactivePlan() external {
        vm.prank(merchant);
        plans.deactivatePlan(planHash);
        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);

        vm.prank(alice);
        manager.cancel(planHash);
    }

    function test_cancel_reverts_whenNotSubscribed() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotSubscribed.selector, planHash, bob));
        vm.prank(bob);
        manager.cancel(planHash);

        vm.startPrank(alice);
        manager.cancel(planHash);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotSubscribed.selector, planHash, alice));
        manager.cancel(planHash);
    }

    function test_cancel_endsPendingRetries() external {
        vm.prank(alice);
        token.approve(address(manager), 0);
        vm.warp(START + PERIOD);
        chargeBatch(planHash, abi.encodePacked(alice));
        vm.prank(alice);
        manager.cancel(planHash);

        assertEq(stateOf(planHash, alice).retries, 0, "retries");
        assertEq(stateOf(planHash, alice).retryAt, 0, "retry time");
    }

    function test_cancelFor_succeeds_byOperator() external {
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, alice, ISubscriptionTypes.CancelReason.Operator, uint40(START + PERIOD), 3
        );
        vm.prank(operator);
        manager.cancelFor(planHash, alice);
    }

    function test_cancelFor_reverts_whenNotOperator() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, merchant));
        vm.prank(merchant);
        manager.cancelFor(planHash, alice);
    }
}
