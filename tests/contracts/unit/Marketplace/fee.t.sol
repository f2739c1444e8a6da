// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {MarketBase} from "../../MarketBase.t.sol";
import {PlainToken} from "../../mocks/HostileTokens.sol";

/// @dev What a sale costs, and by whose word.
contract MarketFeeTest is MarketBase {
    address private newReceiver = makeAddr("new receiver");

    function testFuzz_buy_splitsAsTheGatewayDoes(
        uint96 price,
        uint32 quantity,
        uint16 discountBps,
        uint16 maxFeeBps,
        uint16 feeBps
    ) external {
        feeBps = uint16(bound(feeBps, 1, 1000));
        vm.assume(feeBps != FEE_BPS);
        _setFee(feeBps, newReceiver);
        IMarketplace.Listing memory listing = offer();
        listing.quantity = type(uint32).max - 1;
        quantity = uint32(bound(quantity, 1, listing.quantity));
        listing.price = uint96(bound(price, 1, type(uint96).max / quantity));
        listing.discountBps = uint16(bound(discountBps, 0, 10_000));
        listing.maxFeeBps = uint16(bound(maxFeeBps, 0, 10_000));
        uint256 amount = uint256(listing.price) * quantity;
        token.mint(alice, amount);
        IPaymentGateway.Quote memory quote = gateway.quotePayment(
            IPaymentGateway.Payment(address(token), address(token), amount, listing.discountBps, listing.maxFeeBps)
        );

        expectSale(listing, alice, alice, orderOf(1, quantity, quote.discount), quote.gross, quote.fee);
        buy(alice, listing, quantity);

        assertEq(token.balanceOf(newReceiver), quote.fee, "fee");
        assertEq(token.balanceOf(seller), quote.gross - quote.fee, "seller");
    }

    function testFuzz_buy_usesTheFeeItWasTold_forADay(uint256 delay) external {
        buy(alice, offer(), 1);
        _setFee(1000, newReceiver);

        vm.warp(START + bound(delay, 0, 1 days - 1));
        buy(alice, offer(), 1);
        assertEq(token.balanceOf(newReceiver), 0, "old fee");
        assertEq(token.balanceOf(feeReceiver), 2 * feeOf(PRICE), "old receiver");

        vm.warp(START + 1 days);
        buy(alice, offer(), 1);
        assertEq(token.balanceOf(newReceiver), PRICE / 10, "new fee");
    }

    function test_refreshFee_endsTheWait() external {
        buy(alice, offer(), 1);
        _setFee(1000, newReceiver);

        vm.prank(bob);
        market.refreshFee();
        assertEq(market.eventCount(), 1, "no event");

        expectSale(offer(), alice, alice, orderOf(2, 1, 0), PRICE, PRICE / 10);
        buy(alice, offer(), 1);
        assertEq(token.balanceOf(newReceiver), PRICE / 10, "new fee");
    }

    function test_buy_movesOnePartWhereThereIsNoFee() external {
        _setFee(0, address(0));

        expectSale(offer(), alice, alice, orderOf(1, 1, 0), PRICE, 0);
        buy(alice, offer(), 1);
        assertEq(token.balanceOf(seller), PRICE, "seller");
    }

    function test_buy_inAnotherToken_isPricedByTheGateway() external {
        PlainToken other = new PlainToken();
        other.mint(alice, 100);
        vm.prank(alice);
        other.approve(address(market), 100);
        IMarketplace.Listing memory listing = offer();
        listing.discountBps = 2000;
        IMarketplace.Purchase memory purchase = IMarketplace.Purchase(3, address(other), 90, address(0));
        _quoted(listing, purchase, IPaymentGateway.Quote(90, 7, newReceiver, 22));

        bytes32 listingHash = market.hashListing(listing);
        bytes memory signature = sign(listing);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketplace.MarketplaceSale(
            listingHash,
            seller,
            alice,
            listing.sku,
            orderOf(1, 3, 22),
            uint256(uint160(alice)) << 96 | 90,
            uint256(uint160(address(other))) << 96 | 7
        );
        vm.prank(alice);
        market.buy(listing, signature, purchase);

        assertEq(other.balanceOf(alice), 10, "buyer");
        assertEq(other.balanceOf(seller), 83, "seller");
        assertEq(other.balanceOf(newReceiver), 7, "fee");
        assertEq(other.balanceOf(address(market)), 0, "nothing kept");
    }

    function test_buy_inNativeCoin_forATokenPrice() external {
        vm.deal(alice, 100);
        IMarketplace.Listing memory listing = offer();
        IMarketplace.Purchase memory purchase = IMarketplace.Purchase(1, address(0), 60, address(0));
        _quoted(listing, purchase, IPaymentGateway.Quote(60, 10, newReceiver, 0));

        pay(alice, listing, purchase, 100);

        assertEq(alice.balance, 40, "rest came back");
        assertEq(seller.balance, 50, "seller");
        assertEq(newReceiver.balance, 10, "fee");
    }

    function test_buy_reverts_whenTheGatewayHasNoPrice() external {
        IMarketplace.Listing memory listing = offer();
        IMarketplace.Purchase memory purchase = order(listing, 1);
        purchase.paymentToken = makeAddr("unknown");
        bytes memory failure = abi.encodeWithSelector(IPaymentGateway.NoFeed.selector, purchase.paymentToken);
        vm.mockCallRevert(address(gateway), abi.encodeWithSelector(gateway.quotePayment.selector), failure);

        payReverts(alice, listing, purchase, 0, failure);
    }

    function test_buy_reverts_whenADiscountIsMoreThanTheEventHolds() external {
        IMarketplace.Listing memory listing = offer();
        IMarketplace.Purchase memory purchase = IMarketplace.Purchase(1, makeAddr("other"), 0, address(0));
        listing.discountBps = 10_000;
        _quoted(listing, purchase, IPaymentGateway.Quote(0, 0, address(0), 2 ** 160));

        payReverts(
            alice,
            listing,
            purchase,
            0,
            abi.encodeWithSelector(IMarketplace.PriceAboveMaximum.selector, 2 ** 160, type(uint160).max)
        );
        _quoted(listing, purchase, IPaymentGateway.Quote(0, 0, address(0), type(uint160).max));
        pay(alice, listing, purchase, 0);
    }

    function _quoted(
        IMarketplace.Listing memory listing,
        IMarketplace.Purchase memory purchase,
        IPaymentGateway.Quote memory quote
    ) private {
        IPaymentGateway.Payment memory asked = IPaymentGateway.Payment(
            listing.token,
            purchase.paymentToken,
            uint256(listing.price) * purchase.quantity,
            listing.discountBps,
            listing.maxFeeBps
        );
        vm.mockCall(address(gateway), abi.encodeCall(gateway.quotePayment, (asked)), abi.encode(quote));
    }

    function _setFee(uint16 feeBps, address receiver) private {
        vm.prank(governor);
        gateway.setFee(feeBps, receiver);
    }
}
