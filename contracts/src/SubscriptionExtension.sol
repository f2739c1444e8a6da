// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "./interfaces/IAllowanceTransfer.sol";
import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {IPlanManager} from "./interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {ISubscriptionCharging} from "./interfaces/ISubscriptionCharging.sol";
import {ISubscriptionExtension} from "./interfaces/ISubscriptionExtension.sol";
import {HeadLib} from "./libraries/HeadLib.sol";
import {Limits} from "./libraries/Limits.sol";
import {MandateLib} from "./libraries/MandateLib.sol";
import {PlanLib} from "./libraries/PlanLib.sol";
import {ReadLib} from "./libraries/ReadLib.sol";
import {Roles} from "./libraries/Roles.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";
import {Mandates} from "./subscriptions/Mandates.sol";
import {SubscriptionState} from "./subscriptions/SubscriptionState.sol";

/// @title SubscriptionExtension
/// @notice See ISubscriptionExtension. Code of SubscriptionManager's less frequent verbs, which runs on the manager's state;
///         called at its own address it is a manager that nobody subscribed to.
contract SubscriptionExtension is ISubscriptionExtension, Mandates {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using SlotLib for Subscription;
    using SlotLib for uint256;
    using MandateLib for Mandate;
    using MandateLib for Order;
    using TransferLib for address;

    /// @inheritdoc ISubscriptionExtension
    uint40 public constant PUBLIC_DELAY = Limits.PUBLIC_DELAY;
    /// @inheritdoc ISubscriptionExtension
    uint40 public constant RETRY_DELAY = Limits.RETRY_DELAY;
    /// @inheritdoc ISubscriptionExtension
    uint8 public constant MAX_RETRIES = Limits.MAX_RETRIES;
    /// @inheritdoc ISubscriptionExtension
    uint256 public constant TRANSFER_GAS = Limits.TRANSFER_GAS;

    constructor(ICoreSystem core, IPlanManager plans, IPaymentGateway gateway, ISignatureVerifier verifier)
        SubscriptionState(core, plans, gateway)
        Mandates(verifier)
    {}

    /* SUBSCRIBER */

    /// @inheritdoc ISubscriptionExtension
    function subscribeWithPermit2(
        bytes32 planHash,
        IAllowanceTransfer.PermitSingle calldata permit,
        bytes calldata signature
    ) external nonReentrant {
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);
        address token = planTail.token();
        if (token == address(0)) revert InvalidMandate();
        if (signature.length != 0) _usePermit2(msg.sender, permit, signature);

        _emitAccepted(planHash, msg.sender, Rail.Permit2, token, planTail.price(), 0);
        _begin(planHash, planHead, planTail, msg.sender, 0, SlotLib.terms(false, Rail.Permit2, 0));
    }

    /// @inheritdoc ISubscriptionExtension
    function subscribeBySig(Mandate calldata mandate, bytes calldata signature, bytes calldata permit)
        external
        nonReentrant
    {
        address subscriber = mandate.subscriber;
        if (msg.sender == subscriber) _useNonce(subscriber, mandate.nonce, mandate.deadline);
        else _useSignature(subscriber, mandate.digest(), mandate.nonce, mandate.deadline, signature);
        (uint256 planHead, uint256 planTail) = _openPlan(mandate.planHash);
        if (permit.length != 0) _usePermit(mandate, permit);

        uint256 terms = _acceptTerms(mandate, planTail);
        if (mandate.replaces == bytes32(0)) {
            _begin(mandate.planHash, planHead, planTail, subscriber, mandate.endsAt, terms);
        } else {
            _switch(mandate.replaces, mandate.planHash, planHead, planTail, subscriber, mandate.endsAt, terms);
        }
    }

    /// @inheritdoc ISubscriptionExtension
    function switchPlan(bytes32 fromPlan, bytes32 toPlan) external nonReentrant {
        uint256 word = _subscriptions[fromPlan][msg.sender].load();
        if (word.isBounded()) revert MandateRequired(fromPlan);
        (uint256 planHead, uint256 planTail) = _openPlan(toPlan);

        uint256 terms;
        if (!word.isPlain()) {
            // A limit that is reached leaves none here; then the subscription has ended, and is not switched.
            uint256 left = word.chargeLimit() > word.chargeCount() ? word.chargeLimit() - word.chargeCount() : 0;
            uint256 limit = _chargeLimit(toPlan, msg.sender, left);
            Rail rail = Rail(word.rail());
            _emitAccepted(toPlan, msg.sender, rail, planTail.token(), planTail.price(), limit);
            terms = SlotLib.terms(false, rail, limit);
        }
        _switch(fromPlan, toPlan, planHead, planTail, msg.sender, word.endsAt(), terms);
    }

    /// @inheritdoc ISubscriptionExtension
    function pause(bytes32 planHash) external nonReentrant {
        _pause(planHash, msg.sender);
    }

    /// @inheritdoc ISubscriptionExtension
    function resume(bytes32 planHash) external nonReentrant {
        _resume(planHash, msg.sender);
    }

    /// @inheritdoc ISubscriptionExtension
    function cancelBySig(Order calldata order, bytes calldata signature) external nonReentrant {
        _useOrder(order, MandateLib.CANCEL_TYPEHASH, signature);

        _cancel(order.planHash, order.subscriber, CancelReason.Subscriber);
    }

    /// @inheritdoc ISubscriptionExtension
    function pauseBySig(Order calldata order, bytes calldata signature) external nonReentrant {
        _useOrder(order, MandateLib.PAUSE_TYPEHASH, signature);

        _pause(order.planHash, order.subscriber);
    }

    /// @inheritdoc ISubscriptionExtension
    function resumeBySig(Order calldata order, bytes calldata signature) external nonReentrant {
        _useOrder(order, MandateLib.RESUME_TYPEHASH, signature);

        _resume(order.planHash, order.subscriber);
    }

    /// @inheritdoc ISubscriptionExtension
    function invalidateNonces(uint256 word, uint256 mask) external nonReentrant {
        uint256 bits = _usedNonces[msg.sender][word];
        if (bits | mask == bits) revert NonceUsed(msg.sender, word << 8);

        _usedNonces[msg.sender][word] = bits | mask;

        emit NoncesInvalidated(msg.sender, word, mask, _nextSequence());
    }

    /// @inheritdoc ISubscriptionExtension
    function depositNative(address account) external payable nonReentrant {
        if (account == address(0)) revert InvalidReceiver(account);
        if (msg.value == 0) revert ZeroAmount();

        _increaseDeposit(account);
    }

    /// @inheritdoc ISubscriptionExtension
    function withdrawNative(uint256 amount, address receiver) external nonReentrant {
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        if (amount == 0) revert ZeroAmount();
        uint256 balance = _depositOf[msg.sender];
        if (amount > balance) revert InsufficientDeposit(amount, balance);

        _depositOf[msg.sender] = balance -= amount;

        emit NativeDepositWithdrawn(msg.sender, receiver, amount, balance, _nextSequence());

        if (!receiver.trySend(amount, gasleft())) revert NativeTransferFailed(receiver, amount);
    }

    /* CHARGES */

    /// @inheritdoc ISubscriptionExtension
    ///
    /// @dev Each plan's batch runs as a call of this contract to itself that keeps the caller, so that a revert takes back
    ///      that plan alone. One that ran out of gas is not one that failed: it stops all.
    function chargeBatches(bytes32[] calldata planHashes, bytes[] calldata subscribers)
        external
        returns (bytes[] memory outcomes)
    {
        uint256 count = planHashes.length;
        if (subscribers.length != count) revert LengthMismatch(count, subscribers.length);

        outcomes = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            (bool success, bytes memory answer) = address(this)
                .delegatecall(abi.encodeCall(ISubscriptionCharging.chargeBatch, (planHashes[i], subscribers[i])));
            if (success) {
                outcomes[i] = abi.decode(answer, (bytes));
                continue;
            }
            // The first four bytes, zero where there are fewer.
            // forge-lint: disable-next-line(unsafe-typecast)
            bytes4 selector = bytes4(answer);
            if (selector == bytes4(0) || selector == InsufficientGas.selector) {
                revert InsufficientGas(0, gasleft());
            }
            emit BatchFailed(planHashes[i], selector, _nextSequence());
        }
    }

    /// @inheritdoc ISubscriptionExtension
    function collectBounded(bytes32 planHash, address subscriber)
        external
        returns (address token, uint256 gross, uint256 fee)
    {
        if (msg.sender != address(this)) revert Unauthorized(msg.sender);

        Bill memory bill = _boundedBill(planHash, subscriber);
        _collect(bill, subscriber, _subscriptions[planHash][subscriber].load().rail());
        return (bill.planTail.token(), bill.planTail.price(), bill.fee);
    }

    function _boundedBill(bytes32 planHash, address subscriber) private view returns (Bill memory bill) {
        (uint256 planHead, uint256 planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        Bounds memory bounds = _bounds[planHash][subscriber];
        IPaymentGateway.Quote memory quote = _quote(planHead, planTail, bounds.token);
        if (quote.gross > bounds.maxAmount) revert ChargeFailed(Reason.AboveMaximum);

        bill = Bill(planHash, planHead, 0, 0, quote.feeReceiver, false, 0);
        _setPaid(bill, bounds.token, quote.gross, quote.fee);
    }

    /// @dev The price of one period in `token`.
    function _quote(uint256 planHead, uint256 planTail, address token)
        private
        view
        returns (IPaymentGateway.Quote memory)
    {
        uint256 required = Limits.QUOTE_GAS + Limits.QUOTE_GAS / 63 + 5000;
        if (gasleft() < required) revert InsufficientGas(required, gasleft());

        try GATEWAY.quotePayment{gas: Limits.QUOTE_GAS}(
            IPaymentGateway.Payment(planTail.token(), token, planTail.price(), 0, planHead.maxFeeBps())
        ) returns (
            IPaymentGateway.Quote memory quote
        ) {
            return quote;
        } catch {
            revert ChargeFailed(Reason.QuoteUnavailable);
        }
    }

    /* OPERATOR AND UPKEEP */

    /// @inheritdoc ISubscriptionExtension
    function cancelFor(bytes32 planHash, address subscriber) external nonReentrant {
        if (!CORE.hasRole(Roles.OPERATOR, msg.sender)) revert Unauthorized(msg.sender);

        _cancel(planHash, subscriber, CancelReason.Operator);
    }

    /// @inheritdoc ISubscriptionExtension
    function activateManually(Mandate calldata mandate, bytes calldata signature, uint40 paidUntil)
        external
        nonReentrant
    {
        if (!CORE.hasRole(Roles.OPERATOR, msg.sender)) revert Unauthorized(msg.sender);
        (bytes32 planHash, address subscriber) = (mandate.planHash, mandate.subscriber);
        _useSignature(subscriber, mandate.digest(), mandate.nonce, mandate.deadline, signature);
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);
        if (mandate.replaces != bytes32(0)) revert InvalidMandate();
        if (paidUntil <= block.timestamp || paidUntil > block.timestamp + planHead.period()) {
            revert InvalidPaidUntil(paidUntil);
        }
        uint256 word = _loadForStart(planHash, subscriber);
        uint256 terms = _acceptTerms(mandate, planTail);

        emit ManualActivation(planHash, subscriber, msg.sender, paidUntil, _nextSequence());

        uint256 before = word.isInTrial() ? 0 : _paidUntil(word);
        uint256 end = before > paidUntil ? before : paidUntil;
        _activate(Start(planHash, planHead, planTail, subscriber, word, mandate.endsAt, terms, end, false));
    }

    /// @inheritdoc ISubscriptionExtension
    function claimCredit(address receiver) external nonReentrant {
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        uint256 amount = _creditOf[msg.sender];
        if (amount == 0) revert NothingToClaim(msg.sender);

        delete _creditOf[msg.sender];

        emit CreditClaimed(msg.sender, receiver, amount, _nextSequence());

        if (!receiver.trySend(amount, gasleft())) revert NativeTransferFailed(receiver, amount);
    }

    /// @inheritdoc ISubscriptionExtension
    function refreshAutomation() external nonReentrant {
        uint256 head = _head;
        if (CORE.hasRole(Roles.AUTOMATION, head.automation())) return;

        _head = head.withAutomation(address(0), 0);
    }

    /* VIEWS */

    /// @inheritdoc ISubscriptionExtension
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
            MandateLib.DOMAIN_FIELDS,
            SignatureLib.NAME,
            SignatureLib.VERSION,
            block.chainid,
            address(this),
            bytes32(0),
            new uint256[](0)
        );
    }

    /// @inheritdoc ISubscriptionExtension
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return MandateLib.domainSeparator();
    }

    /// @inheritdoc ISubscriptionExtension
    function hashMandate(Mandate calldata mandate) external view returns (bytes32) {
        return mandate.digest();
    }

    /// @inheritdoc ISubscriptionExtension
    function hashCancel(Order calldata order) external view returns (bytes32) {
        return order.digest(MandateLib.CANCEL_TYPEHASH);
    }

    /// @inheritdoc ISubscriptionExtension
    function hashPause(Order calldata order) external view returns (bytes32) {
        return order.digest(MandateLib.PAUSE_TYPEHASH);
    }

    /// @inheritdoc ISubscriptionExtension
    function hashResume(Order calldata order) external view returns (bytes32) {
        return order.digest(MandateLib.RESUME_TYPEHASH);
    }

    /// @inheritdoc ISubscriptionExtension
    function nonceBitmap(address subscriber, uint256 word) external view returns (uint256) {
        return _usedNonces[subscriber][word];
    }

    /// @inheritdoc ISubscriptionExtension
    function subscriptionOf(bytes32 planHash, address subscriber) external view returns (Subscription memory) {
        return _subscriptions[planHash][subscriber];
    }

    /// @inheritdoc ISubscriptionExtension
    function boundsOf(bytes32 planHash, address subscriber) external view returns (Bounds memory bounds) {
        if (_subscriptions[planHash][subscriber].bounded) bounds = _bounds[planHash][subscriber];
    }

    /// @inheritdoc ISubscriptionExtension
    function nativeDepositOf(address account) external view returns (uint256) {
        return _depositOf[account];
    }

    /// @inheritdoc ISubscriptionExtension
    function creditOf(address account) external view returns (uint256) {
        return _creditOf[account];
    }

    /// @inheritdoc ISubscriptionExtension
    function eventCount() external view returns (uint64) {
        return _head.eventCount();
    }

    /// @inheritdoc ISubscriptionExtension
    function services() external view returns (address core, address plans, address gateway, address verifier) {
        return (address(CORE), address(PLANS), address(GATEWAY), address(VERIFIER));
    }
}
