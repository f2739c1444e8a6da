// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";
import {ReentrantBuyer, ReentrantSeller} from "../../mocks/Reentrants.sol";
import {Refuser} from "../../mocks/Wallets.sol";

contract BuyNativeTest is MarketBase {
    uint256 private constant NATIVE_FEE = 0.025 ether;

    function setUp() public override {
        super.setUp();
        vm.deal(alice, 10 ether);
    }

    function testFuzz_buy_refundsWhatIsAboveThePrice(uint256 value, uint32 quantity) external {
        IMarketplace.Listing memory listing = offerNative();
        quantity = uint32(bound(quantity, 1, 4));
        uint256 gross = quantity * 1 ether;
        value = bound(value, gross, 10 ether);

        expectSale(listing, alice, quantity, 1);
        pay(alice, listing, order(listing, quantity), value);

        assertEq(alice.balance, 10 ether - gross, "buyer pays the price");
        assertEq(seller.balance, gross - quantity * NATIVE_FEE, "seller");
        assertEq(feeReceiver.balance, quantity * NATIVE_FEE, "fee receiver");
        assertEq(address(market).balance, 0, "nothing kept");
    }

    function testFuzz_buy_reverts_whenValueIsTooSmall(uint256 value) external {
        IMarketplace.Listing memory listing = offerNative();
        value = bound(value, 0, 1 ether - 1);
        payReverts(
            alice,
            listing,
            order(listing, 1),
            value,
            abi.encodeWithSelector(IMarketplace.InsufficientValue.selector, 1 ether, value)
        );
    }

    function test_buy_reverts_whenTheSellerRefuses() external {
        IMarketplace.Listing memory listing = offerNative();
        vm.etch(seller, address(new Refuser()).code);
        payReverts(
            alice,
            listing,
            order(listing, 1),
            1 ether,
            abi.encodeWithSelector(IMarketplace.NativeTransferFailed.selector, seller, 1 ether - NATIVE_FEE)
        );
        assertEq(market.soldOf(seller, 1), 0, "nothing sold");
        assertEq(market.eventCount(), 0, "no event");
    }

    function test_buy_reverts_whenTheFeeReceiverRefuses() external {
        IMarketplace.Listing memory listing = offerNative();
        vm.etch(feeReceiver, address(new Refuser()).code);
        payReverts(
            alice,
            listing,
            order(listing, 1),
            1 ether,
            abi.encodeWithSelector(IMarketplace.NativeTransferFailed.selector, feeReceiver, NATIVE_FEE)
        );
    }

    function test_buy_reverts_whenTheBuyerRefusesTheRest() external {
        IMarketplace.Listing memory listing = offerNative();
        vm.etch(bob, address(new Refuser()).code);
        vm.deal(bob, 2 ether);
        payReverts(
            bob,
            listing,
            order(listing, 1),
            1 ether + 7,
            abi.encodeWithSelector(IMarketplace.NativeTransferFailed.selector, bob, 7)
        );
        pay(bob, listing, order(listing, 1), 1 ether);
    }

    function test_buy_sendsAllToTheSellerWhereThereIsNoFee() external {
        IMarketplace.Listing memory listing = offerNative();
        listing.maxFeeBps = 0;
        vm.etch(feeReceiver, address(new Refuser()).code);

        pay(alice, listing, order(listing, 1), 1 ether);

        assertEq(seller.balance, 1 ether, "seller");
    }

    function test_buy_takesNothingForAFreeListing() external {
        IMarketplace.Listing memory listing = offerNative();
        listing.discountBps = 10_000;

        expectSale(listing, alice, alice, orderOf(1, 1, 1 ether), 0, 0);
        pay(alice, listing, order(listing, 1), 1 ether);

        assertEq(alice.balance, 10 ether, "all came back");
        assertEq(market.soldOf(seller, 1), 1, "sold");
    }

    function test_receive_refusesEth() external {
        vm.prank(alice);
        (bool success,) = address(market).call{value: 1}("");
        assertFalse(success, "no receive");
    }

    function test_buy_reentered_byTheSellerCannotOversell() external {
        ReentrantSeller wallet = new ReentrantSeller(market);
        vm.deal(address(wallet), 5 ether);
        IMarketplace.Listing memory listing = offerNative();
        listing.seller = address(wallet);
        listing.quantity = 2;
        wallet.arm(listing, order(listing, 1), 1 ether);

        // The wallet buys the second unit from itself while it is paid for the first; a third there is not.
        pay(alice, listing, order(listing, 1), 1 ether);

        assertEq(market.soldOf(address(wallet), 1), 2, "sold");
        assertEq(wallet.bought(), 1, "bought within");
        assertEq(
            wallet.answer(),
            abi.encodeWithSelector(IMarketplace.SoldOut.selector, market.hashListing(listing), 0),
            "third refused"
        );
        assertEq(alice.balance, 9 ether, "paid once");
        assertEq(address(wallet).balance, 6 ether - 2 * NATIVE_FEE, "two nets received, one price paid");
        assertEq(feeReceiver.balance, 2 * NATIVE_FEE, "two fees");
        assertEq(address(market).balance, 0, "nothing kept");
        assertEq(market.eventCount(), 2, "events");
    }

    function test_buy_reentered_byTheBuyerCannotTakeMoreThanItsRest() external {
        ReentrantBuyer buyer = new ReentrantBuyer(market);
        vm.deal(address(buyer), 5 ether);
        IMarketplace.Listing memory listing = offerNative();
        listing.quantity = 2;

        buyer.run(listing, sign(listing), order(listing, 1), 2 ether);

        assertEq(market.soldOf(seller, 1), 2, "sold");
        assertEq(address(buyer).balance, 3 ether, "two prices");
        assertEq(seller.balance + feeReceiver.balance, 2 ether, "credits are the debit");
        assertEq(address(market).balance, 0, "nothing kept");
    }
}
