// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Permit2Base} from "../../Permit2Base.t.sol";

/// @dev Mandates that bring the authorisation of the token along. Carol's allowance to the manager is zero.
contract MandatePermitTest is Permit2Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function testFuzz_subscribeBySig_usesAPermitOfManyPeriods(uint256 periods) external {
        periods = bound(periods, 1, 4);
        _relay(mandateFor(planHash), permitOf(token, periods * PRICE));
        for (uint256 i = 1; i < periods; ++i) {
            vm.warp(START + i * PERIOD);
            charge(planHash, carol);
        }
        assertEq(token.allowance(carol, address(manager)), 0, "used up");

        vm.warp(START + periods * PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_subscribeBySig_succeeds_whenThePermitWasUsedByAnother() external {
        bytes memory permit = permitOf(token, PRICE);
        (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(permit, (uint256, uint256, uint8, bytes32, bytes32));
        vm.prank(bob);
        token.permit(carol, address(manager), value, deadline, v, r, s);

        _relay(mandateFor(planHash), permit);
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    function testFuzz_subscribeBySig_succeeds_onABadPermitBesideAnAllowance(bytes32 r, bytes32 s, uint8 v) external {
        vm.prank(carol);
        token.approve(address(manager), PRICE);
        _relay(mandateFor(planHash), abi.encode(uint256(PRICE), START, v, r, s));
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    function testFuzz_subscribeBySig_reverts_onABadPermitAlone(bytes32 r, bytes32 s, uint8 v) external {
        _relayReverts(
            mandateFor(planHash),
            abi.encode(uint256(PRICE), START, v, r, s),
            ISubscriptionTypes.Reason.InsufficientAllowance
        );
    }

    function test_subscribeBySig_reverts_whenThePermitIsTooSmall() external {
        _relayReverts(mandateFor(planHash), permitOf(token, PRICE - 1), ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_subscribeBySig_usesAPermitOfPermit2() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.rail = ISubscriptionTypes.Rail.Permit2;
        IAllowanceTransfer.PermitSingle memory single = permit2Of(2 * uint160(PRICE), FOREVER);
        _relay(mandate, abi.encode(single, sign(single)));
        assertEq(uint8(stateOf(planHash, carol).rail), uint8(ISubscriptionTypes.Rail.Permit2), "rail");

        vm.warp(START + PERIOD);
        charge(planHash, carol);
        vm.warp(START + 2 * PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        assertEq(token.balanceOf(carol), 1_000_000e6 - 2 * uint256(PRICE), "paid twice");
    }

    function test_subscribeBySig_succeeds_whenThePermitOfPermit2WasUsedByAnother() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.rail = ISubscriptionTypes.Rail.Permit2;
        IAllowanceTransfer.PermitSingle memory single = permit2Of(PRICE, FOREVER);
        bytes memory signature = sign(single);
        vm.prank(bob);
        permit2.permit(carol, single, signature);

        _relay(mandate, abi.encode(single, signature));
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    /// @dev A permit names its spender and owner; one for somebody else gives this contract nothing.
    function test_subscribeBySig_reverts_onAPermitForAnotherSpender() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.rail = ISubscriptionTypes.Rail.Permit2;
        IAllowanceTransfer.PermitSingle memory single = permit2Of(PRICE, FOREVER);
        single.spender = bob;
        _relayReverts(mandate, abi.encode(single, sign(single)), ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_subscribeBySig_reverts_onAPermitOfTheOtherRail() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        IAllowanceTransfer.PermitSingle memory single = permit2Of(PRICE, FOREVER);
        bytes memory signature = sign(single);
        vm.prank(carol);
        permit2.permit(carol, single, signature);
        _relayReverts(mandate, "", ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_subscribeBySig_reverts_whenThePermitIsNoEncoding() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        vm.expectRevert(bytes(""));
        vm.prank(relayer);
        manager.subscribeBySig(mandate, signature, hex"01");
    }

    function _relay(ISubscriptionTypes.Mandate memory mandate, bytes memory permit) private {
        bytes memory signature = sign(mandate);
        vm.prank(relayer);
        manager.subscribeBySig(mandate, signature, permit);
    }

    function _relayReverts(
        ISubscriptionTypes.Mandate memory mandate,
        bytes memory permit,
        ISubscriptionTypes.Reason reason
    ) private {
        bytes memory signature = sign(mandate);
        vm.expectRevert(failed(reason));
        vm.prank(relayer);
        manager.subscribeBySig(mandate, signature, permit);
    }
}
