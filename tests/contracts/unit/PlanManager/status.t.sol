// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../../Base.t.sol";

contract PlanStatusTest is Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function test_status_changesByMerchant() external {
        _expectStatus(IPlanManager.PlanStatus.Closed, 2);
        vm.prank(merchant);
        plans.closePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "closed is not active");

        _expectStatus(IPlanManager.PlanStatus.Inactive, 3);
        vm.prank(merchant);
        plans.deactivatePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "counted once");

        _expectStatus(IPlanManager.PlanStatus.Active, 4);
        vm.prank(merchant);
        plans.activatePlan(planHash);
        assertEq(plans.activePlansOf(merchant), 0, "no limit, no count");
        assertEq(plans.eventCount(), 4, "events");
    }

    function test_status_reverts_whenNothingChanges() external {
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.NoChange.selector, planHash));
        vm.prank(merchant);
        plans.activatePlan(planHash);
    }

    function test_status_reverts_whenNotMerchant() external {
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, operator));
        plans.deactivatePlan(planHash);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, operator));
        plans.updatePlanUri(planHash, "x");
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, operator));
        plans.transferPlanOwnership(planHash, operator);
    }

    function test_status_reverts_whenPlanIsUnknown() external {
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.PlanNotFound.selector, bytes32("x")));
        plans.activatePlan("x");
    }

    function test_setPlanFrozen_keepsTheMerchantsStatus() external {
        vm.prank(merchant);
        plans.closePlan(planHash);

        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanFrozenToggled(planHash, operator, true, 3);
        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);
        assertTrue(plans.termsOf(planHash).frozen, "frozen");

        vm.prank(operator);
        plans.setPlanFrozen(planHash, false);
        assertEq(uint8(plans.termsOf(planHash).status), uint8(IPlanManager.PlanStatus.Closed), "status kept");
    }

    function test_setPlanFrozen_reverts_whenNotOperatorOrSame() external {
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, merchant));
        vm.prank(merchant);
        plans.setPlanFrozen(planHash, true);

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.NoChange.selector, planHash));
        vm.prank(operator);
        plans.setPlanFrozen(planHash, false);
    }

    function test_updatePlanUri_emits() external {
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanUriUpdated(planHash, "ipfs://other", 2);
        vm.prank(merchant);
        plans.updatePlanUri(planHash, "ipfs://other");
    }

    function test_ownership_movesByAcceptance() external {
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanOwnershipTransferStarted(planHash, merchant, alice, 2);
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, alice);
        assertEq(plans.termsOf(planHash).merchant, merchant, "nothing moves before acceptance");
        assertEq(plans.pendingMerchantOf(planHash), alice, "pending");

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, bob));
        vm.prank(bob);
        plans.acceptPlanOwnership(planHash);

        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanOwnershipTransferred(planHash, merchant, alice, 3);
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);
        assertEq(plans.termsOf(planHash).merchant, alice, "new merchant");
        assertEq(plans.activePlansOf(merchant), 0, "old count");
        assertEq(plans.activePlansOf(alice), 0, "no limit, no count");
        assertEq(plans.pendingMerchantOf(planHash), address(0), "offer used up");
    }

    function test_ownership_offerIsTakenBack() external {
        vm.startPrank(merchant);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.NoChange.selector, planHash));
        plans.transferPlanOwnership(planHash, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidMerchant.selector, merchant));
        plans.transferPlanOwnership(planHash, merchant);
        plans.transferPlanOwnership(planHash, alice);
        plans.transferPlanOwnership(planHash, address(0));
        vm.stopPrank();

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, alice));
        vm.prank(alice);
        plans.acceptPlanOwnership(planHash);
    }

    function _expectStatus(IPlanManager.PlanStatus status, uint64 sequence) private {
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanStatusChanged(planHash, merchant, status, sequence);
    }
}
