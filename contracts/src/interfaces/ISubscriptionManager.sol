// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Subscriptions and their charges
///
/// @notice One slot per subscription, keyed by plan hash and subscriber. Pulls at most the plan's price once a period from
///         whoever subscribed, and only to the plan's merchant and the fee receiver.
///
/// @dev Schedule: `nextChargeAt` is the end of the paid time. A charge at `t >= nextChargeAt` pays the period
///      `[nextChargeAt + k * period, nextChargeAt + (k + 1) * period)` that contains `t`, and moves `nextChargeAt` to that
///      end. So due times stay on the anchor, a period is charged once, and missed periods are not billed.
///
///      Assumptions on the token (safety): `transferFrom` takes exactly the amount from the payer or reverts or answers
///      false. One that delivers less than it takes reverts a batch (`ReceivedLessThanCharged`); a single charge does not
///      measure, and what is missing is the loss of the merchant who chose the token. (liveness): one transfer needs at
///      most `TRANSFER_GAS`. Merchant and fee receiver can receive it; if not, their plans cannot be charged.
///      Assumption on the automation key: none for safety. Leaked, it can only charge what is due.
interface ISubscriptionManager {
    /// None: never subscribed. Active: charged when due. Paused: by the subscriber, not charged. Cancelled: ended by
    /// subscriber or operator; paid time stays. Failed: ended after the last retry.
    enum Status {
        None,
        Active,
        Paused,
        Cancelled,
        Failed
    }

    /// @notice Why a member of a batch was not charged. Shared with the backend by number.
    ///
    /// RetryPending: the last try failed and `retryAt` is not reached. Ended: the subscriber's own limit is reached.
    enum Reason {
        None,
        NoPlan,
        NotDue,
        InsufficientBalance,
        PlanInactive,
        InsufficientAllowance,
        TransferFailed,
        NotSubscribed,
        Paused,
        RetryPending,
        Ended
    }

    enum CancelReason {
        None,
        Subscriber,
        Operator,
        Switched,
        RetriesExhausted
    }

    /// @param nextChargeAt End of the paid time, unix seconds; due at and after it.
    /// @param retryAt No charge before it, unix seconds; zero when the last try did not fail.
    /// @param endsAt No charge at or after it, unix seconds; zero for no limit.
    /// @param pausedAt Unix second of the pause; zero when not paused.
    /// @param chargeCount Periods paid so far.
    /// @param retries Failed tries of the current period.
    struct Subscription {
        uint40 nextChargeAt;
        uint40 retryAt;
        uint40 endsAt;
        uint40 pausedAt;
        uint32 chargeCount;
        uint8 retries;
        Status status;
        CancelReason cancelReason;
        bool bounded;
    }

    /// @param nextChargeAt End of the paid (or trial) time. A first charge follows as `SubscriptionCharged`.
    event SubscriptionActivated(
        bytes32 indexed planHash,
        address indexed subscriber,
        address merchant,
        uint40 startedAt,
        uint40 nextChargeAt,
        uint40 endsAt,
        uint64 sequence
    );
    /// @notice One period of one subscription was paid.
    ///
    /// @param receipt `sequence << 192 | periodStart << 144 | periodEnd << 96 | gross` (64, 48, 48, 96 bits).
    /// @param settlement `merchant << 96 | fee` (160, 96 bits): `gross - fee` went to `merchant`.
    /// @param token What was paid in; zero for the native coin, taken from the subscriber's deposit.
    event SubscriptionCharged(
        bytes32 indexed planHash, address indexed subscriber, uint256 receipt, uint256 settlement, address token
    );
    event SubscriptionRetryScheduled(
        bytes32 indexed planHash,
        address indexed subscriber,
        Reason reason,
        uint40 retryAt,
        uint8 retries,
        uint64 sequence
    );
    event SubscriptionFailedFinal(bytes32 indexed planHash, address indexed subscriber, Reason reason, uint64 sequence);
    event SubscriptionCancelled(
        bytes32 indexed planHash, address indexed subscriber, CancelReason reason, uint40 paidUntil, uint64 sequence
    );
    /// @notice A member of a batch was left as it was.
    event ChargeSkipped(bytes32 indexed planHash, address indexed subscriber, Reason reason, uint64 sequence);
    event NativeDepositIncreased(address indexed account, uint256 amount, uint256 balance, uint64 sequence);
    event NativeDepositWithdrawn(
        address indexed account, address indexed receiver, uint256 amount, uint256 balance, uint64 sequence
    );
    /// @notice A merchant or fee receiver did not take native coin; it can claim it.
    event CreditIncreased(address indexed account, uint256 amount, uint256 balance, uint64 sequence);
    event CreditClaimed(address indexed account, address indexed receiver, uint256 amount, uint64 sequence);

