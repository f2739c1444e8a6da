// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";

contract CountersTest is MarketBase {
    function testFuzz_buy_sellsNoMoreThanTheQuantity(uint32 quantity, uint32 first, uint32 second) external {
        IMarketplace.Listing memory listing = offer();
        listing.price = 1;
        listing.quantity = uint32(bound(quantity, 1, 1e9));
        first = uint32(bound(first, 1, listing.quantity));
        second = uint32(bound(second, 1, type(uint32).max));
        buy(alice, listing, first);

        uint256 left = listing.quantity - first;
        if (second > left) {
            bytes32 listingHash = market.hashListing(listing);
            buyReverts(bob, listing, second, abi.encodeWithSelector(IMarketplace.SoldOut.selector, listingHash, left));
            assertEq(market.soldOf(seller, listing.salt), first, "as before");
        } else {
            buy(bob, listing, second);
            assertEq(market.soldOf(seller, listing.salt), first + second, "sum");
        }
    }

    function test_buy_sellsTheLastUnit() external {
        IMarketplace.Listing memory listing = offer();
        listing.price = 1;
        listing.quantity = type(uint32).max - 1;
        buy(alice, listing, type(uint32).max - 1);

        bytes32 listingHash = market.hashListing(listing);
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.SoldOut.selector, listingHash, 0));
        assertEq(market.soldOf(seller, listing.salt), type(uint32).max - 1, "sold out is not revoked");
    }

    function testFuzz_buy_countsOneSaltOnly(uint256 salt, uint256 other, uint32 units, uint32 otherUnits) external {
        vm.assume(salt != other);
        IMarketplace.Listing memory listing = offer();
        (listing.price, listing.quantity, listing.salt) = (1, type(uint32).max - 1, salt);
        units = uint32(bound(units, 1, 1e9));
        otherUnits = uint32(bound(otherUnits, 1, 1e9));

        buy(alice, listing, units);
        assertEq(market.soldOf(seller, other), 0, "other untouched");
        listing.salt = other;
        buy(alice, listing, otherUnits);

        assertEq(market.soldOf(seller, salt), units, "first");
        assertEq(market.soldOf(seller, other), otherUnits, "second");
    }

    function testFuzz_buy_countsNeighboursApart(uint256 group, uint32[8] memory units) external {
        group = bound(group, 0, type(uint256).max >> 3);
        IMarketplace.Listing memory listing = offer();
        (listing.price, listing.quantity) = (1, type(uint32).max - 1);
        for (uint256 i; i < 8; ++i) {
            units[i] = uint32(bound(units[i], 1, 1e9));
            listing.salt = group << 3 | i;
            buy(alice, listing, units[i]);
        }
        vm.prank(seller);
        market.revokeListing(group << 3 | 3);

        for (uint256 i; i < 8; ++i) {
            assertEq(market.soldOf(seller, group << 3 | i), i == 3 ? type(uint32).max : units[i], "own counter");
        }
    }

    function test_buy_countsListingsOfOneSaltTogether() external {
        IMarketplace.Listing memory large = offer();
        IMarketplace.Listing memory small = offer();
        (small.quantity, small.sku) = (5, "other");
        buy(alice, large, 2);
        buy(alice, small, 1);
        assertEq(market.soldOf(seller, 1), 3, "together");

        bytes32 smallHash = market.hashListing(small);
        buyReverts(alice, small, 3, abi.encodeWithSelector(IMarketplace.SoldOut.selector, smallHash, 2));
        buy(alice, large, 10);
        buyReverts(alice, small, 1, abi.encodeWithSelector(IMarketplace.SoldOut.selector, smallHash, 0));
    }

    function test_buy_countsSellersApart() external {
        IMarketplace.Listing memory listing = offer();
        buy(alice, listing, 2);
        (seller, sellerKey) = makeAddrAndKey("second seller");
        listing.seller = seller;
        buy(alice, listing, 1);

        assertEq(market.soldOf(seller, 1), 1, "second seller");
        assertEq(market.soldOf(makeAddr("seller"), 1), 2, "first seller");
    }
}
