// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPaymentGateway} from "../../../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../Base.t.sol";

/// @dev See README.md for what each number means.
contract PlanDefectsTest is Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function test_B06_unfreezingLeavesAnActivePlanActive() external {
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.NoChange.selector, planHash));
        plans.setPlanFrozen(planHash, false);
        plans.setPlanFrozen(planHash, true);
        plans.setPlanFrozen(planHash, false);
        assertEq(uint8(plans.termsOf(planHash).status), uint8(IPlanManager.PlanStatus.Active), "status");
        vm.stopPrank();
        subscribe(planHash, alice);
    }

    function test_B09_ownershipMovesOnlyWithTheNewMerchantsConsent() external {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, operator));
        plans.transferPlanOwnership(planHash, operator);

        subscribe(planHash, alice);
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, bob);
        assertEq(plans.termsOf(planHash).merchant, merchant, "nothing moved yet");
        vm.prank(bob);
        plans.acceptPlanOwnership(planHash);
        assertEq(plans.termsOf(planHash).merchant, bob, "moved");
    }

    function test_B09_aPlanThatMovedGoesOnAndIsCancelled() external {
        subscribe(planHash, alice);
        vm.prank(merchant);
        plans.transferPlanOwnership(planHash, bob);
        vm.prank(bob);
        plans.acceptPlanOwnership(planHash);

        subscribe(planHash, _funded("new subscriber"));
        uint256 before = token.balanceOf(bob);
        vm.warp(START + PERIOD);
        charge(planHash, alice);
        assertEq(token.balanceOf(bob) - before, PRICE - feeOf(PRICE), "the new merchant is paid");
        vm.prank(alice);
        manager.cancel(planHash);
        assertEq(uint8(stateOf(planHash, alice).status), uint8(ISubscriptionTypes.Status.Cancelled), "cancelled");
    }

    function test_B14_subscribersDoNotSetThePlansUri() external {
        vm.recordLogs();
        subscribe(planHash, alice);
        bytes32 created = IPlanManager.PlanCreated.selector;
        bytes32 updated = IPlanManager.PlanUriUpdated.selector;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics[0];
            assertTrue(topic != created && topic != updated, "no event of a plan");
        }
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, alice));
        plans.updatePlanUri(planHash, "ipfs://other");
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanUriUpdated(planHash, "ipfs://other", 2);
        vm.prank(merchant);
        plans.updatePlanUri(planHash, "ipfs://other");
    }

    function test_B19_whoGovernsTheGatewayIsAnAccountThatCan() external {
        assertTrue(core.hasRole(core.GOVERNOR_ROLE(), governor), "role");
        vm.prank(governor);
        gateway.setFee(100, bob);
        assertEq(gateway.feeBps(), 100, "fee is set");
    }

    /// @dev Whatever the gateway accepts in the place of other tokens: a plan in the native coin is paid in it.
    function test_B21_nativePlansAreChargedWhateverTokensAreAccepted() external {
        bytes32 native = createNative();
        assertFalse(gateway.isTokenAccepted(address(0)), "not accepted in the place of others");
        vm.deal(alice, 2 ether);
        vm.prank(alice);
        manager.subscribe{value: 2 ether}(native);
        vm.warp(START + PERIOD);
        charge(native, alice);
        assertEq(stateOf(native, alice).chargeCount, 2, "charged");
    }

    function test_B25_aClosedPlanStaysBilled() external {
        subscribe(planHash, alice);
        vm.prank(merchant);
        plans.closePlan(planHash);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlanNotOpen.selector, planHash));
        subscribe(planHash, bob);
        vm.warp(START + PERIOD);
        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charged");
    }

    function test_B27_allContractsFitTheCodeSizeLimit() external view {
        (address core_, address plans_, address gateway_, address verifier) = manager.services();
        address market = core.serviceOf("Marketplace");
        address[7] memory deployed = [core_, plans_, gateway_, verifier, market, address(manager), manager.extension()];
        for (uint256 i; i < deployed.length; ++i) {
            assertGt(deployed[i].code.length, 0, "deployed");
            assertLe(deployed[i].code.length, 24_576, "EIP-170");
        }
    }

    function test_L06_theFeeIsBoundedByTheContractAndByTheMerchant() external {
        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFee.selector, 1001));
        gateway.setFee(1001, feeReceiver);
        gateway.setFee(1000, feeReceiver);
        vm.stopPrank();
        IPlanManager.Plan memory plan = terms();
        plan.maxFeeBps = 50;
        bytes32 bounded = create(plan);
        subscribe(bounded, alice);
        assertEq(token.balanceOf(feeReceiver), PRICE * 50 / 10_000, "what the merchant signed");
    }

    /// @dev The register is for readers: contracts keep the services they were deployed with.
    function test_L07_pointingTheRegisterElsewhereChangesNoPayment() external {
        subscribe(planHash, alice);
        vm.startPrank(governor);
        core.registerService("PaymentGateway", address(token));
        core.registerService("SubscriptionManager", address(token));
        vm.stopPrank();
        (,, address gateway_,) = manager.services();
        assertEq(gateway_, address(gateway), "gateway");
        uint256 before = token.balanceOf(merchant);
        vm.warp(START + PERIOD);
        charge(planHash, alice);
        assertEq(token.balanceOf(merchant) - before, PRICE - feeOf(PRICE), "same payment");
    }

    /// @dev The gateway answers questions; there is no verb in it that moves a payer's money, for anyone.
    function test_L08_theGatewayCannotMoveWhatIsApproved() external {
        vm.prank(alice);
        token.approve(address(gateway), type(uint256).max);
        uint256 before = token.balanceOf(alice);
        vm.startPrank(governor);
        gateway.setFee(1000, governor);
        gateway.feeAmount(PRICE, 1000);
        vm.stopPrank();
        assertEq(token.balanceOf(alice), before, "nothing moved");
    }

    function test_L09_aPlanIsTwoSlotsAndItsHashIsNotStored() external {
        vm.record();
        createDefault();
        (, bytes32[] memory writes) = vm.accesses(address(plans));
        bytes32[] memory slots = new bytes32[](writes.length);
        uint256 count;
        for (uint256 i; i < writes.length; ++i) {
            uint256 j;
            while (j < count && slots[j] != writes[i]) ++j;
            if (j == count) slots[count++] = writes[i];
        }
        assertEq(count, 3, "two of terms and the head");
    }

    function _funded(string memory name) private returns (address account) {
        account = makeAddr(name);
        fund(account, 10 * PRICE);
    }
}
