// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {IPlanManager} from "./interfaces/IPlanManager.sol";
import {ISubscriptionCharging} from "./interfaces/ISubscriptionCharging.sol";
import {ISubscriptionExtension} from "./interfaces/ISubscriptionExtension.sol";
import {HeadLib} from "./libraries/HeadLib.sol";
import {Limits} from "./libraries/Limits.sol";
import {PeriodLib} from "./libraries/PeriodLib.sol";
import {PlanLib} from "./libraries/PlanLib.sol";
import {ReadLib} from "./libraries/ReadLib.sol";
import {Roles} from "./libraries/Roles.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";
import {Activation} from "./subscriptions/Activation.sol";
import {SubscriptionState} from "./subscriptions/SubscriptionState.sol";

/// @title SubscriptionManager
/// @notice See ISubscriptionManager. The verbs called most stand here; the code of all others stands in
///         SubscriptionExtension and runs on this contract's state. A charge pays 22 gas for each function that its
///         contract has, which is why there are few here.
contract SubscriptionManager is ISubscriptionCharging, Activation {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using SlotLib for Subscription;
    using SlotLib for uint256;
    using TransferLib for address;

    address private immutable EXTENSION;

    constructor(ICoreSystem core, IPlanManager plans, IPaymentGateway gateway, address extension_)
        SubscriptionState(core, plans, gateway)
    {
        EXTENSION = extension_;
    }

    /* SUBSCRIBER */

    /// @inheritdoc ISubscriptionCharging
    function subscribe(bytes32 planHash) external payable nonReentrant {
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);

        _subscribe(planHash, planHead, planTail);
    }

    /// @inheritdoc ISubscriptionCharging
    function subscribeWithPermit(bytes32 planHash, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        (uint256 planHead, uint256 planTail) = _openPlan(planHash);

        // Whoever saw the permit may have used it first; the pull below tells whether there is an allowance.
        planTail.token()
            .callAndForget(
                abi.encodeCall(IERC20Permit.permit, (msg.sender, address(this), value, deadline, v, r, s)),
                Limits.TRANSFER_GAS
            );

        _subscribe(planHash, planHead, planTail);
    }

    /// @inheritdoc ISubscriptionCharging
    function cancel(bytes32 planHash) external nonReentrant {
        _cancel(planHash, msg.sender, CancelReason.Subscriber);
    }

    /* CHARGES */

    /// @inheritdoc ISubscriptionCharging
    ///
    /// @dev Looks at the guard and does not set it: all state is written before the first transfer and none is held in
    ///      memory across it, so whoever calls back finds the charge done. Setting it costs 260 gas.
    function charge(bytes32 planHash, address subscriber) external nonReentrantView {
        (Bill memory bill, uint256 head) = _newBill(planHash);
        if (!bill.planHead.exists()) revert ChargeFailed(Reason.NoPlan);
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        Reason reason = _readiness(bill, word);
        if (reason != Reason.None) revert ChargeFailed(reason);

        (uint256 start, uint256 end) = PeriodLib.periodAt(word.nextChargeAt(), bill.planHead.period(), block.timestamp);
        stored.save(word.charged(end));
        bool bounded = word.isBounded();
        if (bounded) {
            _head = head;
            _collectBounded(bill, subscriber);
            head = _head;
        }
        head = head.next();
        _head = head;

        _emitCharged(bill, subscriber, start, end, head.eventCount());

        if (!bounded) _collect(bill, subscriber, word.rail());
    }

    /// @inheritdoc ISubscriptionCharging
    function chargeBatch(bytes32 planHash, bytes calldata subscribers)
        external
        nonReentrant
        returns (bytes memory outcomes)
    {
        uint256 count = subscribers.length / 20;
        if (count == 0 || subscribers.length % 20 != 0) revert InvalidBatch(subscribers.length);

        (Bill memory bill, uint256 head) = _newBill(planHash);
        address token = bill.planTail.token();
        uint256 held;
        if (token != address(0)) held = token.balanceOf(address(this), Limits.TRANSFER_GAS);

        outcomes = new bytes(count);
        for (uint256 i; i < count; ++i) {
            Reason reason;
            (reason, head) = _chargeMember(bill, address(bytes20(subscribers[i * 20:])), head);
            if (reason != Reason.None) outcomes[i] = bytes1(uint8(reason));
        }
        _head = head;

        if (bill.pulled != 0) _settle(bill, held);
    }

    /// @inheritdoc ISubscriptionCharging
    function extension() external view returns (address) {
        return EXTENSION;
    }

    /// @dev All other verbs. The extension's address was fixed at deployment; it sees the same state (SubscriptionState)
    ///      and this contract's address as its own. Coin without a call is refused there.
    fallback() external payable {
        address target = EXTENSION;
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, 0, calldatasize())
            let success := delegatecall(gas(), target, data, calldatasize(), 0, 0)
            returndatacopy(data, 0, returndatasize())
            if iszero(success) { revert(data, returndatasize()) }
            return(data, returndatasize())
        }
    }

    /* INTERNAL */

    function _subscribe(bytes32 planHash, uint256 planHead, uint256 planTail) private {
        uint256 word = _loadForStart(planHash, msg.sender);
        if (msg.value != 0) {
            if (planTail.token() != address(0)) revert EthRefused(msg.value);
            _increaseDeposit(msg.sender);
        }
        (uint256 paidUntil, bool inTrial) = _startTerms(word, planHead);

        _activate(Start(planHash, planHead, planTail, msg.sender, word, 0, 0, paidUntil, inTrial));
    }

    function _newBill(bytes32 planHash) private view returns (Bill memory, uint256) {
        (bool automated, uint256 head) = _checkAutomation();
        (uint256 planHead, uint256 planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        (uint256 fee, address feeReceiver) = _feeOf(planHead, planTail);
        return (Bill(planHash, planHead, planTail, fee, feeReceiver, automated, 0), head);
    }

    /// @dev Why the subscription is not to be charged now, whatever its owner has.
    function _readiness(Bill memory bill, uint256 word) private view returns (Reason) {
        uint256 status = word.status();
        if (status != uint256(Status.Active)) {
            return status == uint256(Status.Paused) ? Reason.Paused : Reason.NotSubscribed;
        }
        if (_hasEnded(word)) return Reason.Ended;
        uint256 dueAt = word.nextChargeAt();
        if (block.timestamp < dueAt) return Reason.NotDue;
        if (block.timestamp < word.retryAt()) return Reason.RetryPending;
        if (!bill.automated && block.timestamp < dueAt + Limits.PUBLIC_DELAY) return Reason.NotDue;
        if (!bill.planHead.isBilled()) return Reason.PlanInactive;
        return Reason.None;
    }

    /// @dev Effects first; on failure the stored subscription is what it was, but for its retries.
    function _chargeMember(Bill memory bill, address subscriber, uint256 head) private returns (Reason, uint256) {
        Subscription storage stored = _subscriptions[bill.planHash][subscriber];
        uint256 word = stored.load();
        Reason reason = bill.planHead.exists() ? _readiness(bill, word) : Reason.NoPlan;
        if (reason != Reason.None) {
            head = head.next();
            emit ChargeSkipped(bill.planHash, subscriber, reason, head.eventCount());
            return (reason, head);
        }

        (uint256 start, uint256 end) = PeriodLib.periodAt(word.nextChargeAt(), bill.planHead.period(), block.timestamp);
        stored.save(word.charged(end));

        if (word.isBounded()) return _chargeBounded(bill, subscriber, word, head, start, end);
        head = head.next();
        reason = _pull(bill, subscriber, word.rail());
        if (reason == Reason.None) _emitCharged(bill, subscriber, start, end, head.eventCount());
        else _recordFailure(bill.planHash, subscriber, word, reason, head.eventCount());
        return (reason, head);
    }

    /// @dev A member that pays in another token than the others: paid on its own, in a call that a failure takes back.
    function _chargeBounded(
        Bill memory bill,
        address subscriber,
        uint256 word,
        uint256 head,
        uint256 start,
        uint256 end
    ) private returns (Reason reason, uint256) {
        // A receiver that refuses coin makes that call number an event of its own.
        _head = head;
        try ISubscriptionExtension(address(this)).collectBounded(bill.planHash, subscriber) returns (
            address token, uint256 gross, uint256 fee
        ) {
            head = _head.next();
            Bill memory paid = Bill(bill.planHash, bill.planHead, 0, 0, address(0), false, 0);
            _setPaid(paid, token, gross, fee);
            _emitCharged(paid, subscriber, start, end, head.eventCount());
        } catch (bytes memory failure) {
            reason = _reasonOf(failure);
            head = head.next();
            _recordFailure(bill.planHash, subscriber, word, reason, head.eventCount());
        }
        return (reason, head);
    }

    /// @dev What `ChargeFailed` says; any other failure is none of the member's (too little gas), and is passed on.
    function _reasonOf(bytes memory failure) private pure returns (Reason) {
        bytes4 selector = ChargeFailed.selector;
        uint256 code;
        assembly ("memory-safe") {
            switch and(eq(mload(failure), 0x24), eq(shr(224, mload(add(failure, 0x20))), shr(224, selector)))
            case 1 { code := mload(add(failure, 0x24)) }
            default { revert(add(failure, 0x20), mload(failure)) }
        }
        return Reason(code);
    }

    /// @param word The subscription as it was before the try.
    function _recordFailure(bytes32 planHash, address subscriber, uint256 word, Reason reason, uint64 sequence)
        private
    {
        uint8 retries = uint8(word.retries() + 1);
        if (retries == Limits.MAX_RETRIES) {
            word = word.ended(Status.Failed, CancelReason.RetriesExhausted, word.nextChargeAt());
            _subscriptions[planHash][subscriber].save(word);

            emit SubscriptionFailedFinal(planHash, subscriber, reason, sequence);
        } else {
            uint40 retryAt = uint40(block.timestamp) + Limits.RETRY_DELAY;
            _subscriptions[planHash][subscriber].save(word.retrying(retryAt, retries));

            emit SubscriptionRetryScheduled(planHash, subscriber, reason, retryAt, retries, sequence);
        }
    }

    /// @dev Takes one price from a member of a batch into this contract.
    function _pull(Bill memory bill, address payer, uint256 rail) private returns (Reason) {
        address token = bill.planTail.token();
        uint256 price = bill.planTail.price();
        if (token == address(0)) {
            uint256 balance = _depositOf[payer];
            if (balance < price) return Reason.InsufficientBalance;

            _depositOf[payer] = balance - price;
            ++bill.pulled;
            return Reason.None;
        }

        _requireCallGas();
        if (!_tryPull(token, payer, address(this), price, rail)) return _failureReason(token, payer, price, rail);
        ++bill.pulled;
        return Reason.None;
    }

    /// @dev Pays out what the members gave; `held` is the token balance from before them.
    function _settle(Bill memory bill, uint256 held) private {
        address token = bill.planTail.token();
        address merchant = bill.planHead.merchant();
        uint256 gross = bill.planTail.price() * bill.pulled;
        uint256 fee = bill.fee * bill.pulled;
        if (token == address(0)) {
            _sendOrCredit(merchant, gross - fee);
            if (fee != 0) _sendOrCredit(bill.feeReceiver, fee);
            return;
        }

        _requireCallGas();
        uint256 received = token.balanceOf(address(this), Limits.TRANSFER_GAS) - held;
        if (received < gross) revert ReceivedLessThanCharged(gross, received);

        _payOut(token, merchant, received - fee);
        if (fee != 0) _payOut(token, bill.feeReceiver, fee);
    }

    function _payOut(address token, address receiver, uint256 amount) private {
        if (token.tryTransfer(receiver, amount, Limits.TRANSFER_GAS)) return;

        _requireCallGas();
        revert ChargeFailed(Reason.TransferFailed);
    }

    /// @dev Whether the caller is automation. A fresh answer is put into the head, which the caller of this writes anyway.
    function _checkAutomation() private view returns (bool automated, uint256 head) {
        head = _head;
        if (msg.sender == head.automation() && head.isFresh(block.timestamp, Limits.AUTOMATION_CACHE)) {
            return (true, head);
        }
        if (!CORE.hasRole(Roles.AUTOMATION, msg.sender)) return (false, head);
        return (true, head.withAutomation(msg.sender, block.timestamp));
    }
}
