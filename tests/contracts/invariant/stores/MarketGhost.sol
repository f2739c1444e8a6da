// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {FeeLib} from "../../../../contracts/src/libraries/FeeLib.sol";
import {EventReader} from "./EventReader.sol";
import {Ledger} from "./Ledger.sol";
import {World} from "./World.sol";

/// @dev Follows each action of a marketplace from `begin` to `end`: every event, what was signed, what the buyer asked for.
contract MarketGhost is Ledger {
    using EventReader for Vm.Log;
    using FeeLib for uint256;

    /// @dev What a sale says of itself.
    struct Sale {
        address token;
        uint256 units;
        uint256 discount;
        uint256 gross;
        uint256 fee;
        address recipient;
    }

    uint256 private constant FEE_CACHE = 1 days;

    IMarketplace public immutable MARKET;

    address public actor;
    uint256 public events;
    /// @dev Number of outcomes seen, by name.
    mapping(bytes32 outcome => uint256) public seen;
    IMarketplace.Listing[] private _listings;
    /// @dev One more than the position; zero for none.
    mapping(bytes32 listingHash => uint256) private _positionOf;
    mapping(address seller => mapping(uint256 salt => uint256)) private _soldOf;
    mapping(address seller => mapping(uint256 salt => bool)) private _isRevoked;
    mapping(address seller => mapping(bytes32 sku => uint256)) private _minSaltOf;
    IMarketplace.Purchase private _asked;
    /// @dev What the gateway said when it was asked last.
    uint256 private _feeBps;
    address private _feeReceiver;
    uint256 private _feeAskedAt;

    constructor(Services memory services_, IMarketplace market) World(services_) {
        MARKET = market;
    }

    function addSeller(address seller, uint256 key) external {
        merchants.push(seller);
        accounts.push(seller);
        keyOf[seller] = key;
    }

    function addListing(IMarketplace.Listing calldata listing) external {
        _listings.push(listing);
        _positionOf[MARKET.hashListing(listing)] = _listings.length;
    }

    function listing(uint256 which) external view returns (IMarketplace.Listing memory) {
        return _listings[which % _listings.length];
    }

    function begin(address actor_) external {
        vm.warp(time);
        actor = actor_;
        vm.recordLogs();
    }

    function ask(IMarketplace.Purchase calldata purchase) external {
        _asked = purchase;
    }

    function askFee() public {
        (_feeBps, _feeReceiver) = (_services.gateway.feeBps(), _services.gateway.feeReceiver());
        _feeAskedAt = time;
    }

    function count(bytes32 outcome) public {
        ++seen[outcome];
    }

    /// @dev The action was refused: nothing happened. Logs of a call that was undone are recorded too.
    function refused(bytes calldata failure) external {
        vm.getRecordedLogs();
        assertGe(failure.length, 4, "an error with a name");
        assertTrue(bytes4(failure) != bytes4(0x4e487b71), "no panic");
        count("refused");
    }

    function end() external {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(MARKET)) continue;
            bytes32 kind = logs[i].topics[0];
            ++events;
            if (kind == IMarketplace.MarketplaceSale.selector) {
                _readSale(logs[i]);
                continue;
            }
            assertEq(logs[i].sequenceOf(), events, "next event of the marketplace");
            address seller = address(uint160(uint256(logs[i].topics[1])));
            assertEq(seller, actor, "the seller's act");
            if (kind == IMarketplace.ListingRevoked.selector) _isRevoked[seller][uint256(logs[i].topics[2])] = true;
            else (_minSaltOf[seller][logs[i].topics[2]],) = abi.decode(logs[i].data, (uint256, uint256));
        }
    }

    function checkMarket() external view {
        assertEq(MARKET.eventCount(), events, "events of the marketplace");
        assertEq(address(MARKET).balance, 0, "coin kept by the marketplace");
        for (uint256 i = 1; i < tokens.length; ++i) {
            assertEq(wealthOf(tokens[i], address(MARKET)), 0, "token kept by the marketplace");
        }
        for (uint256 i; i < _listings.length; ++i) {
            (address seller, uint256 salt) = (_listings[i].seller, _listings[i].salt);
            uint256 expected = _isRevoked[seller][salt] ? type(uint32).max : _soldOf[seller][salt];
            assertEq(MARKET.soldOf(seller, salt), expected, "units sold");
        }
    }

    /// @dev What so many units are, in `token`, and what is off; zero where a feed says nothing.
    function priceOf(IMarketplace.Listing memory sold, uint256 units, address token)
        public
        view
        returns (uint256 gross, uint256 discount)
    {
        if (token != sold.token && (_isUnknown(token) || _isUnknown(sold.token))) return (0, 0);
        uint256 amount = sold.price * units;
        bool holds = units >= sold.discountMinQuantity && (sold.discountEndsAt == 0 || time <= sold.discountEndsAt);
        uint256 off = holds ? amount.mulBpsDown(sold.discountBps) : 0;
        gross = _inToken(sold.token, token, amount - off);
        discount = _inToken(sold.token, token, amount) - gross;
    }

    function _readSale(Vm.Log memory log) private {
        (bytes32 sku, uint256 order, uint256 receipt, uint256 settlement) =
            abi.decode(log.data, (bytes32, uint256, uint256, uint256));
        assertEq(order >> 192, events, "next event of the marketplace");
        uint256 position = _positionOf[log.topics[1]];
        assertGt(position, 0, "a listing that its seller signed");
        IMarketplace.Listing memory sold = _listings[position - 1];
        assertEq(address(uint160(uint256(log.topics[2]))), sold.seller, "seller");
        assertEq(address(uint160(uint256(log.topics[3]))), actor, "buyer");
        assertEq(sku, sold.sku, "what was sold");
        Sale memory sale = Sale({
            token: address(uint160(settlement >> 96)),
            units: uint32(order >> 160),
            discount: uint160(order),
            gross: uint96(receipt),
            fee: uint96(settlement),
            recipient: address(uint160(receipt >> 96))
        });
        _checkListing(sold, sale.units);
        _checkPurchase(sold, sale);
        address receiver = _checkFee(sold, sale);
        _recordPayment(sale.token, actor, sold.seller, receiver, sale.gross, sale.fee);
        if (sale.token != address(0)) _recordAllowanceUsed(sale.token, actor, sale.gross);
        count(sale.token == sold.token ? bytes32("sale") : bytes32("sale in another token"));
        if (sale.discount != 0) count("discount");
        if (sold.seller.code.length != 0) count("sold by a wallet");
    }

    /// @dev Units of one salt are counted together, whatever listings have it.
    function _checkListing(IMarketplace.Listing memory sold, uint256 units) private {
        assertTrue(sold.expiry == 0 || time <= sold.expiry, "not after its end");
        assertTrue(sold.buyer == address(0) || sold.buyer == actor, "whom it was meant for");
        assertFalse(_isRevoked[sold.seller][sold.salt], "not revoked");
        assertGe(sold.salt, _minSaltOf[sold.seller][sold.sku], "not revoked with its SKU");
        _soldOf[sold.seller][sold.salt] += units;
        assertLe(_soldOf[sold.seller][sold.salt], sold.quantity, "no more than there are");
    }

    function _checkPurchase(IMarketplace.Listing memory sold, Sale memory sale) private view {
        assertEq(sale.units, _asked.quantity, "as many as asked for");
        assertGt(sale.units, 0, "something");
        assertEq(sale.token, _asked.paymentToken, "in the token asked for");
        assertEq(sale.recipient, _asked.recipient == address(0) ? actor : _asked.recipient, "for whom");
        assertLe(sale.gross, _asked.maxAmount, "no more than the buyer stated");
        (uint256 gross, uint256 discount) = priceOf(sold, sale.units, sale.token);
        assertEq(sale.gross, gross, "exactly the price");
        assertEq(sale.discount, discount, "exactly the discount");
    }

    /// @dev The gateway is asked again after a day; always, where it prices the payment.
    function _checkFee(IMarketplace.Listing memory sold, Sale memory sale) private returns (address receiver) {
        uint256 bps = _services.gateway.feeBps();
        receiver = _services.gateway.feeReceiver();
        if (sale.token == sold.token) {
            if (time - _feeAskedAt >= FEE_CACHE) askFee();
            (bps, receiver) = (_feeBps, _feeReceiver);
        }
        if (bps > sold.maxFeeBps) bps = sold.maxFeeBps;
        assertEq(sale.fee, sale.gross.mulBpsDown(bps), "fee within the seller's bound");
        if (sale.fee != 0) count("fee");
    }

    function _isUnknown(address token) private view returns (bool) {
        return _feeds[token].aggregator.answer() == 0;
    }

    function _spender() internal view override returns (address) {
        return address(MARKET);
    }
}
