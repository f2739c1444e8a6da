// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {FeeOnTransferToken, PlainToken, RebasingToken} from "../../mocks/HostileTokens.sol";
import {ZooBase} from "./ZooBase.t.sol";

/// @dev Tokens that deliver another amount than was asked for, or count in other units.
contract AmountsTest is ZooBase {
    RebasingToken private rebasing;

    function test_feeOnTransfer_isTheMerchantsLossInTheSinglePath() external {
        enter(address(new FeeOnTransferToken()));
        joinBoth();
        charge(planHash, alice);
        assertEq(odd.balanceOf(alice), FUNDS - 2 * uint256(PRICE), "the payer pays the price and no more");
        assertEq(odd.balanceOf(merchant), 3 * (NET - NET / 100), "merchant");
        assertEq(odd.balanceOf(feeReceiver), 3 * (PRICE - NET - (PRICE - NET) / 100), "fee receiver");
    }

    function test_feeOnTransfer_revertsTheBatch() external {
        enter(address(new FeeOnTransferToken()));
        joinBoth();
        vm.expectRevert(
            abi.encodeWithSelector(
                ISubscriptionTypes.ReceivedLessThanCharged.selector,
                2 * uint256(PRICE),
                2 * uint256(PRICE) - 2 * uint256(PRICE) / 100
            )
        );
        chargeBatch(planHash, both());
        assertUntouched(alice);
    }

    /// @dev Between charges balances go up and down; a charge takes the price of that day's units.
    function testFuzz_rebasing_betweenCharges_takesThePrice(uint256 index) external {
        _enterRebasing();
        index = bound(index, 0.05e18, 20e18);
        rebasing.setIndex(index);
        uint256 before = odd.balanceOf(alice);
        uint256 received = odd.balanceOf(merchant);
        charge(planHash, alice);

        assertLe(before - odd.balanceOf(alice), uint256(PRICE), "the price at most");
        assertApproxEqAbs(before - odd.balanceOf(alice), PRICE, 40, "the price");
        assertApproxEqAbs(odd.balanceOf(merchant) - received, NET, 21, "merchant");
    }

    function test_rebasing_downBelowThePrice_isNoBalance() external {
        _enterRebasing();
        rebasing.setIndex(0.001e18);
        chargeReverts(alice, ISubscriptionTypes.Reason.InsufficientBalance);
        assertEq(chargeBatch(planHash, both()), hex"0303", "batch");
    }

    function test_rebasing_upWithinABatch_isTheMerchants() external {
        _enterRebasing();
        uint256 merchantBefore = rebasing.shares(merchant);
        uint256 feeBefore = rebasing.shares(feeReceiver);
        rebasing.setNextIndex(2e18);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"00", "outcomes");
        assertEq(rebasing.shares(feeReceiver) - feeBefore, (PRICE - NET) / 2, "the fee in units");
        assertEq(rebasing.shares(merchant) - merchantBefore, PRICE - (PRICE - NET) / 2, "all the rest");
        assertEq(odd.balanceOf(address(manager)), 0, "nothing kept");
    }

    function test_rebasing_downWithinABatch_revertsIt() external {
        _enterRebasing();
        rebasing.setNextIndex(0.5e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISubscriptionTypes.ReceivedLessThanCharged.selector, uint256(PRICE), uint256(PRICE) / 2
            )
        );
        chargeBatch(planHash, abi.encodePacked(alice));
        assertUntouched(alice);
    }

    /// @dev Shares round down: the unit that is missing costs the merchant in the single path, and stops a batch.
    function test_rebasing_roundingByAUnit_stopsBatchesOnly() external {
        _enterRebasing();
        rebasing.setIndex(1.3e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISubscriptionTypes.ReceivedLessThanCharged.selector, uint256(PRICE), uint256(PRICE) - 1
            )
        );
        chargeBatch(planHash, abi.encodePacked(alice));
        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).chargeCount, 2, "charged");
    }

    function testFuzz_decimals_makeNoDifference(bool many, uint96 price) external {
        uint8 decimals = many ? 24 : 6;
        price = uint96(bound(price, 1, type(uint96).max / 4));
        enter(vm.deployCode("TestToken.sol:TestToken", abi.encode("Units", "UNT", decimals)));
        IPlanManager.Plan memory plan = terms();
        (plan.token, plan.price) = (address(odd), price);
        planHash = create(plan);
        odd.mint(alice, 4 * uint256(price));
        join(alice);
        vm.warp(START + PERIOD);
        charge(planHash, alice);
        vm.warp(START + 2 * PERIOD);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"00", "batch");

        assertEq(odd.balanceOf(alice), FUNDS + price, "payer");
        assertEq(odd.balanceOf(feeReceiver), 3 * feeOf(price), "fee receiver");
        assertEq(odd.balanceOf(merchant), 3 * (price - feeOf(price)), "merchant");
    }

    /// @dev A price has 96 bits: at 24 decimals that is 79,228 of a token.
    function test_decimals_priceOfManyFits() external {
        IPlanManager.Plan memory plan = terms();
        odd = PlainToken(vm.deployCode("TestToken.sol:TestToken", abi.encode("Units", "UNT", 24)));
        (plan.token, plan.price) = (address(odd), 79_228e24);
        planHash = create(plan);
        odd.mint(alice, plan.price);
        join(alice);
        assertEq(odd.balanceOf(merchant) + odd.balanceOf(feeReceiver), plan.price, "paid");
    }

    function _enterRebasing() private {
        rebasing = new RebasingToken();
        enter(address(rebasing));
        joinBoth();
    }
}
