// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IMarketplace} from "../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../MarketBase.t.sol";
import {ContractWallet} from "../mocks/Wallets.sol";

/// @dev See README.md for what each number means.
contract MarketplaceDefectsTest is MarketBase {
    function test_B07_coinSentWithATokenPurchaseIsRefused() external {
        IMarketplace.Listing memory listing = offer();
        vm.deal(alice, 1 ether);
        bytes memory refusal = abi.encodeWithSelector(IMarketplace.EthRefused.selector, 1 ether);
        payReverts(alice, listing, order(listing, 1), 1 ether, refusal);
        assertEq(alice.balance, 1 ether, "nothing is locked");
    }

    function test_B07_coinBeyondThePriceComesBack() external {
        IMarketplace.Listing memory listing = offerNative();
        vm.deal(alice, 5 ether);
        pay(alice, listing, order(listing, 1), 5 ether);
        assertEq(alice.balance, 4 ether, "change");
        assertEq(address(market).balance, 0, "nothing is kept");
    }

    function test_B07_theDiscountThatWasSignedIsGiven() external {
        IMarketplace.Listing memory listing = offer();
        (listing.discountBps, listing.discountMinQuantity) = (2000, 3);
        uint256 before = token.balanceOf(alice);
        buy(alice, listing, 2);
        assertEq(before - token.balanceOf(alice), 2 * PRICE, "too few for it");
        buy(alice, listing, 3);
        assertEq(before - token.balanceOf(alice), 2 * PRICE + 3 * PRICE * 8 / 10, "a fifth off");
    }

    function test_B15_aWalletThatIsAContractSells() external {
        ContractWallet wallet = new ContractWallet();
        IMarketplace.Listing memory listing = offer();
        listing.seller = address(wallet);
        wallet.setDigest(market.hashListing(listing));
        IMarketplace.Purchase memory purchase = order(listing, 1);
        vm.prank(alice);
        market.buy(listing, "any", purchase);
        assertEq(token.balanceOf(address(wallet)), PRICE - feeOf(PRICE), "seller is paid");
    }

    function test_B15_theDomainOfListingsHasANameAndAVersion() external view {
        (, string memory name, string memory version, uint256 chainId, address contract_,,) =
            IERC5267(address(market)).eip712Domain();
        assertEq(name, "Abono", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, 0, "a listing lists its chains itself");
        assertEq(contract_, address(market), "contract");
    }

    function test_B18_whatWasRevokedStaysRevoked() external {
        IMarketplace.Listing memory listing = offer();
        vm.startPrank(seller);
        market.revokeSku(listing.sku, 5);
        vm.expectRevert(abi.encodeWithSelector(IMarketplace.MinSaltNotRaised.selector, 1, 5));
        market.revokeSku(listing.sku, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarketplace.MinSaltNotRaised.selector, 5, 5));
        market.revokeSku(listing.sku, 5);
        vm.stopPrank();
        bytes memory refusal =
            abi.encodeWithSelector(IMarketplace.ListingIsRevoked.selector, market.hashListing(listing));
        buyReverts(alice, listing, 1, refusal);
        listing.salt = 5;
        buy(alice, listing, 1);
    }

    function test_B24_theMarketplaceTakesNoCoinWithoutAPurchase() external {
        vm.deal(address(this), 1 ether);
        (bool success,) = address(market).call{value: 1 ether}("");
        assertFalse(success, "refused");
    }

    /// @dev One slot a sale at most, shared by eight neighbouring listings.
    function test_L11_aSaleWritesOneCounter() external {
        IMarketplace.Listing memory listing = offer();
        buy(alice, listing, 1);
        bytes memory signature = sign(listing);
        IMarketplace.Purchase memory purchase = order(listing, 1);
        vm.record();
        vm.prank(alice);
        market.buy(listing, signature, purchase);
        (, bytes32[] memory writes) = vm.accesses(address(market));
        assertEq(writes.length, 2, "counter and head");
    }
}