    error AlreadySubscribed(bytes32 planHash, address subscriber);
    error ChargeFailed(Reason reason);
    error EthRefused(uint256 value);
    error InsufficientDeposit(uint256 required, uint256 available);
    error InsufficientGas(uint256 required, uint256 available);
    error InvalidBatch(uint256 length);
    error InvalidReceiver(address receiver);
    error NativeTransferFailed(address receiver, uint256 amount);
    error NothingToClaim(address account);
    error NotSubscribed(bytes32 planHash, address subscriber);
    error PlanNotOpen(bytes32 planHash);
    error PlanNotFound(bytes32 planHash);
    error ReceivedLessThanCharged(uint256 charged, uint256 received);
    error Unauthorized(address caller);
    error ZeroAmount();

    /// @notice Subscribes the caller and charges the first period, unless the plan has a trial that the caller never had
    ///         or time paid before a cancellation is left.
    ///
    /// @dev Native plans: `msg.value` joins the caller's deposit first, and the charge is taken from it.
    function subscribe(bytes32 planHash) external payable;

    /// @notice As `subscribe`, after an EIP-2612 permit of `value` to this contract. A permit that fails (used already by
    ///         somebody else, say) does not matter if the allowance is there.
    function subscribeWithPermit(bytes32 planHash, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Ends the caller's subscription. Works whatever the state of plan and token. Paid time stays; a deposit is
    ///         withdrawn apart.
    function cancel(bytes32 planHash) external;

    /// @notice Operator ends a subscription.
    function cancelFor(bytes32 planHash, address subscriber) external;

    /// @notice Charges one subscription; reverts with `ChargeFailed` where a batch would skip or schedule a retry.
    ///
    /// @dev AUTOMATION any time; anyone else once due for `PUBLIC_DELAY`.
    function charge(bytes32 planHash, address subscriber) external;

    /// @notice Charges many subscriptions of one plan; a member that cannot pay never stops the others.
    ///
    /// @dev AUTOMATION any time; anyone else only members due for `PUBLIC_DELAY`.
    ///
    /// @param subscribers 20 bytes each, back to back.
    /// @return outcomes One byte per member: a `Reason`, zero for charged.
    function chargeBatch(bytes32 planHash, bytes calldata subscribers) external returns (bytes memory outcomes);

    function depositNative(address account) external payable;
    function withdrawNative(uint256 amount, address receiver) external;
    function claimCredit(address receiver) external;
    /// @notice Forgets the account cached as automation if CoreSystem no longer lists it. Anyone may call.
    function refreshAutomation() external;

    function subscriptionOf(bytes32 planHash, address subscriber) external view returns (Subscription memory);
    function nativeDepositOf(address account) external view returns (uint256);
    function creditOf(address account) external view returns (uint256);
    /// @notice Seconds after the due time from which anyone may charge.
    function PUBLIC_DELAY() external view returns (uint40);
    /// @notice Seconds between a failed try and the next one.
    function RETRY_DELAY() external view returns (uint40);
    /// @notice Failed tries of one period after which the subscription ends.
    function MAX_RETRIES() external view returns (uint8);
    /// @notice Gas given to one token transfer at most.
    function TRANSFER_GAS() external view returns (uint256);
    function eventCount() external view returns (uint64);
    /// @notice Contracts that this one asks for roles, plans and quotes; fixed at deployment.
    function services() external view returns (address core, address plans, address gateway);
}
