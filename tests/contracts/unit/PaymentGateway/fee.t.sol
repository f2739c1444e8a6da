// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {Base} from "../../Base.t.sol";

contract FeeTest is Base {
    function test_setFee_emits() external {
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.FeeUpdated(1000, alice, 2);
        vm.prank(governor);
        gateway.setFee(1000, alice);

        assertEq(gateway.feeBps(), 1000, "rate");
        assertEq(gateway.feeReceiver(), alice, "receiver");
        assertEq(gateway.eventCount(), 2, "events");
    }

    function test_setFee_reverts_onBadArguments() external {
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.Unauthorized.selector, alice));
        vm.prank(alice);
        gateway.setFee(1, alice);

        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFee.selector, 1001));
        gateway.setFee(1001, alice);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFeeReceiver.selector, address(0)));
        gateway.setFee(1, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFeeReceiver.selector, alice));
        gateway.setFee(0, alice);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setFee(FEE_BPS, feeReceiver);
    }

    function test_setFee_takesTheFeeAway() external {
        vm.prank(governor);
        gateway.setFee(0, address(0));

        (uint256 fee, address receiver) = gateway.feeAmount(PRICE, 10_000);
        assertEq(fee, 0, "no fee");
        assertEq(receiver, address(0), "no receiver");
    }

    function testFuzz_feeAmount_takesTheLowerRateRoundedDown(uint96 amount, uint16 feeBps, uint16 maxFeeBps) external {
        feeBps = uint16(bound(feeBps, 1, gateway.MAX_FEE_BPS()));
        vm.assume(feeBps != FEE_BPS);
        vm.prank(governor);
        gateway.setFee(feeBps, feeReceiver);

        (uint256 fee, address receiver) = gateway.feeAmount(amount, maxFeeBps);
        uint256 rate = feeBps < maxFeeBps ? feeBps : maxFeeBps;
        assertEq(fee, uint256(amount) * rate / 10_000, "fee");
        assertEq(receiver == address(0), fee == 0, "receiver exactly when there is a fee");
    }

    function test_setFee_reverts_unlessRateOrReceiverChanges() external {
        vm.startPrank(governor);
        gateway.setFee(FEE_BPS, alice);
        gateway.setFee(FEE_BPS + 1, alice);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setFee(FEE_BPS + 1, alice);
    }
}
