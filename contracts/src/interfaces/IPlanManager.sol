// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Plans by hash
///
/// @notice A plan is a set of terms that a merchant signed once and that is valid on every chain it lists. Its hash is
///         the EIP-712 digest of the terms under a domain without `chainId`, so it is the same on all of them. Price,
///         period and token of a plan never change: other terms are another hash.
interface IPlanManager {
    /// @notice Terms a merchant signs (EIP-712 type `Plan`).
    ///
    /// @param chainIds Chains on which the plan may be created; any other refuses it. At least one, at most 32.
    /// @param merchant Receiver of every charge net of fee; the signer.
    /// @param token ERC-20 to be charged; zero for the chain's native coin.
    /// @param price Amount of one charge in the token's smallest unit; never zero.
    /// @param period Length of one billing period in seconds; at least one hour.
    /// @param trial Seconds from the first subscription to the first charge; zero for none.
    /// @param maxFeeBps Highest platform fee the merchant accepts, in 1/10,000 of the price.
    /// @param salt Free number that makes otherwise equal plans distinct.
    /// @param expiry Last unix second at which the plan may be created on a chain; zero for no limit.
    struct Plan {
        uint256[] chainIds;
        address merchant;
        address token;
        uint96 price;
        uint32 period;
        uint32 trial;
        uint16 maxFeeBps;
        uint256 salt;
        uint64 expiry;
    }

    /// @notice Where a plan stands, as its merchant set it. Freezing is a separate flag of the operator.
    ///
    /// None: never created here. Active: billed, open to new subscribers. Closed: billed, closed to new subscribers.
    /// Inactive: neither billed nor open.
    enum PlanStatus {
        None,
        Active,
        Closed,
        Inactive
    }

    /// @notice What the chain keeps of a plan: two slots.
    struct PlanTerms {
        address merchant;
        uint32 period;
        uint32 trial;
        uint16 maxFeeBps;
        PlanStatus status;
        bool frozen;
        address token;
        uint96 price;
    }

    /// @param sequence Number of this event among all events of this contract, counted from 1 without gaps.
    event PlanCreated(
        bytes32 indexed planHash,
        address indexed merchant,
        address token,
        uint96 price,
        uint32 period,
        uint32 trial,
        uint16 maxFeeBps,
        uint64 sequence,
        string uri
    );
    event PlanStatusChanged(bytes32 indexed planHash, address indexed merchant, PlanStatus status, uint64 sequence);
    event PlanFrozenToggled(bytes32 indexed planHash, address indexed operator, bool frozen, uint64 sequence);
    event PlanUriUpdated(bytes32 indexed planHash, string uri, uint64 sequence);
    event PlanOwnershipTransferStarted(
        bytes32 indexed planHash, address indexed merchant, address indexed newMerchant, uint64 sequence
    );
    event PlanOwnershipTransferred(
        bytes32 indexed planHash, address indexed previousMerchant, address indexed merchant, uint64 sequence
    );
    event MaxActivePlansUpdated(uint32 maxActivePlans, uint64 sequence);

    error ActivePlanLimitReached(address merchant, uint32 limit);
    error InvalidChain(uint256 chainId);
    error InvalidPeriod(uint32 period);
    error InvalidPrice(uint96 price);
    error InvalidFee(uint16 maxFeeBps);
    error InvalidMerchant(address merchant);
    error InvalidSignature();
    error InvalidToken(address token);
    error NoChange(bytes32 planHash);
    error PlanAlreadyExists(bytes32 planHash);
    error PlanExpired(uint64 expiry);
    error PlanNotFound(bytes32 planHash);
    error TooManyChains(uint256 count);
    error Unauthorized(address caller);

    /// @notice Creates a plan on this chain.
    ///
    /// @dev The merchant may call with an empty signature; anyone else needs the merchant's signature (ECDSA, or ERC-1271
    ///      where the merchant is a contract). The URI is described by the event only; it is not part of the signed
    ///      terms, so a relayer's URI stands until the merchant sets another one.
    ///
    /// @return planHash The EIP-712 digest of `plan`.
    function createPlan(Plan calldata plan, bytes calldata signature, string calldata uri)
        external
        returns (bytes32 planHash);

    /// @notice Merchant opens the plan again, to billing and to new subscribers.
    function activatePlan(bytes32 planHash) external;
    /// @notice Merchant stops billing and new subscriptions.
    function deactivatePlan(bytes32 planHash) external;
    /// @notice Merchant takes no new subscribers; those there are stay billed.
    function closePlan(bytes32 planHash) external;
    /// @notice Operator stops (or lets go on) billing and new subscriptions; the merchant's own status is kept.
    function setPlanFrozen(bytes32 planHash, bool frozen) external;
    /// @notice Merchant points to another description.
    function updatePlanUri(bytes32 planHash, string calldata uri) external;
    /// @notice Merchant offers the plan and its revenue to `newMerchant`; zero takes the offer back.
    function transferPlanOwnership(bytes32 planHash, address newMerchant) external;
    /// @notice The new merchant takes what was offered; nothing moves before.
    function acceptPlanOwnership(bytes32 planHash) external;
    /// @notice Governor limits active plans per merchant; zero for no limit.
    ///
    /// @dev Only plans that become active while a limit is in force count, for creating one without a limit pays for no
    ///      counter. So a new limit holds for new plans, and those before it stay beside it.
    function setMaxActivePlans(uint32 maxActivePlans) external;

    function hashPlan(Plan calldata plan) external view returns (bytes32 planHash);
    function termsOf(bytes32 planHash) external view returns (PlanTerms memory);
    /// @notice `termsOf` as the two words it is stored in, fields from the lowest bits up in order of declaration.
    function rawTermSlots(bytes32 planHash) external view returns (uint256 head, uint256 tail);
    /// @notice EIP-712 domain separator, without chain id: `{name, version, verifyingContract}`.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice Active plans that count towards the limit.
    function activePlansOf(address merchant) external view returns (uint32);
    function maxActivePlans() external view returns (uint32);
    function pendingMerchantOf(bytes32 planHash) external view returns (address);
    /// @notice Events emitted by this contract so far.
    function eventCount() external view returns (uint64);
}
