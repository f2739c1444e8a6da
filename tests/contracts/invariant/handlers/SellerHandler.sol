// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {MockAggregator} from "../../mocks/Aggregators.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";
import {MarketGhost} from "../stores/MarketGhost.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @dev Sellers sign and revoke, the governor sets the fee, buyers approve and earn, prices move, time goes on.
contract SellerHandler is MarketHandler {
    uint256 private constant SALTS = 32;

    constructor(MarketGhost ghost) MarketHandler(ghost) {}

    /// @dev Half of them with the salt of another one: they share its count.
    function offer(uint256 who, uint256 which, uint256 terms) external {
        IMarketplace.Listing memory listing;
        listing.chainIds = new uint256[](1);
        listing.chainIds[0] = block.chainid;
        (,, listing.seller) = _people(who);
        if (terms & 7 == 0) listing.buyer = _buyer(terms >> 3);
        listing.token = _token(which);
        listing.price = uint96(_bound(terms >> 8, 1, listing.token == address(0) ? 1 ether : 40e6));
        listing.sku = terms >> 4 & 1 == 0 ? bytes32("license") : bytes32("seat");
        listing.quantity = uint32(_bound(terms >> 16, 1, 9));
        listing.maxFeeBps = uint16(_bound(terms >> 24, 0, 1500));
        listing.discountBps = terms >> 40 & 1 == 0 ? 0 : uint16(_bound(terms >> 41, 1, 10_000));
        listing.discountMinQuantity = uint32(terms >> 56 & 3);
        if (terms >> 60 & 1 == 0) listing.discountEndsAt = uint64(GHOST.time() + _bound(terms >> 61, 0, 9 days));
        listing.salt = terms >> 80 & 1 == 0 ? GHOST.listing(which).salt : terms >> 81 & (SALTS - 1);
        if (terms >> 100 & 3 == 0) listing.expiry = uint64(GHOST.time() + _bound(terms >> 102, 0, 9 days));
        GHOST.addListing(listing);
    }

    function revoke(uint256 which) external by(GHOST.listing(which).seller) {
        IMarketplace.Listing memory listing = GHOST.listing(which);
        if (which >> 16 & 7 != 0) return;

        if (_try(listing.seller, 0, address(MARKET), abi.encodeCall(MARKET.revokeListing, (listing.salt)))) {
            GHOST.count("revoked");
        }
    }

    /// @dev Mostly by one; a bound that is not raised is refused.
    function revokeSku(uint256 which, uint256 by_) external by(GHOST.listing(which).seller) {
        IMarketplace.Listing memory listing = GHOST.listing(which);
        if (which >> 16 & 7 != 0) return;

        uint256 bound_ = MARKET.minSaltOf(listing.seller, listing.sku) + by_ % 3;
        bytes memory call = abi.encodeCall(MARKET.revokeSku, (listing.sku, bound_));
        if (_try(listing.seller, 0, address(MARKET), call)) GHOST.count("SKU revoked");
    }

    function setFee(uint256 bps, uint256 to) external {
        (IPaymentGateway gateway, address governor,) = _people(to);
        bps = _bound(bps, 0, 1000);
        // Fee receivers are the last two.
        address receiver = bps == 0 ? address(0) : GHOST.merchants(3 + to % 2);
        GHOST.begin(governor);
        _try(governor, 0, address(gateway), abi.encodeCall(gateway.setFee, (uint16(bps), receiver)));
        GHOST.end();
    }

    function refreshFee() external by(STRANGER) {
        MARKET.refreshFee();
        GHOST.askFee();
    }

    /// @dev What a token's feed says: up to three times what it said at first, or nothing.
    function setPrice(uint256 which, uint256 price) external by(STRANGER) {
        (MockAggregator feed, uint256 first) = GHOST.feedOf(_token(which));
        feed.set(int256(price % 8 == 0 ? 0 : first * _bound(price, 1e3, 3e6) / 1e6), feed.updatedAt());
    }

    function approve(uint256 who, uint256 which, uint256 amount) external by(_buyer(who)) {
        address token = _token(which);
        if (token == address(0)) return;

        amount = amount % 8 == 0 ? 0 : amount % 8 == 1 ? _bound(amount >> 3, 0, 100e6) : type(uint256).max;
        vm.prank(_buyer(who));
        ITestToken(token).approve(address(MARKET), amount);
        GHOST.approved(token, _buyer(who), amount);
    }

    function earn(uint256 who, uint256 which, uint256 amount) external {
        if (_token(which) != address(0)) GHOST.give(_token(which), _buyer(who), _bound(amount, 1, 100e6));
    }

    function pass(uint256 amount) external {
        GHOST.pass(_bound(amount, 1, 2 days));
    }

    function _people(uint256 which) private view returns (IPaymentGateway, address governor, address seller) {
        MarketGhost.Services memory services = GHOST.services();
        return (services.gateway, services.governor, GHOST.merchants(which % 3));
    }
}
