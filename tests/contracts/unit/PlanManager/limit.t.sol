// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../../Base.t.sol";

contract LimitTest is Base {
    function test_limit_countsNothingWhileThereIsNone() external {
        bytes32 planHash = createDefault();
        assertEq(plans.activePlansOf(merchant), 0, "not counted");

        // Nor is anything taken off for it later, under a limit or not.
        _limit(2);
        vm.prank(merchant);
        plans.closePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "never below zero");
    }

    function test_limit_countsWhatBecomesActiveUnderIt() external {
        bytes32 before = createDefault();
        _limit(2);
        bytes32 first = createDefault();
        assertEq(plans.activePlansOf(merchant), 1, "created");

        vm.startPrank(merchant);
        plans.deactivatePlan(before);
        plans.activatePlan(before);
        assertEq(plans.activePlansOf(merchant), 2, "activated");
        plans.closePlan(first);
        assertEq(plans.activePlansOf(merchant), 1, "closed");
        plans.deactivatePlan(first);
        assertEq(plans.activePlansOf(merchant), 1, "left once");
        plans.activatePlan(first);
        assertEq(plans.activePlansOf(merchant), 2, "active again");
    }

    function test_limit_takesOffWhatItCountedAfterItIsGone() external {
        _limit(1);
        bytes32 planHash = createDefault();
        _limit(0);
        bytes32 other = createDefault();
        assertEq(plans.activePlansOf(merchant), 1, "the first");

        vm.startPrank(merchant);
        plans.deactivatePlan(planHash);
        plans.deactivatePlan(other);
        assertEq(plans.activePlansOf(merchant), 0, "none");
        plans.activatePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "not counted any more");
    }

    function test_limit_followsThePlanToItsNewMerchant() external {
        _limit(1);
        bytes32 planHash = createDefault();
        IPlanManager.Plan memory own = terms();
        own.merchant = alice;
        bytes32 ownHash = create(own);
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, alice);

        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, alice, 1));
        plans.acceptPlanOwnership(planHash);
        plans.deactivatePlan(ownHash);
        plans.acceptPlanOwnership(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "old count");
        assertEq(plans.activePlansOf(alice), 1, "new count");
        plans.closePlan(planHash);
        assertEq(plans.activePlansOf(alice), 0, "and off it");
    }

    function test_limit_doesNotCountAnInactivePlanThatIsHandedOver() external {
        _limit(1);
        bytes32 planHash = createDefault();
        vm.startPrank(merchant);
        plans.closePlan(planHash);
        plans.transferPlanOwnership(planHash, alice);
        vm.stopPrank();
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);

        assertEq(plans.activePlansOf(alice), 0, "closed");
        assertEq(uint8(plans.termsOf(planHash).status), uint8(IPlanManager.PlanStatus.Closed), "status kept");
    }

    function test_limit_isForgottenWithAHandoverAfterItIsGone() external {
        _limit(1);
        bytes32 planHash = createDefault();
        _limit(0);
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, alice);
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);

        assertEq(plans.activePlansOf(merchant), 0, "old count");
        assertEq(plans.activePlansOf(alice), 0, "no limit, no count");
    }

    function test_limit_takesNoPlanAway() external {
        _limit(3);
        createDefault();
        bytes32 second = createDefault();
        _limit(1);
        assertEq(plans.maxActivePlans(), 1, "limit");
        assertEq(plans.activePlansOf(merchant), 2, "both stay");

        vm.startPrank(merchant);
        plans.closePlan(second);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, merchant, 1));
        plans.activatePlan(second);
    }

    /// @dev Whatever happens to a merchant's plans under changing limits, the count is that of the active ones marked, which
    ///      under one constant limit is that of all active ones.
    function testFuzz_limit_countIsThatOfActivePlans(uint8[24] calldata steps) external {
        _limit(4);
        bytes32[4] memory hashes;
        for (uint256 i; i < 4; ++i) {
            hashes[i] = createDefault();
        }
        for (uint256 i; i < steps.length; ++i) {
            bytes32 planHash = hashes[steps[i] % 4];
            IPlanManager.PlanStatus status = IPlanManager.PlanStatus(1 + steps[i] / 4 % 3);
            if (plans.termsOf(planHash).status == status) continue;
            vm.startPrank(merchant);
            if (status == IPlanManager.PlanStatus.Active) plans.activatePlan(planHash);
            else if (status == IPlanManager.PlanStatus.Closed) plans.closePlan(planHash);
            else plans.deactivatePlan(planHash);
            vm.stopPrank();
        }

        uint256 active;
        for (uint256 i; i < 4; ++i) {
            if (plans.termsOf(hashes[i]).status == IPlanManager.PlanStatus.Active) ++active;
        }
        assertEq(plans.activePlansOf(merchant), active, "count");
    }

    function _limit(uint32 limit) private {
        vm.prank(governor);
        plans.setMaxActivePlans(limit);
    }
}
