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
import {QuoteLib} from "./libraries/QuoteLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title Marketplace
/// @notice See IMarketplace.
///
/// @dev No reentrancy guard: counters, event number and event are written before the first transfer, and after it nothing
///      is read but what the sale came to. Whoever calls back buys on top of it, by the terms and with money of its own.
contract Marketplace is IMarketplace, IERC5267 {
    using LaneLib for uint256;
    using QuoteLib for IPaymentGateway;
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
    uint256 private constant PERMIT_GAS = 200_000;

    IPaymentGateway private immutable GATEWAY;
    ISignatureVerifier private immutable VERIFIER;
    /// @inheritdoc IMarketplace
    bytes32 public immutable DOMAIN_SEPARATOR;

    uint256 private _eventCount;
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

    /* VIEWS */

    /// @inheritdoc IMarketplace
    function hashListing(Listing calldata listing) public view returns (bytes32 listingHash) {
        return ListingLib.listingDigest(DOMAIN_SEPARATOR, listing);
    }

    /// @inheritdoc IMarketplace
    function soldOf(address seller, uint256 salt) external view returns (uint32) {
        return uint32(_sold[seller][salt >> 3].lane(salt));
    }

    /// @inheritdoc IMarketplace
    function eventCount() external view returns (uint64) {
        return uint64(_eventCount);
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

    /* INTERNAL */

    /// @dev The signature comes before all that is read from storage: a wallet that answers for it may call back.
    function _buy(Listing calldata listing, bytes calldata signature, Purchase calldata purchase)
        private
        returns (bytes32 listingHash)
    {
        _validate(listing, purchase);

        listingHash = hashListing(listing);
        if (!_isSigned(listing.seller, listingHash, signature)) revert InvalidSignature();

        Payment memory payment = _price(listing, purchase);
        _count(listing, purchase.quantity, listingHash);

        address recipient = purchase.recipient;
        if (recipient == address(0)) recipient = msg.sender;
        emit MarketplaceSale(
            listingHash,
            listing.seller,
            msg.sender,
            listing.sku,
            uint256(_nextSequence()) << 192 | uint256(purchase.quantity) << 160 | payment.discount,
            uint256(uint160(recipient)) << 96 | payment.gross,
            uint256(uint160(payment.token)) << 96 | payment.fee
        );

        if (payment.token == address(0)) _send(listing.seller, payment);
        else _collect(listing.seller, payment);
    }

    function _validate(Listing calldata listing, Purchase calldata purchase) private view {
        _requireThisChain(listing.chainIds);
        uint256 quantity = listing.quantity;
        if (
            listing.seller == address(0) || listing.price == 0 || quantity == 0 || quantity == LaneLib.REVOKED
                || listing.maxFeeBps > FeeLib.MAX_BPS || listing.discountBps > FeeLib.MAX_BPS
        ) revert InvalidListing();
        if (listing.expiry != 0 && block.timestamp > listing.expiry) revert ListingExpired(listing.expiry);
        if (listing.buyer != address(0) && listing.buyer != msg.sender) revert InvalidBuyer(msg.sender);
        if (purchase.quantity == 0) revert InvalidQuantity(0);
    }

    function _requireThisChain(uint256[] calldata chainIds) private view {
        if (chainIds.length > MAX_CHAINS) revert TooManyChains(chainIds.length);
        for (uint256 i; i < chainIds.length; ++i) {
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

    function _price(Listing calldata listing, Purchase calldata purchase)
        private
        view
        returns (Payment memory payment)
    {
        uint256 discountBps = listing.discountBps;
        if (discountBps != 0) {
            uint256 endsAt = listing.discountEndsAt;
            if (purchase.quantity < listing.discountMinQuantity || (endsAt != 0 && block.timestamp > endsAt)) {
                discountBps = 0;
            }
        }

        payment.token = purchase.paymentToken;
        (payment.gross, payment.fee, payment.feeReceiver, payment.discount) = GATEWAY.quotePayment(
            listing.token, payment.token, uint256(listing.price) * purchase.quantity, discountBps, listing.maxFeeBps
        );
        if (payment.gross > purchase.maxAmount) revert PriceAboveMaximum(payment.gross, purchase.maxAmount);
        uint256 full = payment.gross + payment.discount;
        if (full > type(uint96).max) revert PriceAboveMaximum(full, type(uint96).max);
    }

    /// @dev Counts the units as sold.
    function _count(Listing calldata listing, uint256 quantity, bytes32 listingHash) private {
        uint256 salt = listing.salt;
        if (salt < minSaltOf[listing.seller][listing.sku]) revert ListingIsRevoked(listingHash);
        mapping(uint256 => uint256) storage words = _sold[listing.seller];
        uint256 word = words[salt >> 3];
        uint256 sold = word.lane(salt);
        if (sold == LaneLib.REVOKED) revert ListingIsRevoked(listingHash);
        uint256 left = sold < listing.quantity ? listing.quantity - sold : 0;
        if (quantity > left) revert SoldOut(listingHash, left);

        words[salt >> 3] = word.withLane(salt, sold + quantity);
    }

    function _collect(address seller, Payment memory payment) private {
        if (msg.value != 0) revert EthRefused(msg.value);
        if (payment.gross == 0) return;

        _pull(payment.token, seller, payment.gross - payment.fee);
        if (payment.fee != 0) _pull(payment.token, payment.feeReceiver, payment.fee);
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
        return uint64(++_eventCount);
    }
}
