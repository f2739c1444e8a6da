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
    using SaleHeadLib for uint256;
    using TransferLib for address;

    /// @dev What a sale moves, in `token`; nothing of it is kept.
    struct Payment {
        address token;
        uint256 gross;
        uint256 fee;
        address feeReceiver;
        uint256 discount;
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
    /// @dev Eight counters to a word, see LaneLib.
    mapping(address seller => mapping(uint256 saltGroup => uint256)) private _sold;
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
        uint256 word = _sold[msg.sender][salt >> 3];
        if (word.lane(salt) == LaneLib.REVOKED) revert NoChange();

        _sold[msg.sender][salt >> 3] = word.withLane(salt, LaneLib.REVOKED);

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
    function hashListing(Listing calldata listing) public view returns (bytes32 listingHash) {
        return ListingLib.listingDigest(DOMAIN_SEPARATOR, listing);
    }

    /// @inheritdoc IMarketplace
    function soldOf(address seller, uint256 salt) external view returns (uint32) {
        // A counter has 32 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(_sold[seller][salt >> 3].lane(salt));
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
        _validate(listing, purchase.quantity);

        listingHash = hashListing(listing);
        if (!_isSigned(listing.seller, listingHash, signature)) revert InvalidSignature();

        _count(listing, purchase.quantity, listingHash);
        (Payment memory payment, uint256 head) = _price(listing, purchase);
        head = head.next();
        _head = head;

        address recipient = purchase.recipient;
        if (recipient == address(0)) recipient = msg.sender;
        emit MarketplaceSale(
            listingHash,
            listing.seller,
            msg.sender,
            listing.sku,
            uint256(head.eventCount()) << 192 | uint256(purchase.quantity) << 160 | payment.discount,
            uint256(uint160(recipient)) << 96 | payment.gross,
            uint256(uint160(payment.token)) << 96 | payment.fee
        );

        if (payment.token == address(0)) _send(listing.seller, payment);
        else _collect(listing.seller, payment);
    }

    function _validate(Listing calldata listing, uint256 units) private view {
        _requireThisChain(listing.chainIds);
        uint256 quantity = listing.quantity;
        if (
            listing.seller == address(0) || listing.price == 0 || quantity == 0 || quantity == LaneLib.REVOKED
                || listing.maxFeeBps > FeeLib.MAX_BPS || listing.discountBps > FeeLib.MAX_BPS
        ) revert InvalidListing();
        uint64 expiry = listing.expiry;
        if (expiry != 0 && block.timestamp > expiry) revert ListingExpired(expiry);
        address buyer = listing.buyer;
        if (buyer != address(0) && buyer != msg.sender) revert InvalidBuyer(msg.sender);
        if (units == 0) revert InvalidQuantity(0);
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
    function _isSigned(address seller, bytes32 digest, bytes calldata signature) private returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == seller) return true;

        return VERIFIER.isValidSignature(seller, digest, signature);
    }

    /// @dev Counts the units as sold.
    function _count(Listing calldata listing, uint256 units, bytes32 listingHash) private {
        uint256 salt = listing.salt;
        if (salt < minSaltOf[listing.seller][listing.sku]) revert ListingIsRevoked(listingHash);
        mapping(uint256 => uint256) storage words = _sold[listing.seller];
        uint256 word = words[salt >> 3];
        uint256 sold = word.lane(salt);
        if (sold == LaneLib.REVOKED) revert ListingIsRevoked(listingHash);
        uint256 quantity = listing.quantity;
        // Another listing of this salt may have been larger.
        uint256 left = sold < quantity ? quantity - sold : 0;
        if (units > left) revert SoldOut(listingHash, left);

        words[salt >> 3] = word.withLane(salt, sold + units);
    }

    /* INTERNAL: PRICE */

    /// @return payment What the sale comes to.
    /// @return head `_head`, with the fee renewed if it was asked for; not stored yet.
    function _price(Listing calldata listing, Purchase calldata purchase)
        private
        view
        returns (Payment memory payment, uint256 head)
    {
        head = _head;
        address token = purchase.paymentToken;
        uint256 discountBps = _discountOf(listing, purchase.quantity);
        // 96 and 32 bits.
        uint256 amount;
        unchecked {
            amount = uint256(listing.price) * purchase.quantity;
        }
        if (token == listing.token) {
            if (!head.isFresh(block.timestamp, FEE_CACHE)) head = _withFee(head);
            payment = _split(amount, discountBps, listing.maxFeeBps, head);
        } else {
            IPaymentGateway.Quote memory quote = GATEWAY.quotePayment(
                IPaymentGateway.Payment(listing.token, token, amount, uint16(discountBps), listing.maxFeeBps)
            );
            payment = Payment(token, quote.gross, quote.fee, quote.feeReceiver, quote.discount);
        }
        payment.token = token;

        if (payment.gross > purchase.maxAmount) revert PriceAboveMaximum(payment.gross, purchase.maxAmount);
        uint256 full = payment.gross + payment.discount;
        if (full > type(uint96).max) revert PriceAboveMaximum(full, type(uint96).max);
    }

    /// @dev What the gateway answers where the payment token is the listing's, by the fee that it has told.
    function _split(uint256 amount, uint256 discountBps, uint256 maxFeeBps, uint256 head)
        private
        pure
        returns (Payment memory payment)
    {
        uint256 bps = head.feeBps();
        if (bps > maxFeeBps) bps = maxFeeBps;
        // An amount has 128 bits and no rate is above 10,000.
        unchecked {
            payment.discount = amount * discountBps / FeeLib.MAX_BPS;
            payment.gross = amount - payment.discount;
            payment.fee = payment.gross * bps / FeeLib.MAX_BPS;
        }
        payment.feeReceiver = head.feeReceiver();
    }

    function _discountOf(Listing calldata listing, uint256 units) private view returns (uint256 discountBps) {
        discountBps = listing.discountBps;
        if (discountBps == 0) return 0;
        if (units < listing.discountMinQuantity) return 0;
        uint256 endsAt = listing.discountEndsAt;
        if (endsAt != 0 && block.timestamp > endsAt) return 0;
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
