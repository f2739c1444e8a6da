// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Permit2Base} from "../../Permit2Base.t.sol";

/// @dev Subscriptions whose charges go through Permit2. Carol's allowance to the manager is zero.
contract Permit2RailTest is Permit2Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function test_subscribeWithPermit2_chargesThroughPermit2() external {
        IAllowanceTransfer.PermitSingle memory single = permit2Of(3 * uint160(PRICE), FOREVER);
        bytes memory signature = sign(single);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            planHash, carol, ISubscriptionTypes.Rail.Permit2, address(token), PRICE, 0, 1
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, carol, merchant, uint40(START), uint40(START + PERIOD), 0, 2
        );
        expectCharged(planHash, carol, 3, START, START + PERIOD, address(token), PRICE);
        subscribeWithPermit2(planHash, single, signature);

        assertEq(uint8(stateOf(planHash, carol).rail), uint8(ISubscriptionTypes.Rail.Permit2), "rail");
        (uint160 left,,) = permit2.allowance(carol, address(token), address(manager));
        assertEq(left, 2 * PRICE, "rest of the permit");
        assertEq(token.balanceOf(merchant), PRICE - feeOf(PRICE), "merchant");
        assertEq(token.balanceOf(feeReceiver), feeOf(PRICE), "fee receiver");
        assertEq(manager.eventCount(), 3, "events");
    }

    function test_charge_renewsThroughPermit2() external {
        _join(carol);
        vm.warp(START + PERIOD);
        expectCharged(planHash, carol, 4, START + PERIOD, START + 2 * PERIOD, address(token), PRICE);
        charge(planHash, carol);
        assertEq(token.balanceOf(merchant), 2 * (PRICE - feeOf(PRICE)), "merchant");
        assertEq(token.balanceOf(feeReceiver), 2 * feeOf(PRICE), "fee receiver");
    }

    function test_chargeBatch_servesBothRails() external {
        _join(carol);
        subscribe(planHash, alice);
        subscribe(planHash, bob);
        vm.warp(START + PERIOD);
        uint256 merchantBefore = token.balanceOf(merchant);
        uint256 feeBefore = token.balanceOf(feeReceiver);

        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol, bob)), hex"000000", "outcomes");
        assertEq(token.balanceOf(merchant) - merchantBefore, 3 * (PRICE - feeOf(PRICE)), "merchant");
        assertEq(token.balanceOf(feeReceiver) - feeBefore, 3 * feeOf(PRICE), "fee receiver");
        assertEq(token.balanceOf(carol), 1_000_000e6 - 2 * uint256(PRICE), "payer");
        assertEq(token.balanceOf(address(manager)), 0, "nothing kept");
    }

    /// @dev The one rail's approval is not used for the other's subscription.
    function test_chargeBatch_keepsTheRailsApart() external {
        _join(carol);
        vm.startPrank(carol);
        permit2.approve(address(token), address(manager), 0, FOREVER);
        token.approve(address(manager), type(uint256).max);
        vm.stopPrank();
        subscribe(planHash, alice);
        approve2(alice, type(uint160).max);
        vm.prank(alice);
        token.approve(address(manager), 0);

        vm.warp(START + PERIOD);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol)), hex"0505", "outcomes");
    }

    function test_subscribeWithPermit2_succeeds_whenThePermitWasUsedByAnother() external {
        IAllowanceTransfer.PermitSingle memory single = permit2Of(PRICE, FOREVER);
        bytes memory signature = sign(single);
        vm.prank(bob);
        permit2.permit(carol, single, signature);
        subscribeWithPermit2(planHash, single, signature);
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    function test_subscribeWithPermit2_reverts_whenThePermitIsBad() external {
        IAllowanceTransfer.PermitSingle memory single = permit2Of(PRICE, FOREVER);
        bytes memory signature = sign(single);
        single.details.amount += 1;
        vm.expectRevert(failed(ISubscriptionTypes.Reason.InsufficientAllowance));
        subscribeWithPermit2(planHash, single, signature);
    }

    function test_subscribeWithPermit2_keepsPaidTimeOfTheOtherRail() external {
        vm.prank(carol);
        token.approve(address(manager), PRICE);
        subscribe(planHash, carol);
        cancel(planHash, carol);
        IAllowanceTransfer.PermitSingle memory single;
        subscribeWithPermit2(planHash, single, "");
        assertEq(stateOf(planHash, carol).chargeCount, 1, "not charged again");

        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        approve2(carol, PRICE);
        charge(planHash, carol);
    }

    function test_subscribe_goesBackToTheTokensAllowance() external {
        _join(carol);
        cancel(planHash, carol);
        subscribe(planHash, carol);
        assertEq(uint8(stateOf(planHash, carol).rail), uint8(ISubscriptionTypes.Rail.Allowance), "rail");
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_switchPlan_staysWithPermit2() external {
        bytes32 pro = createWith(2 * PRICE, PERIOD);
        _join(carol);
        switchPlan(planHash, pro, carol);
        assertEq(uint8(stateOf(pro, carol).rail), uint8(ISubscriptionTypes.Rail.Permit2), "rail");
        vm.warp(START + PERIOD / 2);
        charge(pro, carol);
    }

    function testFuzz_charge_reverts_whenTheAllowanceOfPermit2Expired(uint256 late) external {
        uint48 expiration = uint48(START + PERIOD);
        IAllowanceTransfer.PermitSingle memory single = permit2Of(type(uint160).max, expiration);
        subscribeWithPermit2(planHash, single, sign(single));
        vm.warp(expiration);
        uint256 snapshot = vm.snapshotState();
        charge(planHash, carol);

        vm.revertToState(snapshot);
        vm.warp(expiration + bound(late, 1, 365 days));
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"05", "batch");
    }

    function testFuzz_charge_reverts_whenTheAllowanceOfPermit2IsTooSmall(uint160 amount) external {
        _join(carol);
        approve2(carol, uint160(bound(amount, 0, PRICE - 1)));
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"05", "batch");
        assertEq(stateOf(planHash, carol).retries, 1, "a retry used");
    }

    function testFuzz_charge_reverts_whenThePermit2sAllowanceIsTooSmall(uint256 amount) external {
        _join(carol);
        vm.prank(carol);
        token.approve(PERMIT2, bound(amount, 0, PRICE - 1));
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"05", "batch");
    }

    function test_charge_reverts_whenTheBalanceIsTooSmall() external {
        _join(carol);
        uint256 rest = token.balanceOf(carol);
        vm.prank(carol);
        token.transfer(bob, rest);
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientBalance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"03", "batch");
    }

    /// @dev A call to an address without code succeeds; that is no payment.
    function test_charge_reverts_whenThereIsNoPermit2() external {
        _join(carol);
        vm.etch(PERMIT2, "");
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"05", "batch");
        assertEq(stateOf(planHash, carol).chargeCount, 1, "not charged");
    }

    function test_subscribeWithPermit2_reverts_whenThereIsNoPermit2() external {
        vm.etch(PERMIT2, "");
        IAllowanceTransfer.PermitSingle memory single;
        vm.expectRevert(failed(ISubscriptionTypes.Reason.InsufficientAllowance));
        subscribeWithPermit2(planHash, single, "");
    }

    /// @dev Permit2 takes a token without code for one that works; nothing of it counts as paid.
    function test_charge_reverts_whenTheTokenHasNoCode() external {
        _join(carol);
        vm.etch(address(token), "");
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientBalance);
        assertEq(chargeBatch(planHash, abi.encodePacked(carol)), hex"03", "batch");
        assertEq(stateOf(planHash, carol).chargeCount, 1, "not charged");
    }

    function test_subscribeWithPermit2_reverts_onANativePlan() external {
        bytes32 native = createNative();
        manager.depositNative{value: 1 ether}(carol);
        IAllowanceTransfer.PermitSingle memory single;
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidMandate.selector));
        subscribeWithPermit2(native, single, "");
    }

    function _join(address account) private {
        approve2(account, type(uint160).max);
        IAllowanceTransfer.PermitSingle memory single;
        vm.prank(account);
        manager.subscribeWithPermit2(planHash, single, "");
    }
}
