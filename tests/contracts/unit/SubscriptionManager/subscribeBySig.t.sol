// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

/// @dev What a mandate sets. Whose signature holds is in mandateSignature.t.sol, permits are in mandatePermit.t.sol.
contract SubscribeBySigTest is SubscriberBase {
    bytes32 private planHash;
    bytes private invalidMandate = abi.encodeWithSelector(ISubscriptionTypes.InvalidMandate.selector);

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function test_subscribeBySig_chargesTheSignerAtOnce() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (mandate.maxAmount, mandate.maxCharges, mandate.endsAt) = (PRICE + 1, 12, uint40(START + 365 days));
        bytes memory signature = sign(mandate);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            planHash, carol, ISubscriptionTypes.Rail.Allowance, address(token), PRICE + 1, 12, 1
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, carol, merchant, uint40(START), uint40(START + PERIOD), uint40(START + 365 days), 2
        );
        expectCharged(planHash, carol, 3, START, START + PERIOD, address(token), PRICE);
        relay(mandate, signature);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, carol);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Active), "status");
        assertEq(state.chargeLimit, 12, "limit");
        assertEq(state.endsAt, START + 365 days, "end");
        assertFalse(state.bounded, "in the plan's token");
        assertEq(token.balanceOf(merchant), PRICE - feeOf(PRICE), "merchant");
        assertEq(token.balanceOf(feeReceiver), feeOf(PRICE), "fee receiver");
        assertEq(manager.eventCount(), 3, "events");
    }

    function test_subscribeBySig_bySelf_needsNoSignature() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxCharges = 2;
        vm.prank(carol);
        manager.subscribeBySig(mandate, "", "");
        assertEq(stateOf(planHash, carol).chargeLimit, 2, "terms of the mandate");

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, mandate.nonce));
        vm.prank(carol);
        manager.subscribeBySig(mandate, "", "");
    }

    function test_subscribeBySig_bySelf_reverts_afterTheDeadline() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.DeadlinePassed.selector, START));
        vm.prank(carol);
        manager.subscribeBySig(mandate, "", "");
    }

    function test_subscribeBySig_beginsWithATrial() external {
        bytes32 trial = createTrial(7 days);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(trial);
        mandate.maxCharges = 1;
        relay(mandate);
        assertTrue(stateOf(trial, carol).inTrial, "trial");
        assertEq(stateOf(trial, carol).chargeCount, 0, "free");

        vm.warp(START + 7 days);
        charge(trial, carol);
        vm.warp(START + 7 days + PERIOD);
        chargeReverts(trial, carol, ISubscriptionTypes.Reason.Ended);
    }

    function test_subscribeBySig_keepsPaidTime() external {
        subscribe(planHash, carol);
        cancel(planHash, carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxCharges = 1;
        relay(mandate);
        assertEq(stateOf(planHash, carol).chargeCount, 1, "not charged again");
        assertEq(stateOf(planHash, carol).chargeLimit, 2, "one more than before");
    }

    function testFuzz_subscribeBySig_endsAfterItsCharges(uint24 maxCharges) external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxCharges = maxCharges = uint24(bound(maxCharges, 1, 5));
        relay(mandate);
        for (uint256 i = 1; i < maxCharges; ++i) {
            vm.warp(START + i * PERIOD);
            charge(planHash, carol);
        }

        vm.warp(START + maxCharges * uint256(PERIOD));
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.Ended);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"0a", "batch");
        assertEq(stateOf(planHash, carol).chargeCount, maxCharges, "charges");
        assertEq(token.balanceOf(carol), 1_000_000e6 - maxCharges * uint256(PRICE), "paid");
        assertEq(stateOf(planHash, carol).retries, 0, "no retry used");

        subscribe(planHash, carol);
        assertEq(stateOf(planHash, carol).chargeLimit, 0, "begun anew without a limit");
    }

    function test_subscribeBySig_countsItsChargesFromNow() external {
        subscribe(planHash, carol);
        cancel(planHash, carol);
        vm.warp(START + PERIOD);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxCharges = 2;
        relay(mandate);
        assertEq(stateOf(planHash, carol).chargeLimit, 3, "one before, two from now");
        vm.warp(START + 2 * PERIOD);
        charge(planHash, carol);
        vm.warp(START + 3 * PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.Ended);
    }

    function test_subscribeBySig_chargesUpToTheSecondBeforeItsEnd() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.endsAt = uint40(START + PERIOD + 1 days);
        relay(mandate);
        uint256 snapshot = vm.snapshotState();

        vm.warp(START + PERIOD + 1 days - 1);
        charge(planHash, carol);
        vm.revertToState(snapshot);
        vm.warp(START + PERIOD + 1 days);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.Ended);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"0a", "batch");
    }

    function test_subscribeBySig_reverts_whenItsEndIsReached() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.endsAt = uint40(START);
        relayReverts(mandate, invalidMandate);
        mandate.endsAt = uint40(START + 1);
        relay(mandate);
    }

    function testFuzz_subscribeBySig_reverts_whenThePriceIsAboveItsMaximum(uint96 maxAmount) external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxAmount = uint96(bound(maxAmount, 0, PRICE - 1));
        relayReverts(mandate, invalidMandate);
    }

    function testFuzz_subscribeBySig_reverts_whenTheLimitDoesNotFit(uint24 maxCharges) external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.maxCharges = uint24(bound(maxCharges, 65_536, type(uint24).max));
        relayReverts(mandate, invalidMandate);

        mandate.maxCharges = 65_535;
        relay(mandate);
        assertEq(stateOf(planHash, carol).chargeLimit, 65_535, "the most");
        cancel(planHash, carol);

        mandate.nonce = 1000;
        relayReverts(mandate, invalidMandate);
        mandate.maxCharges = 65_534;
        relay(mandate);
    }

    function test_subscribeBySig_native_drawsOnTheDeposit() external {
        bytes32 native = createNative();
        ISubscriptionTypes.Mandate memory mandate = mandateFor(native);
        relayReverts(
            mandate, abi.encodeWithSelector(ISubscriptionTypes.InsufficientDeposit.selector, uint256(1 ether), 0)
        );

        manager.depositNative{value: 1 ether}(carol);
        relay(mandate);
        assertEq(manager.nativeDepositOf(carol), 0, "spent");
        assertEq(merchant.balance, 1 ether - feeOf(1 ether), "merchant");
    }

    function test_subscribeBySig_reverts_whenNativeByPermit2() external {
        manager.depositNative{value: 1 ether}(carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(createNative());
        mandate.rail = ISubscriptionTypes.Rail.Permit2;
        relayReverts(mandate, invalidMandate);
    }

    function test_subscribeBySig_reverts_whenSubscribed() external {
        subscribe(planHash, carol);
        relayReverts(
            mandateFor(planHash), abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, planHash, carol)
        );
    }

    function test_subscribeBySig_reverts_whenThePlanIsNotOpen() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        shut(planHash);
        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.PlanNotOpen.selector, planHash));
        mandate.planHash = "x";
        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.PlanNotFound.selector, bytes32("x")));
        assertEq(manager.nonceBitmap(carol, 0), 0, "a mandate that fails is not used");
    }

    function test_subscribeBySig_withReplaces_isASwitch() external {
        bytes32 pro = createWith(2 * PRICE, PERIOD);
        subscribe(planHash, carol);
        vm.warp(START + 10 days);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(pro);
        (mandate.replaces, mandate.maxCharges, mandate.endsAt) = (planHash, 4, uint40(START + 90 days));
        bytes memory signature = sign(mandate);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            pro, carol, ISubscriptionTypes.Rail.Allowance, address(token), 2 * PRICE, 4, 3
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, carol, ISubscriptionTypes.CancelReason.Switched, uint40(START + 10 days), 4
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionSwitched(carol, planHash, pro, 20 days, 10 days, 5);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            pro, carol, merchant, uint40(START + 10 days), uint40(START + 20 days), uint40(START + 90 days), 6
        );
        relay(mandate, signature);
        assertEq(manager.eventCount(), 6, "events");
        assertEq(stateOf(pro, carol).chargeLimit, 4, "limit of the mandate");
    }

    function test_subscribeBySig_withReplaces_reverts_whenThatIsNotActive() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.replaces = createDefault();
        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, mandate.replaces, carol));

        subscribe(planHash, carol);
        mandate.replaces = planHash;
        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, planHash, carol));
    }
}
