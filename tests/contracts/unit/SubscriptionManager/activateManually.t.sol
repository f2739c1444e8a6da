// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

contract ActivateManuallyTest is SubscriberBase {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function testFuzz_activateManually_chargesNothingUpToPaidUntil(uint40 paidUntil) external {
        paidUntil = uint40(bound(paidUntil, START + 1, START + PERIOD));
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (mandate.maxCharges, mandate.endsAt) = (1, uint40(START + 365 days));
        bytes memory signature = sign(mandate);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            planHash, carol, ISubscriptionTypes.Rail.Allowance, address(token), PRICE, 1, 1
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.ManualActivation(planHash, carol, operator, paidUntil, 2);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, carol, merchant, uint40(START), paidUntil, uint40(START + 365 days), 3
        );
        _activate(mandate, signature, paidUntil);
        assertEq(token.balanceOf(carol), 1_000_000e6, "nothing paid");
        assertEq(stateOf(planHash, carol).chargeCount, 0, "no charge");
        assertEq(manager.eventCount(), 3, "events");

        vm.warp(paidUntil - 1);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.NotDue);
        vm.warp(paidUntil);
        charge(planHash, carol);
        vm.warp(uint256(paidUntil) + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.Ended);
    }

    function testFuzz_activateManually_reverts_onTimesOutsideOfOnePeriod(uint40 paidUntil, bool early) external {
        paidUntil =
            early ? uint40(bound(paidUntil, 0, START)) : uint40(bound(paidUntil, START + PERIOD + 1, type(uint40).max));
        _reverts(
            mandateFor(planHash),
            paidUntil,
            abi.encodeWithSelector(ISubscriptionTypes.InvalidPaidUntil.selector, paidUntil)
        );
    }

    function testFuzz_activateManually_reverts_forAnyoneElse(address caller) external {
        vm.assume(caller != operator);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, caller));
        vm.prank(caller);
        manager.activateManually(mandate, signature, uint40(START + 1));
    }

    /// @dev Also an operator who subscribes needs the signature: what is here is not what `subscribeBySig` asks of itself.
    function test_activateManually_reverts_withoutTheSubscribersSignature() external {
        bytes memory invalid = abi.encodeWithSelector(ISubscriptionTypes.InvalidSignature.selector);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        mandate.maxAmount += 1;
        vm.expectRevert(invalid);
        _activate(mandate, signature, uint40(START + 1));

        mandate.subscriber = operator;
        vm.expectRevert(invalid);
        _activate(mandate, "", uint40(START + 1));
    }

    function test_activateManually_needsANewSignature_afterACancellation() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        _activate(mandate, signature, uint40(START + 1 days));
        cancel(planHash, carol);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, mandate.nonce));
        _activate(mandate, signature, uint40(START + 1 days));
    }

    function testFuzz_activateManually_keepsTheLongerPaidTime(uint40 paidUntil, uint256 elapsed) external {
        subscribe(planHash, carol);
        cancel(planHash, carol);
        vm.warp(START + bound(elapsed, 0, PERIOD - 1));
        paidUntil = uint40(bound(paidUntil, block.timestamp + 1, block.timestamp + PERIOD));
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        _activate(mandate, sign(mandate), paidUntil);
        assertPaidUntil(planHash, carol, paidUntil > START + PERIOD ? paidUntil : START + PERIOD);
    }

    function test_activateManually_endsATrial() external {
        bytes32 trial = createTrial(60 days);
        subscribe(trial, carol);
        cancel(trial, carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(trial);
        _activate(mandate, sign(mandate), uint40(START + 1 days));
        assertPaidUntil(trial, carol, START + 1 days);
        assertFalse(stateOf(trial, carol).inTrial, "paid time");
    }

    function test_activateManually_setsTheBounds() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (mandate.paymentToken, mandate.maxAmount) = (address(euro), 9e18);
        _activate(mandate, sign(mandate), uint40(START + 1 days));
        assertEq(manager.boundsOf(planHash, carol).maxAmount, 9e18, "maximum");
        vm.warp(START + 1 days);
        failQuote(planHash, address(euro));
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.QuoteUnavailable);
    }

    function test_activateManually_reverts_onTermsThatDoNotHold() external {
        bytes memory invalid = abi.encodeWithSelector(ISubscriptionTypes.InvalidMandate.selector);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.replaces = "x";
        _reverts(mandate, uint40(START + 1), invalid);

        mandate = mandateFor(planHash);
        mandate.maxAmount = PRICE - 1;
        _reverts(mandate, uint40(START + 1), invalid);

        mandate = mandateFor(planHash);
        mandate.deadline = START - 1;
        _reverts(
            mandate, uint40(START + 1), abi.encodeWithSelector(ISubscriptionTypes.DeadlinePassed.selector, START - 1)
        );
    }

    function test_activateManually_reverts_whenSubscribedOrShut() external {
        subscribe(planHash, carol);
        _reverts(
            mandateFor(planHash),
            uint40(START + 1),
            abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, planHash, carol)
        );
        cancel(planHash, carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        shut(planHash);
        _reverts(mandate, uint40(START + 1), abi.encodeWithSelector(ISubscriptionTypes.PlanNotOpen.selector, planHash));
    }

    function _activate(ISubscriptionTypes.Mandate memory mandate, bytes memory signature, uint40 paidUntil) private {
        vm.prank(operator);
        manager.activateManually(mandate, signature, paidUntil);
    }

    function _reverts(ISubscriptionTypes.Mandate memory mandate, uint40 paidUntil, bytes memory why) private {
        bytes memory signature = sign(mandate);
        vm.expectRevert(why);
        _activate(mandate, signature, paidUntil);
    }
}
