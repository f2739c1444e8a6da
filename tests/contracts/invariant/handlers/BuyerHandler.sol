// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";
import {MarketGhost} from "../stores/MarketGhost.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @dev Buyers buy, by approval, permit or coin, and try what nobody signed.
contract BuyerHandler is MarketHandler {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /// @dev Permits that were used, to be used again.
    mapping(address buyer => mapping(address token => bytes)) private _usedPermits;

    constructor(MarketGhost ghost) MarketHandler(ghost) {}

    function buy(uint256 who, uint256 which, uint256 terms) external by(_buyer(who)) {
        IMarketplace.Listing memory listing = GHOST.listing(which);
        (IMarketplace.Purchase memory purchase, uint256 price) = _purchase(listing, terms);
        // Coin as much as it costs, one too few, some too many; and sometimes where there is none to pay.
        uint256 value = terms >> 32 & 15 == 0 ? 1 : 0;
        if (purchase.paymentToken == address(0)) {
            value = price + (terms >> 36 & 7) - (price != 0 && value == 1 ? 1 : 0);
        }
        GHOST.give(address(0), _buyer(who), value);
        bytes memory signature = _sign(listing.seller, listing);
        if (_try(_buyer(who), value, address(MARKET), abi.encodeCall(MARKET.buy, (listing, signature, purchase)))) {
            if (purchase.paymentToken == address(0)) GHOST.count("coin");
        }
    }

    /// @dev A permit sets the allowance once. One that was used before sets nothing, and does no harm.
    function buyWithPermit(uint256 who, uint256 which, uint256 terms) external by(_buyer(who)) {
        address buyer = _buyer(who);
        IMarketplace.Listing memory listing = GHOST.listing(which);
        (IMarketplace.Purchase memory purchase, uint256 price) = _purchase(listing, terms);
        address token = purchase.paymentToken;
        if (token == address(0)) return;

        bytes memory permit = _usedPermits[buyer][token];
        bool replayed = permit.length != 0 && terms >> 40 & 1 == 0;
        uint256 value = terms >> 41 & 1 == 0 ? type(uint256).max : price + (terms >> 42 & 0xffff);
        if (!replayed) permit = _permit(token, buyer, value);
        bytes memory signature = _sign(listing.seller, listing);
        bytes memory call = abi.encodeCall(MARKET.buyWithPermit, (listing, signature, purchase, permit));
        if (!_try(buyer, 0, address(MARKET), call)) return;

        GHOST.count(replayed ? bytes32("permit again") : bytes32("permit"));
        if (replayed) return;
        GHOST.approved(token, buyer, value);
        _usedPermits[buyer][token] = permit;
    }

    /// @dev A listing is sold as its seller signed it, or not at all.
    function forge(uint256 who, uint256 which, uint256 kind) external by(_buyer(who)) {
        IMarketplace.Listing memory listing = GHOST.listing(which);
        address signer = kind % 6 == 0 ? GHOST.listing(which >> 8).seller : listing.seller;
        if (kind % 6 == 0 && signer == listing.seller) return;

        bytes memory signature = _sign(signer, listing);
        if (kind % 6 == 1) listing.price ^= 1;
        else if (kind % 6 == 2) listing.discountBps ^= 1;
        else if (kind % 6 == 3) listing.quantity += 5;
        else if (kind % 6 == 4) listing.salt += 8;
        else if (kind % 6 == 5) listing.maxFeeBps ^= 1;
        IMarketplace.Purchase memory purchase = IMarketplace.Purchase(1, listing.token, type(uint96).max, address(0));
        GHOST.ask(purchase);
        uint256 value = listing.token == address(0) ? listing.price : 0;
        GHOST.give(address(0), _buyer(who), value);
        vm.prank(_buyer(who));
        (bool success, bytes memory answer) =
            address(MARKET).call{value: value}(abi.encodeCall(MARKET.buy, (listing, signature, purchase)));
        assertFalse(success, "signed as it stands");
        if (bytes4(answer) == IMarketplace.InvalidSignature.selector) GHOST.count("forgery refused");
        GHOST.refused(answer);
    }

    function _purchase(IMarketplace.Listing memory listing, uint256 seed)
        private
        returns (IMarketplace.Purchase memory purchase, uint256 price)
    {
        purchase.quantity = uint32(seed % 16 == 0 ? 0 : 1 + seed % 3);
        purchase.paymentToken = seed >> 8 & 3 == 0 ? _token(seed >> 10) : listing.token;
        (price,) = GHOST.priceOf(listing, purchase.quantity, purchase.paymentToken);
        purchase.maxAmount = price + (seed >> 16 & 3);
        if (seed >> 18 & 3 == 0) purchase.maxAmount = type(uint96).max;
        // Below what it costs, by a unit.
        if (seed >> 20 & 7 == 0 && price != 0) purchase.maxAmount = price - 1;
        if (seed >> 24 & 1 == 0) purchase.recipient = STRANGER;
        GHOST.ask(purchase);
    }

    function _permit(address token, address buyer, uint256 value) private view returns (bytes memory) {
        uint256 deadline = GHOST.time();
        bytes32 structHash = keccak256(
            abi.encode(PERMIT_TYPEHASH, buyer, address(MARKET), value, ITestToken(token).nonces(buyer), deadline)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(
            GHOST.keyOf(buyer), keccak256(abi.encodePacked(hex"1901", ITestToken(token).DOMAIN_SEPARATOR(), structHash))
        );
        return abi.encode(value, deadline, v, r, s);
    }
}
