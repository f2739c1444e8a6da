// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";

contract BuyTest is MarketBase {
    function test_buy_succeeds() external {
        IMarketplace.Listing memory listing = offer();
        uint256 before = token.balanceOf(alice);

        expectSale(listing, alice, 3, 1);
        bytes32 listingHash = buy(alice, listing, 3);

        assertEq(listingHash, market.hashListing(listing), "hash");
        assertEq(market.soldOf(seller, listing.salt), 3, "sold");
        assertEq(market.eventCount(), 1, "events");
        assertEq(token.balanceOf(alice), before - 3 * PRICE, "buyer");
        assertEq(token.balanceOf(seller), 3 * PRICE - feeOf(3 * PRICE), "seller");
        assertEq(token.balanceOf(feeReceiver), feeOf(3 * PRICE), "fee receiver");
        assertEq(token.balanceOf(address(market)), 0, "nothing kept");
    }

    function testFuzz_buy_movesWhatTheBuyerPays(uint96 price, uint32 quantity, uint16 maxFeeBps) external {
        IMarketplace.Listing memory listing = offer();
        listing.quantity = type(uint32).max - 1;
        quantity = uint32(bound(quantity, 1, listing.quantity));
        listing.price = uint96(bound(price, 1, type(uint96).max / quantity));
        listing.maxFeeBps = uint16(bound(maxFeeBps, 0, 10_000));
        uint256 gross = uint256(listing.price) * quantity;
        uint256 fee = gross * (listing.maxFeeBps < FEE_BPS ? listing.maxFeeBps : FEE_BPS) / 10_000;
        token.mint(alice, gross);
        uint256 before = token.balanceOf(alice);

        expectSale(listing, alice, alice, orderOf(1, quantity, 0), gross, fee);
        buy(alice, listing, quantity);

        assertEq(before - token.balanceOf(alice), gross, "buyer's debit");
        assertEq(token.balanceOf(seller) + token.balanceOf(feeReceiver), gross, "credits are the debit");
        assertEq(token.balanceOf(feeReceiver), fee, "fee");
        assertEq(token.balanceOf(address(market)), 0, "nothing kept");
    }

    function test_buy_namesTheRecipient() external {
        IMarketplace.Listing memory listing = offer();
        IMarketplace.Purchase memory purchase = order(listing, 1);
        purchase.recipient = bob;

        expectSale(listing, alice, bob, orderOf(1, 1, 0), PRICE, feeOf(PRICE));
        pay(alice, listing, purchase, 0);
    }

    function test_buy_succeeds_forTheOnlyBuyer() external {
        IMarketplace.Listing memory listing = offer();
        listing.buyer = alice;
        buyReverts(bob, listing, 1, abi.encodeWithSelector(IMarketplace.InvalidBuyer.selector, bob));
        buy(alice, listing, 1);
    }

    function testFuzz_buy_reverts_afterItsLastSecond(uint64 expiry) external {
        IMarketplace.Listing memory listing = offer();
        listing.expiry = uint64(bound(expiry, START, type(uint64).max - 1));

        vm.warp(listing.expiry);
        buy(alice, listing, 1);
        vm.warp(uint256(listing.expiry) + 1);
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.ListingExpired.selector, listing.expiry));
    }

    function test_buy_reverts_whenQuantityIsZero() external {
        buyReverts(alice, offer(), 0, abi.encodeWithSelector(IMarketplace.InvalidQuantity.selector, 0));
    }

    function test_buy_reverts_whenTermsAreInvalid() external {
        bytes memory failure = abi.encodeWithSelector(IMarketplace.InvalidListing.selector);
        IMarketplace.Listing memory listing = offer();
        listing.seller = address(0);
        buyReverts(alice, listing, 1, failure);

        listing = offer();
        listing.price = 0;
        buyReverts(alice, listing, 1, failure);

        listing = offer();
        listing.quantity = 0;
        buyReverts(alice, listing, 1, failure);
        listing.quantity = type(uint32).max;
        buyReverts(alice, listing, 1, failure);

        listing = offer();
        listing.maxFeeBps = 10_001;
        buyReverts(alice, listing, 1, failure);

        listing = offer();
        listing.discountBps = 10_001;
        buyReverts(alice, listing, 1, failure);
    }

    function testFuzz_buy_reverts_whenAboveTheBuyersMaximum(uint256 maxAmount) external {
        IMarketplace.Listing memory listing = offer();
        IMarketplace.Purchase memory purchase = order(listing, 2);
        purchase.maxAmount = bound(maxAmount, 0, 2 * PRICE - 1);

        payReverts(
            alice,
            listing,
            purchase,
            0,
            abi.encodeWithSelector(IMarketplace.PriceAboveMaximum.selector, 2 * PRICE, purchase.maxAmount)
        );
        purchase.maxAmount = 2 * PRICE;
        pay(alice, listing, purchase, 0);
    }

    function test_buy_reverts_whenAboveWhatTheEventHolds() external {
        IMarketplace.Listing memory listing = offer();
        listing.price = type(uint96).max;
        uint256 gross = 2 * uint256(type(uint96).max);

        buyReverts(
            alice, listing, 2, abi.encodeWithSelector(IMarketplace.PriceAboveMaximum.selector, gross, type(uint96).max)
        );
        token.mint(alice, type(uint96).max);
        buy(alice, listing, 1);
    }

    function test_buy_reverts_whenEthComesWithATokenPrice() external {
        vm.deal(alice, 1 ether);
        IMarketplace.Listing memory listing = offer();
        payReverts(alice, listing, order(listing, 1), 1, abi.encodeWithSelector(IMarketplace.EthRefused.selector, 1));
    }

    function test_buy_reverts_whenAllowanceOrBalanceIsMissing() external {
        IMarketplace.Listing memory listing = offer();
        address stranger = makeAddr("stranger");
        token.mint(stranger, PRICE);
        bytes memory failure = abi.encodeWithSelector(
            IMarketplace.TokenTransferFailed.selector, address(token), stranger, PRICE - feeOf(PRICE)
        );
        buyReverts(stranger, listing, 1, failure);

        approve(stranger);
        vm.prank(stranger);
        token.transfer(bob, 1);
        failure =
            abi.encodeWithSelector(IMarketplace.TokenTransferFailed.selector, address(token), stranger, feeOf(PRICE));
        buyReverts(stranger, listing, 1, failure);
        assertEq(market.soldOf(seller, listing.salt), 0, "nothing sold");
        assertEq(token.balanceOf(seller), 0, "nothing moved");
    }

    function test_buy_numbersEventsWithoutGaps() external {
        IMarketplace.Listing memory listing = offer();
        for (uint256 i = 1; i < 5; ++i) {
            expectSale(listing, i % 2 == 0 ? alice : bob, 1, i);
            buy(i % 2 == 0 ? alice : bob, listing, 1);
            assertEq(market.eventCount(), i, "events");
        }
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketplace.ListingRevoked(seller, 9, 5);
        vm.prank(seller);
        market.revokeListing(9);
        expectSale(listing, alice, 1, 6);
        buy(alice, listing, 1);
    }

    function test_services_areThoseOfTheDeployment() external view {
        (address gateway_, address verifier_) = market.services();
        assertEq(gateway_, address(gateway), "gateway");
        assertEq(verifier_, address(signatureVerifier), "verifier");
    }
}
