// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";

contract RevokeTest is MarketBase {
    function testFuzz_revokeListing_endsTheSalt(uint256 salt) external {
        IMarketplace.Listing memory listing = offer();
        listing.salt = salt;
        buy(alice, listing, 1);

        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketplace.ListingRevoked(seller, salt, 2);
        vm.prank(seller);
        market.revokeListing(salt);

        assertEq(market.soldOf(seller, salt), type(uint32).max, "revoked");
        assertEq(market.eventCount(), 2, "events");
        buyReverts(alice, listing, 1, _revoked(listing));
        listing.sku = "another of this salt";
        buyReverts(alice, listing, 1, _revoked(listing));
        listing.salt = salt ^ 1;
        buy(alice, listing, 1);
    }

    function test_revokeListing_reverts_whenRevoked() external {
        vm.startPrank(seller);
        market.revokeListing(7);
        vm.expectRevert(IMarketplace.NoChange.selector);
        market.revokeListing(7);
        assertEq(market.eventCount(), 1, "no event for nothing");
    }

    function test_revokeListing_touchesNobodyElse() external {
        vm.prank(bob);
        market.revokeListing(1);
        vm.prank(bob);
        market.revokeSku("license-2026", 100);

        buy(alice, offer(), 1);
    }

    function testFuzz_revokeSku_endsSaltsBelow(uint256 minSalt, uint256 salt) external {
        minSalt = bound(minSalt, 1, type(uint256).max);
        IMarketplace.Listing memory listing = offer();
        listing.salt = bound(salt, 0, minSalt - 1);

        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketplace.SkuRevoked(seller, listing.sku, minSalt, 1);
        vm.prank(seller);
        market.revokeSku(listing.sku, minSalt);

        assertEq(market.minSaltOf(seller, listing.sku), minSalt, "bound");
        assertEq(market.eventCount(), 1, "events");
        buyReverts(alice, listing, 1, _revoked(listing));
        listing.sku = "other";
        buy(alice, listing, 1);
        listing = offer();
        listing.salt = minSalt;
        buy(alice, listing, 1);
    }

    function testFuzz_revokeSku_reverts_whenNotRaised(uint256 first, uint256 second) external {
        first = bound(first, 1, type(uint256).max);
        second = bound(second, 0, first);
        vm.startPrank(seller);
        market.revokeSku("sku", first);

        vm.expectRevert(abi.encodeWithSelector(IMarketplace.MinSaltNotRaised.selector, second, first));
        market.revokeSku("sku", second);
        assertEq(market.minSaltOf(seller, "sku"), first, "as before");
        assertEq(market.eventCount(), 1, "no event for nothing");
    }

    function test_revokeSku_reverts_whenZero() external {
        vm.expectRevert(abi.encodeWithSelector(IMarketplace.MinSaltNotRaised.selector, 0, 0));
        market.revokeSku("sku", 0);
    }

    function _revoked(IMarketplace.Listing memory listing) private view returns (bytes memory) {
        return abi.encodeWithSelector(IMarketplace.ListingIsRevoked.selector, market.hashListing(listing));
    }
}
