// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {IPlanManager} from "./interfaces/IPlanManager.sol";
import {ISubscriptionCharging} from "./interfaces/ISubscriptionCharging.sol";
import {HeadLib} from "./libraries/HeadLib.sol";
import {PeriodLib} from "./libraries/PeriodLib.sol";
import {PlanLib} from "./libraries/PlanLib.sol";
import {ReadLib} from "./libraries/ReadLib.sol";
import {Roles} from "./libraries/Roles.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title SubscriptionManager
/// @notice See ISubscriptionCharging.
contract SubscriptionManager is ISubscriptionCharging, ReentrancyGuardTransient {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using ReadLib for IPaymentGateway;
    using SlotLib for Subscription;
    using SlotLib for uint256;
    using TransferLib for address;

    /// @dev What a charge needs to know of its plan and its caller, read once per call; the plan as PlanLib has it.
    struct Bill {
        bytes32 planHash;
        uint256 planHead;
        uint256 planTail;
        uint256 fee;
        address feeReceiver;
        bool automated;
    }

    uint40 public constant PUBLIC_DELAY = 1 days;
    uint40 public constant RETRY_DELAY = 1 days;
    uint8 public constant MAX_RETRIES = 3;
    uint256 public constant TRANSFER_GAS = 200_000;
    /// @dev Seconds for which an account once found to be automation is not asked for again.
    uint256 private constant AUTOMATION_CACHE = 1 hours;

    /// @dev A call gets at most 63/64 of the gas there is; 5,000 for reaching a cold account and for what precedes it.
    uint256 private constant CALL_RESERVE = TRANSFER_GAS + TRANSFER_GAS / 63 + 5000;

    ICoreSystem private immutable CORE;
    IPlanManager private immutable PLANS;
    IPaymentGateway private immutable GATEWAY;

    /// @dev See HeadLib.
    uint256 private _head;
    mapping(bytes32 planHash => mapping(address subscriber => Subscription)) private _subscriptions;
    mapping(address account => uint256) public nativeDepositOf;
    mapping(address account => uint256) public creditOf;

    constructor(ICoreSystem core, IPlanManager plans, IPaymentGateway gateway) {
        CORE = core;
        PLANS = plans;
        GATEWAY = gateway;
    }

    /* SUBSCRIBER */

    function subscribe(bytes32 planHash) external payable nonReentrant {
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);

        _subscribe(planHash, planHead, planTail);
    }

    function subscribeWithPermit(bytes32 planHash, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);

        // Whoever saw the permit may have used it first; the pull below tells whether there is an allowance.
        planTail.token()
            .callAndForget(
                abi.encodeCall(IERC20Permit.permit, (msg.sender, address(this), value, deadline, v, r, s)), TRANSFER_GAS
            );

        _subscribe(planHash, planHead, planTail);
    }

    function cancel(bytes32 planHash) external nonReentrant {
        _cancel(planHash, msg.sender, CancelReason.Subscriber);
    }

    function depositNative(address account) external payable nonReentrant {
        if (account == address(0)) revert InvalidReceiver(account);
        if (msg.value == 0) revert ZeroAmount();

        _increaseDeposit(account, _nextSequence());
    }

    function withdrawNative(uint256 amount, address receiver) external nonReentrant {
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        if (amount == 0) revert ZeroAmount();
        uint256 balance = nativeDepositOf[msg.sender];
        if (amount > balance) revert InsufficientDeposit(amount, balance);

        nativeDepositOf[msg.sender] = balance -= amount;

        emit NativeDepositWithdrawn(msg.sender, receiver, amount, balance, _nextSequence());

        if (!receiver.trySend(amount, gasleft())) revert NativeTransferFailed(receiver, amount);
    }

    /* CHARGES */

    /// @dev Looks at the guard and does not set it: all state is written before the first transfer and none is held in
    ///      memory across it, so whoever calls back finds the charge done. Setting it costs 260 gas.
    function charge(bytes32 planHash, address subscriber) external nonReentrantView {
        (bool automated, uint256 head) = _checkAutomation();
        (uint256 planHead, uint256 planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        (uint256 fee, address feeReceiver) = _feeOf(planHead, planTail);
        Bill memory bill = Bill(planHash, planHead, planTail, fee, feeReceiver, automated);
        if (!planHead.exists()) revert ChargeFailed(Reason.NoPlan);
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        Reason reason = _readiness(bill, word);
        if (reason != Reason.None) revert ChargeFailed(reason);

        (uint256 start, uint256 end) = PeriodLib.periodAt(word.nextChargeAt(), planHead.period(), block.timestamp);
        stored.save(word.charged(end));
        head = head.next();
        _head = head;

        _emitCharged(bill, subscriber, start, end, head.eventCount());

        _collect(bill, subscriber);
    }

    function chargeBatch(bytes32 planHash, bytes calldata subscribers)
        external
        nonReentrant
        returns (bytes memory outcomes)
    {
        uint256 count = subscribers.length / 20;
        if (count == 0 || subscribers.length % 20 != 0) revert InvalidBatch(subscribers.length);

        (bool automated, uint256 head) = _checkAutomation();
        (uint256 planHead, uint256 planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        (uint256 fee, address feeReceiver) = _feeOf(planHead, planTail);
        Bill memory bill = Bill(planHash, planHead, planTail, fee, feeReceiver, automated);
        address token = planTail.token();
        uint256 held;
        if (token != address(0)) held = token.balanceOf(address(this), TRANSFER_GAS);

        outcomes = new bytes(count);
        uint256 charged;
        for (uint256 i; i < count; ++i) {
            Reason reason = _chargeMember(bill, address(bytes20(subscribers[i * 20:])), (++head).eventCount());
            if (reason == Reason.None) ++charged;
            else outcomes[i] = bytes1(uint8(reason));
        }
        _head = head;

        if (charged != 0) _settle(bill, charged, held);
    }

    /* OPERATOR AND UPKEEP */

    function cancelFor(bytes32 planHash, address subscriber) external nonReentrant {
        if (!CORE.hasRole(Roles.OPERATOR, msg.sender)) revert Unauthorized(msg.sender);

        _cancel(planHash, subscriber, CancelReason.Operator);
    }

    function claimCredit(address receiver) external nonReentrant {
        if (receiver == address(0)) revert InvalidReceiver(receiver);
        uint256 amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToClaim(msg.sender);

        delete creditOf[msg.sender];

        emit CreditClaimed(msg.sender, receiver, amount, _nextSequence());

        if (!receiver.trySend(amount, gasleft())) revert NativeTransferFailed(receiver, amount);
    }

    function refreshAutomation() external nonReentrant {
        uint256 head = _head;
        if (CORE.hasRole(Roles.AUTOMATION, head.automation())) return;

        _head = head.withAutomation(address(0), 0);
    }

    /* VIEWS */

    function subscriptionOf(bytes32 planHash, address subscriber) external view returns (Subscription memory) {
        return _subscriptions[planHash][subscriber];
    }

    function eventCount() external view returns (uint64) {
        return _head.eventCount();
    }

    function services() external view returns (address core, address plans, address gateway, address verifier) {
        return (address(CORE), address(PLANS), address(GATEWAY), address(0));
    }

    /* INTERNAL: SUBSCRIPTIONS */

    function _subscribe(bytes32 planHash, uint256 planHead, uint256 planTail) private {
        Subscription storage stored = _subscriptions[planHash][msg.sender];
        uint256 word = stored.load();
        if (_isLive(word)) revert AlreadySubscribed(planHash, msg.sender);

        uint256 head = _head;
        if (msg.value != 0) {
            if (planTail.token() != address(0)) revert EthRefused(msg.value);
            head = head.next();
            _increaseDeposit(msg.sender, head.eventCount());
        }

        (bool free, uint256 end) = _firstEnd(word, planHead);
        stored.save((free ? word.paidUntil(end) : word.charged(end)).activated());
        head = head.next();
        _head = free ? head : head.next();

        // Unix seconds fit 40 bits until the year 36,812, less a period of 32 bits.
        // forge-lint: disable-start(unsafe-typecast)
        emit SubscriptionActivated(
            planHash,
            msg.sender,
            planHead.merchant(),
            uint40(block.timestamp),
            uint40(end),
            uint40(word.endsAt()),
            head.eventCount()
        );
        // forge-lint: disable-end(unsafe-typecast)
        if (free) return;

        if (planTail.token() == address(0)) {
            uint256 balance = nativeDepositOf[msg.sender];
            if (balance < planTail.price()) revert InsufficientDeposit(planTail.price(), balance);
        }
        (uint256 fee, address feeReceiver) = _feeOf(planHead, planTail);
        Bill memory bill = Bill(planHash, planHead, planTail, fee, feeReceiver, false);
        _emitCharged(bill, msg.sender, block.timestamp, end, head.next().eventCount());

        _collect(bill, msg.sender);
    }

    /// @dev End of the time that a subscription begins with, and whether it is free: by a trial never had, or because it
    ///      was paid before.
    function _firstEnd(uint256 word, uint256 planHead) private view returns (bool free, uint256 end) {
        uint256 trial = planHead.trial();
        if (word.status() == uint256(Status.None) && trial != 0) return (true, block.timestamp + trial);

        end = word.nextChargeAt();
        if (block.timestamp < end) return (true, end);
        return (false, block.timestamp + planHead.period());
    }

    function _cancel(bytes32 planHash, address subscriber, CancelReason reason) private {
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        if (!_isLive(word)) revert NotSubscribed(planHash, subscriber);

        stored.save(word.ended(Status.Cancelled, reason));

        emit SubscriptionCancelled(planHash, subscriber, reason, uint40(word.nextChargeAt()), _nextSequence());
    }

    function _isLive(uint256 word) private pure returns (bool) {
        uint256 status = word.status();
        return status == uint256(Status.Active) || status == uint256(Status.Paused);
    }

    /* INTERNAL: CHARGES */

    /// @dev Why the subscription is not to be charged now, whatever its owner has.
    function _readiness(Bill memory bill, uint256 word) private view returns (Reason) {
        uint256 status = word.status();
        if (status != uint256(Status.Active)) {
            return status == uint256(Status.Paused) ? Reason.Paused : Reason.NotSubscribed;
        }
        uint256 endsAt = word.endsAt();
        if (endsAt != 0 && block.timestamp >= endsAt) return Reason.Ended;
        uint256 dueAt = word.nextChargeAt();
        if (block.timestamp < dueAt) return Reason.NotDue;
        if (block.timestamp < word.retryAt()) return Reason.RetryPending;
        if (!bill.automated && block.timestamp < dueAt + PUBLIC_DELAY) return Reason.NotDue;
        if (!bill.planHead.isBilled()) return Reason.PlanInactive;
        return Reason.None;
    }

    /// @dev Effects first; on failure the stored subscription is what it was, but for its retries.
    function _chargeMember(Bill memory bill, address subscriber, uint64 sequence) private returns (Reason reason) {
        Subscription storage stored = _subscriptions[bill.planHash][subscriber];
        uint256 word = stored.load();
        reason = bill.planHead.exists() ? _readiness(bill, word) : Reason.NoPlan;
        if (reason != Reason.None) {
            emit ChargeSkipped(bill.planHash, subscriber, reason, sequence);
            return reason;
        }

        (uint256 start, uint256 end) = PeriodLib.periodAt(word.nextChargeAt(), bill.planHead.period(), block.timestamp);
        stored.save(word.charged(end));

        reason = _pull(bill, subscriber);
        if (reason == Reason.None) _emitCharged(bill, subscriber, start, end, sequence);
        else _recordFailure(bill.planHash, subscriber, word, reason, sequence);
    }

    /// @param word The subscription as it was before the try.
    function _recordFailure(bytes32 planHash, address subscriber, uint256 word, Reason reason, uint64 sequence)
        private
    {
        uint8 retries = uint8(word.retries() + 1);
        if (retries == MAX_RETRIES) {
            _subscriptions[planHash][subscriber].save(word.ended(Status.Failed, CancelReason.RetriesExhausted));

            emit SubscriptionFailedFinal(planHash, subscriber, reason, sequence);
        } else {
            uint40 retryAt = uint40(block.timestamp) + RETRY_DELAY;
            _subscriptions[planHash][subscriber].save(word.retrying(retryAt, retries));

            emit SubscriptionRetryScheduled(planHash, subscriber, reason, retryAt, retries, sequence);
        }
    }

    function _emitCharged(Bill memory bill, address subscriber, uint256 start, uint256 end, uint256 sequence) private {
        emit SubscriptionCharged(
            bill.planHash,
            subscriber,
            sequence << 192 | start << 144 | end << 96 | bill.planTail.price(),
            uint256(uint160(bill.planHead.merchant())) << 96 | bill.fee,
            bill.planTail.token()
        );
    }

    /* INTERNAL: MONEY */

    /// @dev Takes one price from a member of a batch into this contract.
    function _pull(Bill memory bill, address payer) private returns (Reason) {
        address token = bill.planTail.token();
        uint256 price = bill.planTail.price();
        if (token == address(0)) {
            uint256 balance = nativeDepositOf[payer];
            if (balance < price) return Reason.InsufficientBalance;

            nativeDepositOf[payer] = balance - price;
            return Reason.None;
        }

        _requireCallGas();
        if (token.tryTransferFrom(payer, address(this), price, TRANSFER_GAS)) return Reason.None;
        return _failureReason(token, payer, price);
    }

    /// @dev Pays out what `count` members gave; `held` is the token balance from before them.
    function _settle(Bill memory bill, uint256 count, uint256 held) private {
        address token = bill.planTail.token();
        address merchant = bill.planHead.merchant();
        uint256 gross = bill.planTail.price() * count;
        uint256 fee = bill.fee * count;
        if (token == address(0)) {
            _sendOrCredit(merchant, gross - fee);
            if (fee != 0) _sendOrCredit(bill.feeReceiver, fee);
            return;
        }

        uint256 received = token.balanceOf(address(this), TRANSFER_GAS) - held;
        if (received < gross) revert ReceivedLessThanCharged(gross, received);

        if (!token.tryTransfer(merchant, received - fee, TRANSFER_GAS)) revert ChargeFailed(Reason.TransferFailed);
        if (fee != 0 && !token.tryTransfer(bill.feeReceiver, fee, TRANSFER_GAS)) {
            revert ChargeFailed(Reason.TransferFailed);
        }
    }

    /// @dev One payment, straight from payer to merchant and fee receiver: cheaper than by way of this contract. What a
    ///      token that keeps a part delivers is not measured here; to do so costs more than the payment may.
    function _collect(Bill memory bill, address payer) private {
        address token = bill.planTail.token();
        uint256 price = bill.planTail.price();
        uint256 fee = bill.fee;
        if (token == address(0)) {
            uint256 balance = nativeDepositOf[payer];
            if (balance < price) revert ChargeFailed(Reason.InsufficientBalance);

            nativeDepositOf[payer] = balance - price;
            _sendOrCredit(bill.planHead.merchant(), price - fee);
            if (fee != 0) _sendOrCredit(bill.feeReceiver, fee);
            return;
        }

        _pullTo(token, payer, bill.planHead.merchant(), price - fee);
        if (fee != 0) _pullTo(token, payer, bill.feeReceiver, fee);
    }

    function _pullTo(address token, address payer, address receiver, uint256 amount) private {
        if (!token.tryTransferFrom(payer, receiver, amount, TRANSFER_GAS)) {
            revert ChargeFailed(_failureReason(token, payer, amount));
        }
    }

    function _failureReason(address token, address payer, uint256 amount) private view returns (Reason) {
        _requireCallGas();
        if (token.balanceOf(payer, TRANSFER_GAS) < amount) return Reason.InsufficientBalance;
        _requireCallGas();
        if (token.allowance(payer, address(this), TRANSFER_GAS) < amount) return Reason.InsufficientAllowance;
        return Reason.TransferFailed;
    }

    function _sendOrCredit(address receiver, uint256 amount) private {
        _requireCallGas();
        if (receiver.trySend(amount, TRANSFER_GAS)) return;

        uint256 balance = creditOf[receiver] + amount;
        creditOf[receiver] = balance;

        emit CreditIncreased(receiver, amount, balance, _nextSequence());
    }

    function _increaseDeposit(address account, uint64 sequence) private {
        uint256 balance = nativeDepositOf[account] + msg.value;
        nativeDepositOf[account] = balance;

        emit NativeDepositIncreased(account, msg.value, balance, sequence);
    }

    /// @dev Without it a caller could leave a call too little gas, and a payer would look unable to pay.
    function _requireCallGas() private view {
        uint256 available = gasleft();
        if (available < CALL_RESERVE) revert InsufficientGas(CALL_RESERVE, available);
    }

    /* INTERNAL: PLAN AND AUTHORITY */

    function _openPlan(bytes32 planHash) private view returns (uint256 planHead, uint256 planTail) {
        (planHead, planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        if (!planHead.exists()) revert PlanNotFound(planHash);
        if (!planHead.isOpen()) revert PlanNotOpen(planHash);
    }

    /// @dev Part of the price that is the platform's, and whose it is; nothing for a plan that is not billed.
    function _feeOf(uint256 planHead, uint256 planTail) private view returns (uint256 fee, address feeReceiver) {
        if (!planHead.isBilled()) return (0, address(0));

        return GATEWAY.feeOf(planTail.token(), planHead.merchant(), planTail.price(), planHead.maxFeeBps());
    }

    /// @dev Whether the caller is automation. A fresh answer is put into the head, which the caller of this writes anyway.
    function _checkAutomation() private view returns (bool automated, uint256 head) {
        head = _head;
        if (msg.sender == head.automation() && head.isFresh(block.timestamp, AUTOMATION_CACHE)) {
            return (true, head);
        }
        if (!CORE.hasRole(Roles.AUTOMATION, msg.sender)) return (false, head);
        return (true, head.withAutomation(msg.sender, block.timestamp));
    }

    function _nextSequence() private returns (uint64) {
        return (++_head).eventCount();
    }
}
