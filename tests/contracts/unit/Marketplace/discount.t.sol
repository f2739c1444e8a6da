// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";

contract DiscountTest is MarketBase {
    function test_buy_discounts_fromTheMinimumQuantity() external {
        IMarketplace.Listing memory listing = offer();
        (listing.discountBps, listing.discountMinQuantity) = (1000, 3);

        _buyAt(listing, 2, 0, 1);
        _buyAt(listing, 3, 1000, 2);
        _buyAt(listing, 4, 1000, 3);
    }

    function test_buy_discounts_toItsLastSecond() external {
        IMarketplace.Listing memory listing = offer();
        (listing.discountBps, listing.discountEndsAt) = (2500, uint64(START + 100));

        _buyAt(listing, 1, 2500, 1);
        vm.warp(START + 100);
        _buyAt(listing, 1, 2500, 2);
        vm.warp(START + 101);
        _buyAt(listing, 1, 0, 3);
    }

    function testFuzz_buy_discountsWithoutLimitOfTime(uint64 time) external {
        IMarketplace.Listing memory listing = offer();
        listing.discountBps = 500;
        vm.warp(bound(time, START, type(uint32).max));

        _buyAt(listing, 1, 500, 1);
    }

    function testFuzz_buy_roundsTheDiscountDown(uint96 price, uint16 discountBps) external {
        IMarketplace.Listing memory listing = offer();
        listing.price = uint96(bound(price, 1, 1_000_000e6));
        listing.discountBps = uint16(bound(discountBps, 0, 10_000));

        _buyAt(listing, 1, listing.discountBps, 1);
        assertEq(token.balanceOf(address(market)), 0, "nothing kept");
    }

    function test_buy_movesNothingForAFreeListing() external {
        IMarketplace.Listing memory listing = offer();
        listing.discountBps = 10_000;
        IMarketplace.Purchase memory purchase = order(listing, 2);
        purchase.maxAmount = 0;
        vm.mockCallRevert(address(token), abi.encodeWithSelector(token.transferFrom.selector), "moved");

        expectSale(listing, alice, alice, orderOf(1, 2, 2 * PRICE), 0, 0);
        pay(alice, listing, purchase, 0);

        assertEq(market.soldOf(seller, 1), 2, "sold");
        assertEq(market.eventCount(), 1, "events");
    }

    function test_buy_boundsThePriceAfterTheDiscount() external {
        IMarketplace.Listing memory listing = offer();
        listing.discountBps = 1000;
        IMarketplace.Purchase memory purchase = order(listing, 1);
        purchase.maxAmount = PRICE - PRICE / 10 - 1;

        payReverts(
            alice,
            listing,
            purchase,
            0,
            abi.encodeWithSelector(IMarketplace.PriceAboveMaximum.selector, purchase.maxAmount + 1, purchase.maxAmount)
        );
        ++purchase.maxAmount;
        pay(alice, listing, purchase, 0);
    }

    function _buyAt(IMarketplace.Listing memory listing, uint32 quantity, uint256 discountBps, uint256 sequence)
        private
    {
        uint256 amount = uint256(listing.price) * quantity;
        uint256 discount = amount * discountBps / 10_000;
        uint256 gross = amount - discount;
        uint256 before = token.balanceOf(alice);

        expectSale(listing, alice, alice, orderOf(sequence, quantity, discount), gross, feeOf(gross));
        buy(alice, listing, quantity);

        assertEq(before - token.balanceOf(alice), gross, "buyer");
    }
}
