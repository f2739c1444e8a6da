// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";

contract ChargeTest is Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
    }

    function test_charge_succeeds_atTheDueTime() external {
        vm.warp(START + PERIOD);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash,
            alice,
            receiptOf(3, START + PERIOD, START + 2 * PERIOD, PRICE),
            settlementOf(merchant, feeOf(PRICE)),
            address(token)
        );
        charge(planHash, alice);

        assertEq(token.balanceOf(merchant), 2 * (PRICE - feeOf(PRICE)), "merchant");
        assertEq(token.balanceOf(feeReceiver), 2 * feeOf(PRICE), "fee receiver");
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charges");
    }

    function test_charge_reverts_beforeTheDueTime() external {
        vm.warp(START + PERIOD - 1);
        _expectFailure(ISubscriptionTypes.Reason.NotDue);
        charge(planHash, alice);
    }

    function testFuzz_charge_staysOnTheAnchorAndSkipsMissedPeriods(uint256 late) external {
        late = bound(late, 0, 20 * uint256(PERIOD));
        vm.warp(START + PERIOD + late);
        charge(planHash, alice);

        uint256 next = stateOf(planHash, alice).nextChargeAt;
        assertEq((next - START) % PERIOD, 0, "on the anchor");
        assertGt(next, START + PERIOD + late, "after now");
        assertLe(next, START + 2 * PERIOD + late, "at most one period on");
        assertEq(stateOf(planHash, alice).chargeCount, 2, "one charge");

        _expectFailure(ISubscriptionTypes.Reason.NotDue);
        charge(planHash, alice);
    }

    function test_charge_isOpenToAnyoneAfterTheDelay() external {
        uint256 open = START + PERIOD + manager.PUBLIC_DELAY();
        vm.warp(open - 1);
        _expectFailure(ISubscriptionTypes.Reason.NotDue);
        vm.prank(bob);
        manager.charge(planHash, alice);

        vm.warp(open);
        vm.prank(bob);
        manager.charge(planHash, alice);
        assertEq(stateOf(planHash, alice).nextChargeAt, START + 2 * PERIOD, "charged");
    }

    function test_charge_reverts_withTheReason() external {
        vm.warp(START + PERIOD);
        _expectFailure(ISubscriptionTypes.Reason.NoPlan);
        charge("x", alice);
        _expectFailure(ISubscriptionTypes.Reason.NotSubscribed);
        charge(planHash, bob);

        vm.prank(alice);
        token.approve(address(manager), 0);
        _expectFailure(ISubscriptionTypes.Reason.InsufficientAllowance);
        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).retries, 0, "no retry used");

        uint256 balance = token.balanceOf(alice);
        vm.prank(alice);
        assertTrue(token.transfer(bob, balance), "emptied");
        _expectFailure(ISubscriptionTypes.Reason.InsufficientBalance);
        charge(planHash, alice);

        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);
        _expectFailure(ISubscriptionTypes.Reason.PlanInactive);
        charge(planHash, alice);

        vm.prank(alice);
        manager.cancel(planHash);
        _expectFailure(ISubscriptionTypes.Reason.NotSubscribed);
        charge(planHash, alice);
    }

    function test_charge_billsClosedPlansAndNotInactiveOnes() external {
        vm.warp(START + PERIOD);
        vm.prank(merchant);
        plans.deactivatePlan(planHash);
        _expectFailure(ISubscriptionTypes.Reason.PlanInactive);
        charge(planHash, alice);

        vm.prank(merchant);
        plans.closePlan(planHash);
        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charged");
    }

    function test_charge_paysTheNewMerchantAfterTransfer() external {
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, bob);
        vm.prank(bob);
        plans.acceptPlanOwnership(planHash);
        uint256 before = token.balanceOf(bob);

        vm.warp(START + PERIOD);
        charge(planHash, alice);
        assertEq(token.balanceOf(bob) - before, PRICE - feeOf(PRICE), "new merchant");
    }

    function test_charge_succeeds_withoutAFee() external {
        vm.prank(governor);
        gateway.setFee(0, address(0));
        vm.warp(START + PERIOD);
        uint256 before = token.balanceOf(merchant);
        charge(planHash, alice);
        assertEq(token.balanceOf(merchant) - before, PRICE, "all to the merchant");
    }

    function test_automation_isAskedForAgainAfterAnHour() external {
        vm.warp(START + PERIOD);
        charge(planHash, alice);
        subscribe(planHash, bob);
        revokeAutomation();

        vm.warp(START + 2 * PERIOD);
        _expectFailure(ISubscriptionTypes.Reason.NotDue);
        charge(planHash, bob);
    }

    function test_refreshAutomation_forgetsARevokedAccount() external {
        vm.warp(START + PERIOD);
        subscribe(planHash, bob);
        bytes32 other = createDefault();
        subscribe(other, bob);
        vm.warp(START + 2 * PERIOD);
        charge(planHash, alice);
        uint64 events = manager.eventCount();
        manager.refreshAutomation();
        charge(planHash, bob);

        revokeAutomation();
        vm.prank(bob);
        manager.refreshAutomation();
        assertEq(manager.eventCount(), events + 1, "counter untouched");
        _expectFailure(ISubscriptionTypes.Reason.NotDue);
        charge(other, bob);
    }

    function _expectFailure(ISubscriptionTypes.Reason reason) private {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, reason));
    }
}
