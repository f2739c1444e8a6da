// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

/// @dev What a switch is worth is in switchCredit.t.sol.
contract SwitchPlanTest is SubscriberBase {
    bytes32 private basic;
    /// @dev Twice the price, the same period.
    bytes32 private pro;

    function setUp() public override {
        super.setUp();
        basic = createDefault();
        pro = createWith(2 * PRICE, PERIOD);
        subscribe(basic, alice);
    }

    function test_switchPlan_turnsUnusedTimeIntoTimeOfTheNewPlan() external {
        vm.warp(START + 20 days);
        uint256 before = token.balanceOf(alice);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            basic, alice, ISubscriptionTypes.CancelReason.Switched, uint40(START + 20 days), 3
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionSwitched(alice, basic, pro, 10 days, 5 days, 4);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            pro, alice, merchant, uint40(START + 20 days), uint40(START + 25 days), 0, 5
        );
        switchPlan(basic, pro, alice);

        assertEq(manager.eventCount(), 5, "events");
        assertEq(token.balanceOf(alice), before, "nothing paid");
        ISubscriptionTypes.Subscription memory old = stateOf(basic, alice);
        assertEq(uint8(old.status), uint8(ISubscriptionTypes.Status.Cancelled), "old status");
        assertEq(uint8(old.cancelReason), uint8(ISubscriptionTypes.CancelReason.Switched), "old reason");
        assertEq(old.nextChargeAt, START + 20 days, "old paid time is gone");
        assertStatus(pro, alice, ISubscriptionTypes.Status.Active);
        assertEq(stateOf(pro, alice).chargeCount, 0, "no charge of the new plan");

        vm.warp(START + 25 days);
        charge(pro, alice);
        assertEq(before - token.balanceOf(alice), 2 * PRICE, "the new price");
    }

    function test_switchPlan_reverts_whenTheChargeFails() external {
        vm.prank(alice);
        token.approve(address(manager), 0);
        vm.warp(START + PERIOD);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.InsufficientAllowance));
        switchPlan(basic, pro, alice);
        assertStatus(basic, alice, ISubscriptionTypes.Status.Active);
    }

    function test_switchPlan_succeeds_fromAPlanThatIsShut() external {
        shut(basic);
        switchPlan(basic, pro, alice);
        assertPaidUntil(pro, alice, START + PERIOD / 2);
    }

    function test_switchPlan_succeeds_fromAClosedPlan() external {
        vm.prank(merchant);
        plans.closePlan(basic);
        switchPlan(basic, pro, alice);
        assertStatus(pro, alice, ISubscriptionTypes.Status.Active);
    }

    function test_switchPlan_carriesRailEndAndLimit() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(basic);
        mandate.maxCharges = 3;
        mandate.endsAt = uint40(START + 365 days);
        relay(mandate);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            pro, carol, ISubscriptionTypes.Rail.Allowance, address(token), 2 * PRICE, 2, 6
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            basic, carol, ISubscriptionTypes.CancelReason.Switched, uint40(START), 7
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionSwitched(carol, basic, pro, PERIOD, PERIOD / 2, 8);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            pro, carol, merchant, uint40(START), uint40(START + PERIOD / 2), uint40(START + 365 days), 9
        );
        switchPlan(basic, pro, carol);
        assertEq(manager.eventCount(), 9, "events");
        assertEq(stateOf(pro, carol).chargeLimit, 2, "two of three left");
        assertEq(stateOf(pro, carol).endsAt, START + 365 days, "end");

        for (uint256 i; i < 2; ++i) {
            vm.warp(START + PERIOD / 2 + i * PERIOD);
            charge(pro, carol);
        }
        vm.warp(START + 3 * PERIOD);
        chargeReverts(pro, carol, ISubscriptionTypes.Reason.Ended);
    }

    function test_switchPlan_reverts_whenEnded() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(basic);
        mandate.maxCharges = 1;
        relay(mandate);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, basic, carol));
        switchPlan(basic, pro, carol);
    }

    function test_switchPlan_reverts_whenBounded() external {
        setQuote(basic, address(euro), 9e18);
        euro.mint(carol, 9e18);
        vm.prank(carol);
        euro.approve(address(manager), 9e18);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(basic);
        (mandate.paymentToken, mandate.maxAmount) = (address(euro), 9e18);
        relay(mandate);

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.MandateRequired.selector, basic));
        switchPlan(basic, pro, carol);
    }

    function test_switchPlan_reverts_whenPlansDiffer() external {
        IPlanManager.Plan memory plan = terms();
        plan.merchant = bob;
        bytes32 another = create(plan);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlansDiffer.selector, basic, another));
        switchPlan(basic, another, alice);

        another = createIn(address(euro));
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlansDiffer.selector, basic, another));
        switchPlan(basic, another, alice);

        another = createNative();
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlansDiffer.selector, basic, another));
        switchPlan(basic, another, alice);
    }

    function test_switchPlan_reverts_whenTheNewPlanIsNotOpen() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlanNotFound.selector, bytes32("x")));
        switchPlan(basic, "x", alice);

        bytes memory notOpen = abi.encodeWithSelector(ISubscriptionTypes.PlanNotOpen.selector, pro);
        vm.prank(merchant);
        plans.closePlan(pro);
        vm.expectRevert(notOpen);
        switchPlan(basic, pro, alice);

        vm.prank(merchant);
        plans.deactivatePlan(pro);
        vm.expectRevert(notOpen);
        switchPlan(basic, pro, alice);

        vm.prank(merchant);
        plans.activatePlan(pro);
        vm.prank(operator);
        plans.setPlanFrozen(pro, true);
        vm.expectRevert(notOpen);
        switchPlan(basic, pro, alice);
    }

    function test_switchPlan_reverts_whenSubscribedToTheNewPlan() external {
        subscribe(pro, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, pro, alice));
        switchPlan(basic, pro, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, basic, alice));
        switchPlan(basic, basic, alice);
    }

    function test_switchPlan_reverts_whenNotActive() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, basic, bob));
        switchPlan(basic, pro, bob);

        pause(basic, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, basic, alice));
        switchPlan(basic, pro, alice);
        cancel(basic, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, basic, alice));
        switchPlan(basic, pro, alice);
    }
}
