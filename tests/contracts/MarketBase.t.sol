// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../contracts/src/interfaces/IMarketplace.sol";
import {Base} from "./Base.t.sol";

/// @dev The marketplace of the deployment, one seller, two buyers who approved it.
abstract contract MarketBase is Base {
    uint32 internal constant STOCK = 1000;

    IMarketplace internal market;
    address internal seller;
    uint256 internal sellerKey;

    function setUp() public virtual override {
        super.setUp();
        (seller, sellerKey) = makeAddrAndKey("seller");
        market = IMarketplace(core.serviceOf("Marketplace"));
        approve(alice);
        approve(bob);
    }

    function approve(address buyer) internal {
        vm.prank(buyer);
        token.approve(address(market), type(uint256).max);
    }

    /// @dev Terms that are valid on this chain: salt 1, no discount, no expiry, anyone may buy.
    function offer() internal view returns (IMarketplace.Listing memory listing) {
        listing.chainIds = new uint256[](1);
        listing.chainIds[0] = block.chainid;
        listing.seller = seller;
        listing.token = address(token);
        listing.price = PRICE;
        listing.sku = "license-2026";
        listing.quantity = STOCK;
        listing.maxFeeBps = 1000;
        listing.salt = 1;
    }

    function offerNative() internal view returns (IMarketplace.Listing memory listing) {
        listing = offer();
        listing.token = address(0);
        listing.price = 1 ether;
    }

    function order(IMarketplace.Listing memory listing, uint32 quantity)
        internal
        pure
        returns (IMarketplace.Purchase memory)
    {
        return IMarketplace.Purchase({
            quantity: quantity,
            paymentToken: listing.token,
            maxAmount: uint256(listing.price) * quantity,
            recipient: address(0)
        });
    }

    function sign(IMarketplace.Listing memory listing) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(sellerKey, market.hashListing(listing));
        return abi.encodePacked(r, s, v);
    }

    function buy(address buyer, IMarketplace.Listing memory listing, uint32 quantity) internal returns (bytes32) {
        return pay(buyer, listing, order(listing, quantity), 0);
    }

    function pay(
        address buyer,
        IMarketplace.Listing memory listing,
        IMarketplace.Purchase memory purchase,
        uint256 value
    ) internal returns (bytes32) {
        bytes memory signature = sign(listing);
        vm.prank(buyer);
        return market.buy{value: value}(listing, signature, purchase);
    }

    /// @dev Of a purchase that is to fail: signing asks the marketplace for the digest, which must not come in between.
    function buyReverts(address buyer, IMarketplace.Listing memory listing, uint32 quantity, bytes memory failure)
        internal
    {
        payReverts(buyer, listing, order(listing, quantity), 0, failure);
    }

    function payReverts(
        address buyer,
        IMarketplace.Listing memory listing,
        IMarketplace.Purchase memory purchase,
        uint256 value,
        bytes memory failure
    ) internal {
        bytes memory signature = sign(listing);
        vm.expectRevert(failure);
        vm.prank(buyer);
        market.buy{value: value}(listing, signature, purchase);
    }

    /// @dev The event of a sale without discount by this listing's terms.
    function expectSale(IMarketplace.Listing memory listing, address buyer, uint32 quantity, uint256 sequence)
        internal
    {
        uint256 gross = uint256(listing.price) * quantity;
        expectSale(listing, buyer, buyer, orderOf(sequence, quantity, 0), gross, feeOf(gross));
    }

    function expectSale(
        IMarketplace.Listing memory listing,
        address buyer,
        address recipient,
        uint256 orderWord,
        uint256 gross,
        uint256 fee
    ) internal {
        bytes32 listingHash = market.hashListing(listing);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarketplace.MarketplaceSale(
            listingHash,
            listing.seller,
            buyer,
            listing.sku,
            orderWord,
            uint256(uint160(recipient)) << 96 | gross,
            uint256(uint160(listing.token)) << 96 | fee
        );
    }

    function orderOf(uint256 sequence, uint32 quantity, uint256 discount) internal pure returns (uint256) {
        return sequence << 192 | uint256(quantity) << 160 | discount;
    }
}
