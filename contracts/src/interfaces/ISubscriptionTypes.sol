// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What subscriptions are made of: states, signed messages, events, errors
interface ISubscriptionTypes {
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
    /// RetryPending: the last try failed and `retryAt` is not reached. Ended: the subscriber's own limit is reached, in time
    /// or in charges. AboveMaximum: in the token that the subscriber chose the price is more than what was signed for one
    /// period. QuoteUnavailable: the price in that token is not known now (stale or faulty feed, token not accepted).
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
        Ended,
        AboveMaximum,
        QuoteUnavailable
    }

    /// @notice By which approval a subscription's token is pulled.
    ///
    /// Allowance: the token's own, given to this contract. Permit2: Permit2's `AllowanceTransfer`, given to this contract.
    enum Rail {
        Allowance,
        Permit2
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
    /// @param bounded Paid in a token that is not the plan's; `boundsOf` says which and how much at most.
    /// @param rail Approval that the charges use.
    /// @param chargeLimit `chargeCount` at which the subscription has ended; zero for no limit.
    /// @param inTrial Whether the time up to `nextChargeAt` is a trial's; it is worth nothing in a switch.
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
        Rail rail;
        uint16 chargeLimit;
        bool inTrial;
    }

    /// @notice What a subscription that is paid in another token may cost.
    ///
    /// @param token What is paid in; zero for native coin.
    /// @param maxAmount Highest amount of one period, smallest unit of `token`.
    struct Bounds {
        address token;
        uint96 maxAmount;
    }

    /// @notice What a subscriber signs for somebody else to begin a subscription (EIP-712 type `Mandate`).
    ///
    /// @param planHash Plan to subscribe to.
    /// @param replaces Plan hash of the running subscription that this one switches from; zero for none.
    /// @param subscriber Signer and payer.
    /// @param paymentToken What is paid in: the plan's token, or another one that the gateway can price.
    /// @param rail Approval that the charges use (`uint8` in the signed type).
    /// @param maxAmount Highest amount of one period, smallest unit of `paymentToken`.
    /// @param maxCharges Charges after which it ends, counted from now; zero for no limit. With those made before at most
    ///        65,535.
    /// @param endsAt Unix second from which nothing is charged; zero for no limit.
    /// @param nonce Any number not used before by this signer; nonces have no order.
    /// @param deadline Last unix second at which the mandate may be used.
    struct Mandate {
        bytes32 planHash;
        bytes32 replaces;
        address subscriber;
        address paymentToken;
        Rail rail;
        uint96 maxAmount;
        uint24 maxCharges;
        uint40 endsAt;
        uint256 nonce;
        uint256 deadline;
    }

    /// @notice What a subscriber signs for somebody else to cancel, pause or resume (EIP-712 types `Cancel`, `Pause`,
    ///         `Resume`: same fields, another name, so that one cannot be used as another).
    struct Order {
        bytes32 planHash;
        address subscriber;
        uint256 nonce;
        uint256 deadline;
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
    /// @notice Terms that a subscriber set apart from the plan's; the activation follows.
    ///
    /// @param chargeLimit As in `Subscription`.
    event MandateAccepted(
        bytes32 indexed planHash,
        address indexed subscriber,
        Rail rail,
        address paymentToken,
        uint96 maxAmount,
        uint16 chargeLimit,
        uint64 sequence
    );
    /// @notice Paid time of one plan became paid time of another. A cancellation of the one, with reason `Switched`, went
    ///         before; the activation of the other follows.
    event SubscriptionSwitched(
        address indexed subscriber,
        bytes32 indexed fromPlan,
        bytes32 indexed toPlan,
        uint40 unusedSeconds,
        uint40 creditedSeconds,
        uint64 sequence
    );
    event SubscriptionPaused(bytes32 indexed planHash, address indexed subscriber, uint40 pausedAt, uint64 sequence);
    /// @param nextChargeAt End of the paid time, moved by the length of the pause as far as time was paid.
    event SubscriptionResumed(
        bytes32 indexed planHash, address indexed subscriber, uint40 nextChargeAt, uint64 sequence
    );
    /// @notice Operator began a subscription that was paid elsewhere, with the subscriber's mandate; the activation follows.
    event ManualActivation(
        bytes32 indexed planHash,
        address indexed subscriber,
        address indexed operator,
        uint40 paidUntil,
        uint64 sequence
    );
    /// @notice One plan of `chargeBatches` could not be settled; nothing of it happened.
    ///
    /// @param errorSelector Selector of the error, zero where there was none.
    event BatchFailed(bytes32 indexed planHash, bytes4 errorSelector, uint64 sequence);
    event NoncesInvalidated(address indexed subscriber, uint256 word, uint256 mask, uint64 sequence);
    event NativeDepositIncreased(address indexed account, uint256 amount, uint256 balance, uint64 sequence);
    event NativeDepositWithdrawn(
        address indexed account, address indexed receiver, uint256 amount, uint256 balance, uint64 sequence
    );
    /// @notice A merchant or fee receiver did not take native coin; it can claim it.
    event CreditIncreased(address indexed account, uint256 amount, uint256 balance, uint64 sequence);
    event CreditClaimed(address indexed account, address indexed receiver, uint256 amount, uint64 sequence);

    error AlreadySubscribed(bytes32 planHash, address subscriber);
    error ChargeFailed(Reason reason);
    error DeadlinePassed(uint256 deadline);
    error EthRefused(uint256 value);
    error InsufficientDeposit(uint256 required, uint256 available);
    error InsufficientGas(uint256 required, uint256 available);
    error InvalidBatch(uint256 length);
    error InvalidMandate();
    error InvalidPaidUntil(uint256 paidUntil);
    error InvalidReceiver(address receiver);
    error InvalidSignature();
    error LengthMismatch(uint256 plans, uint256 members);
    error MandateRequired(bytes32 planHash);
    error NativeTransferFailed(address receiver, uint256 amount);
    error NonceUsed(address subscriber, uint256 nonce);
    error NothingToClaim(address account);
    error NotActive(bytes32 planHash, address subscriber);
    error NotPaused(bytes32 planHash, address subscriber);
    error NotSubscribed(bytes32 planHash, address subscriber);
    error PlanNotOpen(bytes32 planHash);
    error PlanNotFound(bytes32 planHash);
    error PlansDiffer(bytes32 fromPlan, bytes32 toPlan);
    error ReceivedLessThanCharged(uint256 charged, uint256 received);
    error Unauthorized(address caller);
    error ZeroAmount();
}
