// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Sales of listings that sellers sign off chain
///
/// @notice A listing is created by no transaction: the seller signs it, the buyer brings it. The signature's domain has no
///         chain id and the listing names its chains, as a plan does. The buyer approves this contract, which moves at most
///         what the buyer states, to the seller and the fee receiver, within the call. It keeps neither token nor coin.
///
/// @dev `salt` names the listing among its seller's. Sold units are counted per seller and salt, eight counters to a slot: a
///      new listing with the salt of an old one goes on with its count, and sales of listings with neighbouring salts
///      (equal but for the lowest three bits) cost less than those of scattered ones.
interface IMarketplace {
    /// @notice Terms a seller signs (EIP-712 type `Listing`).
    ///
    /// @param chainIds Chains on which it may be bought, 1 to 32; `quantity` counts on each of them apart.
    /// @param seller Receiver of the price net of discount and fee; the signer.
    /// @param buyer Only buyer; zero for anyone.
    /// @param token What the price is in; zero for native coin.
    /// @param price Price of one unit, smallest unit of `token`; never zero.
    /// @param sku What is sold, as the seller names it.
    /// @param quantity Units that may be sold; never zero, below 2**32 - 1.
    /// @param maxFeeBps Highest platform fee the seller accepts, in 1/10,000.
    /// @param discountBps Off the price, in 1/10,000, while the discount holds.
    /// @param discountMinQuantity Units in one purchase from which the discount holds.
    /// @param discountEndsAt Last unix second of the discount; zero for no limit.
    /// @param salt Names the listing; see above.
    /// @param expiry Last unix second of the listing; zero for no limit.
    struct Listing {
        uint256[] chainIds;
        address seller;
        address buyer;
        address token;
        uint96 price;
        bytes32 sku;
        uint32 quantity;
        uint16 maxFeeBps;
        uint16 discountBps;
        uint32 discountMinQuantity;
        uint64 discountEndsAt;
        uint256 salt;
        uint64 expiry;
    }

    /// @param quantity Units to buy.
    /// @param paymentToken What to pay in: the listing's token, or another one that the gateway can price.
    /// @param maxAmount Most to pay in all, smallest unit of `paymentToken`; 2**96 or more are refused in any case.
    /// @param recipient Whom the goods are for; zero for the buyer.
    struct Purchase {
        uint32 quantity;
        address paymentToken;
        uint256 maxAmount;
        address recipient;
    }

    /// @notice Units of a listing were bought.
    ///
    /// @param sku As in the listing.
    /// @param order `sequence << 192 | quantity << 160 | discount` (64, 32, 160 bits): units of this sale, and what was
    ///        taken off before `gross`.
    /// @param receipt `recipient << 96 | gross` (160, 96 bits): what the buyer paid, and whom the goods are for.
    /// @param settlement `paymentToken << 96 | fee` (160, 96 bits): `gross - fee` went to the seller; token zero for native
    ///        coin.
    event MarketplaceSale(
        bytes32 indexed listingHash,
        address indexed seller,
        address indexed buyer,
        bytes32 sku,
        uint256 order,
        uint256 receipt,
        uint256 settlement
    );
    /// @notice The seller's listings of this salt are sold no more.
    event ListingRevoked(address indexed seller, uint256 indexed salt, uint64 sequence);
    /// @notice The seller's listings of this SKU with a salt below `minSalt` are sold no more.
    event SkuRevoked(address indexed seller, bytes32 indexed sku, uint256 minSalt, uint64 sequence);

    error EthRefused(uint256 value);
    error InsufficientValue(uint256 required, uint256 available);
    error InvalidBuyer(address buyer);
    error InvalidChain(uint256 chainId);
    error InvalidListing();
    error InvalidQuantity(uint256 quantity);
    error InvalidSignature();
    error ListingExpired(uint64 expiry);
    error ListingIsRevoked(bytes32 listingHash);
    error MinSaltNotRaised(uint256 minSalt, uint256 current);
    error NativeTransferFailed(address receiver, uint256 amount);
    error NoChange();
    error PriceAboveMaximum(uint256 gross, uint256 maxAmount);
    error SoldOut(bytes32 listingHash, uint256 left);
    error TokenTransferFailed(address token, address from, uint256 amount);
    error TooManyChains(uint256 count);

    /// @notice Buys: moves the price from the caller to seller and fee receiver. Native coin is sent along, and what is more
    ///         than the price comes back.
    function buy(Listing calldata listing, bytes calldata signature, Purchase calldata purchase)
        external
        payable
        returns (bytes32 listingHash);

    /// @notice As `buy`, after an EIP-2612 permit for this contract: `abi.encode(value, deadline, v, r, s)`. A permit that
    ///         fails does not matter if the allowance is there.
    function buyWithPermit(
        Listing calldata listing,
        bytes calldata signature,
        Purchase calldata purchase,
        bytes calldata permit
    ) external returns (bytes32 listingHash);

    /// @notice Seller ends the listing of `salt`.
    function revokeListing(uint256 salt) external;
    /// @notice Seller ends listings of `sku` with a salt below `minSalt`, which only ever rises.
    function revokeSku(bytes32 sku, uint256 minSalt) external;

    /// @notice Asks the gateway for its fee. Sales use what it said last, for up to a day, so that a change of the fee is
    ///         waited for no longer than until anyone calls this.
    function refreshFee() external;

    function hashListing(Listing calldata listing) external view returns (bytes32 listingHash);
    /// @notice Units sold under `salt`; 2**32 - 1 once revoked.
    function soldOf(address seller, uint256 salt) external view returns (uint32);
    function minSaltOf(address seller, bytes32 sku) external view returns (uint256);
    /// @notice EIP-712 domain separator, without chain id: `{name, version, verifyingContract}`.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice Events emitted by this contract so far.
    function eventCount() external view returns (uint64);
    /// @notice Contracts that this one asks for quotes and signatures of wallets; fixed at deployment.
    function services() external view returns (address gateway, address verifier);
}
