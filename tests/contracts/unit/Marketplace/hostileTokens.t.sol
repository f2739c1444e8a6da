// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";
import "../../mocks/HostileTokens.sol";

contract MarketHostileTokenTest is MarketBase {
    uint256 private constant NET = PRICE - PRICE * FEE_BPS / 10_000;

    function test_buy_acceptsNoReturnValue() external {
        NoReturnToken odd = new NoReturnToken();
        IMarketplace.Listing memory listing = _offer(address(odd), alice);

        buy(alice, listing, 1);

        assertEq(odd.balanceOf(seller), NET, "seller");
    }

    function test_buy_reverts_whenFalseIsReturned() external {
        FalseToken odd = new FalseToken();
        odd.setBroken(true);
        _fails(_offer(address(odd), alice), address(odd), NET);
    }

    function test_buy_reverts_whenThereIsNoCode() external {
        IMarketplace.Listing memory listing = offer();
        listing.token = makeAddr("no code");
        _fails(listing, listing.token, NET);

        // A precompile that returns its input: 32 bytes and more, but not 1.
        listing.token = address(4);
        _fails(listing, listing.token, NET);
    }

    function test_buy_reverts_whenTheReceiverIsBlocked() external {
        BlocklistToken odd = new BlocklistToken();
        IMarketplace.Listing memory listing = _offer(address(odd), alice);
        odd.setBlocked(feeReceiver, true);
        _fails(listing, address(odd), PRICE - NET);
        assertEq(odd.balanceOf(seller), 0, "nothing moved");
    }

    function test_buy_reverts_whenTheTokenReturnsABomb() external {
        ReturnBombToken odd = new ReturnBombToken();
        IMarketplace.Listing memory listing = _offer(address(odd), alice);
        odd.setVictim(alice);
        _fails(listing, address(odd), NET);
    }

    function test_buy_takesThePriceAndNoMoreByATokenThatKeepsAPart() external {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        IMarketplace.Listing memory listing = _offer(address(odd), alice);
        uint256 before = odd.balanceOf(alice);

        buy(alice, listing, 1);

        assertEq(before - odd.balanceOf(alice), PRICE, "buyer");
        assertLt(odd.balanceOf(seller), NET, "the toll is the seller's");
        assertEq(odd.balanceOf(address(market)), 0, "nothing kept");
    }

    function test_buy_reentered_cannotOversell() external {
        (ReentrantToken odd, IMarketplace.Listing memory listing) = _armed(1);
        bytes32 listingHash = market.hashListing(listing);

        buy(alice, listing, 1);

        assertFalse(odd.succeeded(), "refused");
        assertEq(odd.answer(), abi.encodeWithSelector(IMarketplace.SoldOut.selector, listingHash, 0), "sold out");
        assertEq(market.soldOf(seller, 1), 1, "one unit");
        assertEq(odd.balanceOf(seller), NET, "one price");
    }

    function test_buy_reentered_isAnotherSale() external {
        (ReentrantToken odd, IMarketplace.Listing memory listing) = _armed(2);
        uint256 before = odd.balanceOf(alice);

        expectSale(listing, alice, 1, 1);
        expectSale(listing, address(odd), 1, 2);
        buy(alice, listing, 1);

        assertTrue(odd.succeeded(), "second sale");
        assertEq(market.soldOf(seller, 1), 2, "two units");
        assertEq(market.eventCount(), 2, "two events");
        assertEq(before - odd.balanceOf(alice), PRICE, "each pays once");
        assertEq(odd.balanceOf(address(odd)), PRICE, "each pays once");
        assertEq(odd.balanceOf(seller), 2 * NET, "two prices");
        assertEq(odd.balanceOf(feeReceiver), 2 * (PRICE - NET), "two fees");
    }

    /// @dev A listing of `quantity` units in a token that buys one of them while it is moved.
    function _armed(uint32 quantity) private returns (ReentrantToken odd, IMarketplace.Listing memory listing) {
        odd = new ReentrantToken();
        listing = _offer(address(odd), alice);
        listing.quantity = quantity;
        odd.mint(address(odd), 2 * PRICE);
        vm.prank(address(odd));
        odd.approve(address(market), type(uint256).max);
        odd.setCall(address(market), abi.encodeCall(market.buy, (listing, sign(listing), order(listing, 1))));
    }

    function _offer(address odd, address buyer) private returns (IMarketplace.Listing memory listing) {
        listing = offer();
        listing.token = odd;
        PlainToken(odd).mint(buyer, 100 * PRICE);
        vm.prank(buyer);
        // Not by IERC20: one of the tokens returns nothing.
        (bool success,) = odd.call(abi.encodeCall(IERC20.approve, (address(market), type(uint256).max)));
        assertTrue(success, "approved");
    }

    function _fails(IMarketplace.Listing memory listing, address odd, uint256 amount) private {
        buyReverts(
            alice, listing, 1, abi.encodeWithSelector(IMarketplace.TokenTransferFailed.selector, odd, alice, amount)
        );
        assertEq(market.soldOf(seller, listing.salt), 0, "nothing sold");
    }
}
