// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IMarketplace} from "./interfaces/IMarketplace.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {FeeLib} from "./libraries/FeeLib.sol";
import {LaneLib} from "./libraries/LaneLib.sol";
import {ListingLib} from "./libraries/ListingLib.sol";
import {SaleHeadLib} from "./libraries/SaleHeadLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title Marketplace
/// @notice See IMarketplace.
///
/// @dev No reentrancy guard: counters, event number and event are written before the first transfer, and after it nothing
///      is read but what the sale came to. Whoever calls back buys on top of it, by the terms and with money of its own.
contract Marketplace is IMarketplace, IERC5267 {
    using FeeLib for uint256;
    using LaneLib for uint256;
    using ListingLib for Listing;
    using SaleHeadLib for uint256;
    using TransferLib for address;

    /// @dev What a sale comes to, in `token`; nothing of it is kept.
    struct Payment {
        address token;
        uint256 gross;
        uint256 fee;
        address feeReceiver;
    }

    /// @dev Eight counters, see LaneLib.
    struct Counters {
        uint256 word;
    }

    uint256 public constant MAX_CHAINS = 32;
    /// @dev Seconds for which the gateway's fee, once asked for, is not asked for again.
    uint256 private constant FEE_CACHE = 1 days;
    uint256 private constant PERMIT_GAS = 200_000;

    IPaymentGateway private immutable GATEWAY;
    ISignatureVerifier private immutable VERIFIER;
    /// @inheritdoc IMarketplace
    bytes32 public immutable DOMAIN_SEPARATOR;

    /// @dev See SaleHeadLib.
    uint256 private _head;
    mapping(address seller => mapping(uint256 saltGroup => Counters)) private _sold;
    /// @inheritdoc IMarketplace
    mapping(address seller => mapping(bytes32 sku => uint256)) public minSaltOf;

    constructor(IPaymentGateway gateway, ISignatureVerifier verifier) {
        GATEWAY = gateway;
        VERIFIER = verifier;
        DOMAIN_SEPARATOR = SignatureLib.domainSeparator(address(this));
    }

    /* BUYER */

    /// @inheritdoc IMarketplace
    function buy(Listing calldata listing, bytes calldata signature, Purchase calldata purchase)
        external
        payable
        returns (bytes32 listingHash)
    {
        return _buy(listing, signature, purchase);
    }

    /// @inheritdoc IMarketplace
    function buyWithPermit(
        Listing calldata listing,
        bytes calldata signature,
        Purchase calldata purchase,
        bytes calldata permit
    ) external returns (bytes32 listingHash) {
        // Whoever saw the permit may have used it first; the transfers tell whether there is an allowance. Owner and
        // spender stand before what the caller brings.
        bytes memory data = abi.encodePacked(IERC20Permit.permit.selector, abi.encode(msg.sender, this), permit);
        purchase.paymentToken.callAndForget(data, PERMIT_GAS);

        return _buy(listing, signature, purchase);
    }

    /* SELLER */

    /// @inheritdoc IMarketplace
    function revokeListing(uint256 salt) external {
        Counters storage counters = _sold[msg.sender][salt >> 3];
        uint256 word = counters.word;
        if (word.lane(salt) == LaneLib.REVOKED) revert NoChange();

        counters.word = word.withLane(salt, LaneLib.REVOKED);

        emit ListingRevoked(msg.sender, salt, _nextSequence());
    }

    /// @inheritdoc IMarketplace
    function revokeSku(bytes32 sku, uint256 minSalt) external {
        uint256 current = minSaltOf[msg.sender][sku];
        if (minSalt <= current) revert MinSaltNotRaised(minSalt, current);

        minSaltOf[msg.sender][sku] = minSalt;

        emit SkuRevoked(msg.sender, sku, minSalt, _nextSequence());
    }

    /* UPKEEP */

    /// @inheritdoc IMarketplace
    function refreshFee() external {
        _head = _withFee(_head);
    }

    /* VIEWS */

    /// @inheritdoc IMarketplace
    function hashListing(Listing calldata listing) external view returns (bytes32 listingHash) {
        return ListingLib.digest(DOMAIN_SEPARATOR, listing.words(), listing.chainIds);
    }

    /// @inheritdoc IMarketplace
    function soldOf(address seller, uint256 salt) external view returns (uint32) {
        // A counter has 32 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(_sold[seller][salt >> 3].word.lane(salt));
    }

    /// @inheritdoc IMarketplace
    function eventCount() external view returns (uint64) {
        return _head.eventCount();
    }

    /// @inheritdoc IMarketplace
    function services() external view returns (address gateway, address verifier) {
        return (address(GATEWAY), address(VERIFIER));
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (
            SignatureLib.DOMAIN_FIELDS,
            SignatureLib.NAME,
            SignatureLib.VERSION,
            0,
            address(this),
            bytes32(0),
            new uint256[](0)
        );
    }

    /* INTERNAL: SALES */

    /// @dev The signature comes before all that is read from storage: a wallet that answers for it may call back.
    function _buy(Listing calldata listing, bytes calldata signature, Purchase calldata purchase)
        private
        returns (bytes32 listingHash)
    {
        uint256[13] calldata fields = listing.words();
        uint256[] calldata chainIds = listing.chainIds;
        _requireThisChain(chainIds);
        _validate(fields);
        uint256 units = purchase.quantity;
        if (units == 0) revert InvalidQuantity(0);

        listingHash = ListingLib.digest(DOMAIN_SEPARATOR, fields, chainIds);
        address seller = address(uint160(fields[ListingLib.SELLER]));
        if (!_isSigned(seller, listingHash, signature)) revert InvalidSignature();

        _count(seller, fields, units, listingHash);
        uint256 head = _head;
        Payment memory payment;
        uint256 discount;
        (head, discount) = _price(payment, fields, purchase, head);
        head = head.next();
        _head = head;

        address recipient = purchase.recipient;
        if (recipient == address(0)) recipient = msg.sender;
        emit MarketplaceSale(
            listingHash,
            seller,
            msg.sender,
            bytes32(fields[ListingLib.SKU]),
            uint256(head.eventCount()) << 192 | units << 160 | discount,
            uint256(uint160(recipient)) << 96 | payment.gross,
            uint256(uint160(payment.token)) << 96 | payment.fee
        );

        if (payment.token == address(0)) _send(seller, payment);
        else _collect(seller, payment);
    }

    function _validate(uint256[13] calldata fields) private view {
        uint256 seller = fields[ListingLib.SELLER];
        uint256 price = fields[ListingLib.PRICE];
        uint256 quantity = fields[ListingLib.QUANTITY];
        if (
            seller == 0 || (seller | fields[ListingLib.TOKEN]) > type(uint160).max || price == 0
                || price > type(uint96).max || quantity == 0 || quantity >= LaneLib.REVOKED
                || fields[ListingLib.MAX_FEE_BPS] > FeeLib.MAX_BPS || fields[ListingLib.DISCOUNT_BPS] > FeeLib.MAX_BPS
        ) revert InvalidListing();
        uint256 expiry = fields[ListingLib.EXPIRY];
        // What has passed has less than 64 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (expiry != 0 && block.timestamp > expiry) revert ListingExpired(uint64(expiry));
        uint256 buyer = fields[ListingLib.BUYER];
        if (buyer != 0 && buyer != uint160(msg.sender)) revert InvalidBuyer(msg.sender);
    }

    function _requireThisChain(uint256[] calldata chainIds) private view {
        uint256 length = chainIds.length;
        if (length > MAX_CHAINS) revert TooManyChains(length);
        for (uint256 i; i < length; ++i) {
            if (chainIds[i] == block.chainid) return;
        }
        revert InvalidChain(block.chainid);
    }

    /// @dev The key comes first also where there is code: an account that delegates by EIP-7702 keeps its key.
    function _isSigned(address seller, bytes32 listingHash, bytes calldata signature) private returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(listingHash, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == seller) return true;

        return VERIFIER.isValidSignature(seller, listingHash, signature);
    }

    /// @dev Counts the units as sold.
    function _count(address seller, uint256[13] calldata fields, uint256 units, bytes32 listingHash) private {
        uint256 salt = fields[ListingLib.SALT];
        if (salt < minSaltOf[seller][bytes32(fields[ListingLib.SKU])]) revert ListingIsRevoked(listingHash);
        Counters storage counters = _sold[seller][salt >> 3];
        uint256 word = counters.word;
        uint256 sold = word.lane(salt);
        if (sold == LaneLib.REVOKED) revert ListingIsRevoked(listingHash);
        uint256 quantity = fields[ListingLib.QUANTITY];
        unchecked {
            // Another listing of this salt may have been larger.
            uint256 left = sold < quantity ? quantity - sold : 0;
            if (units > left) revert SoldOut(listingHash, left);

            counters.word = word.withLane(salt, sold + units);
        }
    }

    /* INTERNAL: PRICE */

    /// @param payment Filled by this.
    /// @param oldHead `_head`.
    /// @return head The same, with the fee renewed if it was asked for; not stored yet.
    /// @return discount What is taken off before `gross`.
    function _price(Payment memory payment, uint256[13] calldata fields, Purchase calldata purchase, uint256 oldHead)
        private
        view
        returns (uint256 head, uint256 discount)
    {
        head = oldHead;
        payment.token = purchase.paymentToken;
        if (uint160(payment.token) == fields[ListingLib.TOKEN]) {
            if (!head.isFresh(block.timestamp, FEE_CACHE)) head = _withFee(head);
            discount = _split(payment, fields, purchase.quantity, head);
        } else {
            discount = _convert(payment, fields, purchase.quantity);
        }

        uint256 gross = payment.gross;
        if (gross > purchase.maxAmount) revert PriceAboveMaximum(gross, purchase.maxAmount);
        if (gross > type(uint96).max) revert PriceAboveMaximum(gross, type(uint96).max);
        if (discount > type(uint160).max) revert PriceAboveMaximum(discount, type(uint160).max);
    }

    /// @dev What the gateway would answer where the payment token is the listing's, by the fee that it told.
    function _split(Payment memory payment, uint256[13] calldata fields, uint256 units, uint256 head)
        private
        view
        returns (uint256 discount)
    {
        uint256 maxFeeBps = fields[ListingLib.MAX_FEE_BPS];
        uint256 feeBps = head.feeBps();
        // An amount has 96 + 32 bits and no rate is above 10,000.
        unchecked {
            uint256 amount = fields[ListingLib.PRICE] * units;
            discount = amount * ListingLib.discountBps(fields, units, block.timestamp) / FeeLib.MAX_BPS;
            uint256 gross = amount - discount;
            payment.gross = gross;
            payment.fee = gross * (feeBps < maxFeeBps ? feeBps : maxFeeBps) / FeeLib.MAX_BPS;
        }
        payment.feeReceiver = head.feeReceiver();
    }

    /// @dev Payment in another token: the gateway prices it, at its fee of now.
    function _convert(Payment memory payment, uint256[13] calldata fields, uint256 units)
        private
        view
        returns (uint256 discount)
    {
        // Checked by `_validate`.
        // forge-lint: disable-start(unsafe-typecast)
        IPaymentGateway.Quote memory quote = GATEWAY.quotePayment(
            IPaymentGateway.Payment({
                token: address(uint160(fields[ListingLib.TOKEN])),
                paymentToken: payment.token,
                amount: fields[ListingLib.PRICE] * units,
                discountBps: uint16(ListingLib.discountBps(fields, units, block.timestamp)),
                maxFeeBps: uint16(fields[ListingLib.MAX_FEE_BPS])
            })
        );
        // forge-lint: disable-end(unsafe-typecast)

        (payment.gross, payment.fee, payment.feeReceiver) = (quote.gross, quote.fee, quote.feeReceiver);
        return quote.discount;
    }

    function _withFee(uint256 head) private view returns (uint256) {
        return head.withFee(GATEWAY.feeBps(), GATEWAY.feeReceiver(), block.timestamp);
    }

    /* INTERNAL: MONEY */

    function _collect(address seller, Payment memory payment) private {
        if (msg.value != 0) revert EthRefused(msg.value);
        uint256 fee = payment.fee;
        uint256 net = payment.gross - fee;
        if (net != 0) _pull(payment.token, seller, net);
        if (fee != 0) _pull(payment.token, payment.feeReceiver, fee);
    }

    function _pull(address token, address receiver, uint256 amount) private {
        if (!token.tryTransferFrom(msg.sender, receiver, amount, gasleft())) {
            revert TokenTransferFailed(token, msg.sender, amount);
        }
    }

    function _send(address seller, Payment memory payment) private {
        if (msg.value < payment.gross) revert InsufficientValue(payment.gross, msg.value);

        _sendTo(seller, payment.gross - payment.fee);
        _sendTo(payment.feeReceiver, payment.fee);
        _sendTo(msg.sender, msg.value - payment.gross);
    }

    function _sendTo(address receiver, uint256 amount) private {
        if (amount != 0 && !receiver.trySend(amount, gasleft())) revert NativeTransferFailed(receiver, amount);
    }

    function _nextSequence() private returns (uint64) {
        uint256 head = _head.next();
        _head = head;
        return head.eventCount();
    }
}
