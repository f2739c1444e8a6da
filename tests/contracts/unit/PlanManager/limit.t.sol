// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../../Base.t.sol";

contract PlanLimitTest is Base {
    bytes32 private early;

    function setUp() public override {
        super.setUp();
        early = createDefault();
        vm.prank(governor);
        plans.setMaxActivePlans(2);
    }

    function test_limit_countsPlansMadeActiveUnderIt() external {
        bytes32 first = createDefault();
        createDefault();
        assertEq(plans.activePlansOf(merchant), 2, "the early one is beside them");

        IPlanManager.Plan memory third = terms();
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, merchant, 2));
        vm.prank(merchant);
        plans.createPlan(third, "", "");

        vm.startPrank(merchant);
        plans.closePlan(first);
        assertEq(plans.activePlansOf(merchant), 1, "one left");
        plans.deactivatePlan(first);
        assertEq(plans.activePlansOf(merchant), 1, "left once");
        plans.activatePlan(first);
        assertEq(plans.activePlansOf(merchant), 2, "and came back");
    }

    function test_limit_ofAnEarlyPlanIsNeverTakenFromTheCount() external {
        createDefault();
        vm.startPrank(merchant);
        plans.deactivatePlan(early);
        assertEq(plans.activePlansOf(merchant), 1, "it was not in it");
        plans.activatePlan(early);
        assertEq(plans.activePlansOf(merchant), 2, "now it is");
    }

    function test_limit_movesWithThePlan() external {
        bytes32 planHash = createDefault();
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, alice);
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);

        assertEq(plans.activePlansOf(merchant), 0, "old merchant");
        assertEq(plans.activePlansOf(alice), 1, "new merchant");
    }

    function test_limit_stopsAcceptance() external {
        vm.prank(governor);
        plans.setMaxActivePlans(1);
        IPlanManager.Plan memory own = terms();
        own.merchant = alice;
        create(own);
        bytes32 planHash = createDefault();
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, alice);

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, alice, 1));
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);
    }

    function test_limit_goneAgainCountsDownOnly() external {
        bytes32 planHash = createDefault();
        vm.prank(governor);
        plans.setMaxActivePlans(0);
        createDefault();
        assertEq(plans.activePlansOf(merchant), 1, "not counted");
        vm.prank(merchant);
        plans.closePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "counted down");
    }
}
