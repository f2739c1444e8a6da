// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../Base.t.sol";
import {Permit2} from "../Permit2.sol";
import {FeeOnTransferToken, PlainToken} from "../mocks/HostileTokens.sol";

/// @dev See README.md for what each number means.
contract TokenDefectsTest is Base, Permit2 {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    address private dave;
    uint256 private daveKey;
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        (dave, daveKey) = makeAddrAndKey("dave");
        token.mint(dave, 10 * PRICE);
        deployPermit2();
    }

    /// @dev A token that nobody vouched for buys nothing: without a price there is no subscription.
    function test_B08_aWorthlessTokenBuysNothing() external {
        PlainToken worthless = new PlainToken();
        worthless.mint(dave, 1_000_000e18);
        vm.prank(dave);
        worthless.approve(address(manager), type(uint256).max);
        ISubscriptionTypes.Mandate memory mandate = ISubscriptionTypes.Mandate({
            planHash: planHash,
            replaces: 0,
            subscriber: dave,
            paymentToken: address(worthless),
            rail: ISubscriptionTypes.Rail.Allowance,
            maxAmount: type(uint96).max,
            maxCharges: 0,
            endsAt: 0,
            nonce: 1,
            deadline: START
        });
        vm.prank(dave);
        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.QuoteUnavailable)
        );
        manager.subscribeBySig(mandate, "", "");
    }

    function test_B10_aTokenThatKeepsAPartIsChargedAtTheMerchantsCost() external {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        IPlanManager.Plan memory plan = terms();
        plan.token = address(odd);
        bytes32 tolled = create(plan);
        odd.mint(alice, 10 * PRICE);
        vm.prank(alice);
        odd.approve(address(manager), type(uint256).max);
        subscribe(tolled, alice);
        vm.warp(START + PERIOD);
        charge(tolled, alice);
        assertEq(odd.balanceOf(alice), 8 * PRICE, "the price and no more, each time");
        assertGt(odd.balanceOf(merchant), 2 * (PRICE - feeOf(PRICE)) * 98 / 100, "merchant gets what arrives");
    }

    function test_B11_aPermitMayCoverManyPeriods() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(3 * uint256(PRICE));
        vm.prank(dave);
        manager.subscribeWithPermit(planHash, 3 * uint256(PRICE), START, v, r, s);
        for (uint256 i = 1; i < 3; ++i) {
            vm.warp(START + i * PERIOD);
            charge(planHash, dave);
        }
        assertEq(stateOf(planHash, dave).chargeCount, 3, "three periods by one permit");
    }

    function test_B12_aPermitThatSomebodyUsedFirstDoesNotMatter() external {
        (uint8 v, bytes32 r, bytes32 s) = _permit(PRICE);
        token.permit(dave, address(manager), PRICE, START, v, r, s);
        vm.prank(dave);
        manager.subscribeWithPermit(planHash, PRICE, START, v, r, s);
        assertEq(token.balanceOf(dave), 9 * PRICE, "paid");
    }

    function test_B13_aPermit2PaymentIsTakenOnce() external {
        vm.startPrank(dave);
        token.approve(PERMIT2, type(uint256).max);
        token.approve(address(manager), type(uint256).max);
        vm.stopPrank();
        (IAllowanceTransfer.PermitSingle memory single, bytes memory signature) = _permit2(type(uint160).max, 0);
        vm.prank(dave);
        manager.subscribeWithPermit2(planHash, single, signature);
        assertEq(token.balanceOf(dave), 9 * PRICE, "paid once");
        assertEq(token.balanceOf(address(manager)) + token.balanceOf(address(gateway)), 0, "nothing is stuck");
    }

    function test_B13b_permit2AloneIsEnough() external {
        vm.prank(dave);
        token.approve(PERMIT2, type(uint256).max);
        (IAllowanceTransfer.PermitSingle memory single, bytes memory signature) = _permit2(4 * uint160(PRICE), 0);
        vm.prank(dave);
        manager.subscribeWithPermit2(planHash, single, signature);
        vm.warp(START + PERIOD);
        charge(planHash, dave);
        assertEq(token.allowance(dave, address(manager)), 0, "no other approval");
        assertEq(stateOf(planHash, dave).chargeCount, 2, "charged again");
    }

    /// @dev Permit2's nonces are the payer's to choose, so another plan may be joined by another permit.
    function test_B13b_permit2WorksMoreThanOnce() external {
        vm.prank(dave);
        token.approve(PERMIT2, type(uint256).max);
        bytes32 other = createDefault();
        (IAllowanceTransfer.PermitSingle memory single, bytes memory signature) = _permit2(PRICE, 0);
        vm.prank(dave);
        manager.subscribeWithPermit2(planHash, single, signature);
        (single, signature) = _permit2(PRICE, 1);
        vm.prank(dave);
        manager.subscribeWithPermit2(other, single, signature);
        assertEq(token.balanceOf(dave), 8 * PRICE, "both paid");
    }

    function _permit(uint256 value) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash =
            keccak256(abi.encode(PERMIT_TYPEHASH, dave, address(manager), value, token.nonces(dave), START));
        return vm.sign(daveKey, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }

    function _permit2(uint160 amount, uint48 nonce)
        private
        view
        returns (IAllowanceTransfer.PermitSingle memory single, bytes memory signature)
    {
        single = IAllowanceTransfer.PermitSingle({
            details: IAllowanceTransfer.PermitDetails({
                token: address(token), amount: amount, expiration: type(uint48).max, nonce: nonce
            }),
            spender: address(manager),
            sigDeadline: START
        });
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(daveKey, permit2Digest(single));
        signature = abi.encodePacked(r, s, v);
    }
}
