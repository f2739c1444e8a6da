// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICoreSystem} from "../interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../interfaces/ISubscriptionTypes.sol";
import {HeadLib} from "../libraries/HeadLib.sol";
import {PlanLib} from "../libraries/PlanLib.sol";
import {ReadLib} from "../libraries/ReadLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";

/// @title State of SubscriptionManager, as it and its extension see it
///
/// @notice The only storage of both. What stands here is laid out once, so that neither can see it differently.
abstract contract SubscriptionState is ISubscriptionTypes, ReentrancyGuardTransient {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using ReadLib for IPaymentGateway;
    using SlotLib for Subscription;
    using SlotLib for uint256;

    ICoreSystem internal immutable CORE;
    IPlanManager internal immutable PLANS;
    IPaymentGateway internal immutable GATEWAY;

    /// @dev See HeadLib.
    uint256 internal _head;
    mapping(bytes32 planHash => mapping(address subscriber => Subscription)) internal _subscriptions;
    /// @dev Of subscriptions that are `bounded`; of others it means nothing.
    mapping(bytes32 planHash => mapping(address subscriber => Bounds)) internal _bounds;
    mapping(address account => uint256) internal _depositOf;
    mapping(address account => uint256) internal _creditOf;
    mapping(address subscriber => mapping(uint256 word => uint256 bits)) internal _usedNonces;

    constructor(ICoreSystem core, IPlanManager plans, IPaymentGateway gateway) {
        CORE = core;
        PLANS = plans;
        GATEWAY = gateway;
    }

    function _nextSequence() internal returns (uint64) {
        return (++_head).eventCount();
    }

    function _increaseDeposit(address account) internal {
        uint256 balance = _depositOf[account] + msg.value;
        _depositOf[account] = balance;

        emit NativeDepositIncreased(account, msg.value, balance, _nextSequence());
    }

    function _openPlan(bytes32 planHash) internal view returns (uint256 planHead, uint256 planTail) {
        (planHead, planTail) = ReadLib.rawTermSlots(PLANS, planHash);
        if (!planHead.exists()) revert PlanNotFound(planHash);
        if (!planHead.isOpen()) revert PlanNotOpen(planHash);
    }

    /// @dev Part of the price that is the platform's, and whose it is; nothing for a plan that is not billed.
    function _feeOf(uint256 planHead, uint256 planTail) internal view returns (uint256 fee, address feeReceiver) {
        if (!planHead.isBilled()) return (0, address(0));

        return GATEWAY.readFee(planTail.price(), planHead.maxFeeBps());
    }

    /// @dev Active or paused: it can be cancelled.
    function _isLive(uint256 word) internal pure returns (bool) {
        uint256 status = word.status();
        return status == uint256(Status.Active) || status == uint256(Status.Paused);
    }

    /// @dev The subscriber's own limit is reached.
    function _hasEnded(uint256 word) internal view returns (bool) {
        uint256 endsAt = word.endsAt();
        if (endsAt != 0 && block.timestamp >= endsAt) return true;
        uint256 limit = word.chargeLimit();
        return limit != 0 && word.chargeCount() >= limit;
    }

    /// @dev End of the paid time; a pause moves what was paid ahead of it.
    function _paidUntil(uint256 word) internal view returns (uint256 end) {
        end = word.nextChargeAt();
        if (word.status() != uint256(Status.Paused)) return end;

        uint256 pausedAt = word.pausedAt();
        if (end > pausedAt) end += block.timestamp - pausedAt;
    }

    function _cancel(bytes32 planHash, address subscriber, CancelReason reason) internal {
        Subscription storage stored = _subscriptions[planHash][subscriber];
        uint256 word = stored.load();
        if (!_isLive(word)) revert NotSubscribed(planHash, subscriber);

        uint256 end = _paidUntil(word);
        stored.save(word.ended(Status.Cancelled, reason, end));

        // Unix seconds fit 40 bits until the year 36,812.
        // forge-lint: disable-next-line(unsafe-typecast)
        emit SubscriptionCancelled(planHash, subscriber, reason, uint40(end), _nextSequence());
    }
}
