// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";

contract SubscribeTest is Base {
    function test_subscribe_chargesTheFirstPeriod() external {
        bytes32 planHash = createDefault();

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, alice, merchant, uint40(START), uint40(START + PERIOD), 0, 1
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash,
            alice,
            receiptOf(2, START, START + PERIOD, PRICE),
            settlementOf(merchant, feeOf(PRICE)),
            address(token)
        );
        subscribe(planHash, alice);

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, alice);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Active), "status");
        assertEq(state.nextChargeAt, START + PERIOD, "next charge");
        assertEq(state.chargeCount, 1, "charges");
        assertEq(token.balanceOf(merchant), PRICE - feeOf(PRICE), "merchant");
        assertEq(token.balanceOf(feeReceiver), feeOf(PRICE), "fee receiver");
        assertEq(token.balanceOf(address(manager)), 0, "nothing kept");
        assertEq(manager.eventCount(), 2, "events");
    }

    function testFuzz_subscribe_splitsThePrice(uint96 price, uint16 maxFeeBps) external {
        IPlanManager.Plan memory plan = terms();
        plan.price = uint96(bound(price, 1, type(uint96).max));
        plan.maxFeeBps = uint16(bound(maxFeeBps, 0, 10_000));
        bytes32 planHash = create(plan);
        token.mint(alice, plan.price);
        subscribe(planHash, alice);

        uint256 fee = uint256(plan.price) * (plan.maxFeeBps < FEE_BPS ? plan.maxFeeBps : FEE_BPS) / 10_000;
        assertEq(token.balanceOf(feeReceiver), fee, "fee");
        assertEq(token.balanceOf(merchant), plan.price - fee, "net");
    }

    function test_subscribe_beginsWithATrialOnce() external {
        IPlanManager.Plan memory plan = terms();
        plan.trial = 7 days;
        bytes32 planHash = create(plan);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, alice, merchant, uint40(START), uint40(START + 7 days), 0, 1
        );
        subscribe(planHash, alice);
        assertEq(token.balanceOf(merchant), 0, "free");
        assertEq(stateOf(planHash, alice).chargeCount, 0, "no charge");

        vm.prank(alice);
        manager.cancel(planHash);
        vm.warp(START + 7 days);
        subscribe(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 1, "no second trial");
        assertEq(stateOf(planHash, alice).nextChargeAt, START + 7 days + PERIOD, "period from now");
    }

    function testFuzz_subscribe_keepsPaidTime(uint256 gap) external {
        bytes32 planHash = createDefault();
        subscribe(planHash, alice);
        vm.prank(alice);
        manager.cancel(planHash);

        vm.warp(START + bound(gap, 0, PERIOD - 1));
        subscribe(planHash, alice);
        assertEq(stateOf(planHash, alice).nextChargeAt, START + PERIOD, "paid time kept");
        assertEq(stateOf(planHash, alice).chargeCount, 1, "not charged again");
        assertEq(uint8(stateOf(planHash, alice).cancelReason), 0, "reason cleared");
        assertEq(token.balanceOf(merchant), PRICE - feeOf(PRICE), "paid once");
    }

    function test_subscribe_chargesAtTheEndOfPaidTime() external {
        bytes32 planHash = createDefault();
        subscribe(planHash, alice);
        vm.prank(alice);
        manager.cancel(planHash);

        vm.warp(START + PERIOD);
        subscribe(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charged");
        assertEq(stateOf(planHash, alice).nextChargeAt, START + 2 * PERIOD, "period from now");
    }

    function test_subscribe_reverts_whenSubscribed() external {
        bytes32 planHash = createDefault();
        subscribe(planHash, alice);

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, planHash, alice));
        subscribe(planHash, alice);
    }

    function test_subscribe_reverts_whenPlanIsUnknown() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.PlanNotFound.selector, bytes32("x")));
        subscribe("x", alice);
    }

    function test_subscribe_reverts_whenPlanIsNotOpen() external {
        bytes32 planHash = createDefault();
        bytes memory notOpen = abi.encodeWithSelector(ISubscriptionTypes.PlanNotOpen.selector, planHash);
        vm.prank(merchant);
        plans.closePlan(planHash);
        vm.expectRevert(notOpen);
        subscribe(planHash, alice);

        vm.prank(merchant);
        plans.deactivatePlan(planHash);
        vm.expectRevert(notOpen);
        subscribe(planHash, alice);

        vm.prank(merchant);
        plans.activatePlan(planHash);
        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);
        vm.expectRevert(notOpen);
        subscribe(planHash, alice);
    }

    function test_subscribe_reverts_withTheReason() external {
        bytes32 planHash = createDefault();
        address carol = makeAddr("carol");
        _expectFailure(ISubscriptionTypes.Reason.InsufficientBalance);
        subscribe(planHash, carol);

        token.mint(carol, PRICE);
        _expectFailure(ISubscriptionTypes.Reason.InsufficientAllowance);
        subscribe(planHash, carol);
    }

    function test_subscribe_reverts_whenAllowanceCoversTheNetOnly() external {
        bytes32 planHash = createDefault();
        vm.prank(alice);
        token.approve(address(manager), PRICE - 1);

        _expectFailure(ISubscriptionTypes.Reason.InsufficientAllowance);
        subscribe(planHash, alice);
        assertEq(token.balanceOf(merchant), 0, "nothing moved");
    }

    function test_subscribe_reverts_whenEthComesWithATokenPlan() external {
        bytes32 planHash = createDefault();
        vm.deal(alice, 1);

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.EthRefused.selector, 1));
        vm.prank(alice);
        manager.subscribe{value: 1}(planHash);
    }

    function test_subscribeWithPermit_succeeds() external {
        bytes32 planHash = createDefault();
        (address carol, uint256 key) = makeAddrAndKey("carol");
        token.mint(carol, PRICE);
        (uint8 v, bytes32 r, bytes32 s) = _permit(carol, key, 12 * uint256(PRICE));

        vm.prank(carol);
        manager.subscribeWithPermit(planHash, 12 * uint256(PRICE), START, v, r, s);
        assertEq(token.allowance(carol, address(manager)), 11 * uint256(PRICE), "rest of the permit");
    }

    function test_subscribeWithPermit_succeeds_whenPermitWasUsedByAnother() external {
        bytes32 planHash = createDefault();
        (address carol, uint256 key) = makeAddrAndKey("carol");
        token.mint(carol, PRICE);
        (uint8 v, bytes32 r, bytes32 s) = _permit(carol, key, PRICE);
        token.permit(carol, address(manager), PRICE, START, v, r, s);

        vm.prank(carol);
        manager.subscribeWithPermit(planHash, PRICE, START, v, r, s);
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    function test_subscribeWithPermit_reverts_whenPermitIsBad() external {
        bytes32 planHash = createDefault();
        address carol = makeAddr("carol");
        token.mint(carol, PRICE);

        _expectFailure(ISubscriptionTypes.Reason.InsufficientAllowance);
        vm.prank(carol);
        manager.subscribeWithPermit(planHash, PRICE, START, 27, "r", "s");
    }

    function _permit(address owner, uint256 key, uint256 value) private view returns (uint8, bytes32, bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                address(manager),
                value,
                IERC20Permit(address(token)).nonces(owner),
                START
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }

    function _expectFailure(ISubscriptionTypes.Reason reason) private {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, reason));
    }
}
