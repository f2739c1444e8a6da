// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionManager} from "../../../../contracts/src/interfaces/ISubscriptionManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";

/// @dev Acts as everybody. Each action looks at every subscription before and after, and at every event in between.
contract BillingHandler is Test {
    IPlanManager private immutable PLANS;
    ISubscriptionManager private immutable MANAGER;
    ITestToken private immutable TOKEN;
    address private immutable OPERATOR;
    address private immutable AUTOMATION;
    uint256 private immutable PERIOD;

    bytes32[2] public planHashes;
    address[3] public subscribers;

    /// @dev Native coin put in and taken out, per account.
    mapping(address account => uint256) public deposited;
    mapping(address account => uint256) public withdrawn;
    uint256 public lastSequence;
    uint256 public chargesSeen;
    uint256 public time;

    ISubscriptionTypes.Subscription[6] private _before;
    bool[2] private _frozenBefore;

    constructor(
        IPlanManager plans,
        ISubscriptionManager manager,
        ITestToken token,
        address operator,
        address automation,
        bytes32[2] memory planHashes_,
        address[3] memory subscribers_,
        uint256 period
    ) {
        (PLANS, MANAGER, TOKEN, OPERATOR, AUTOMATION) = (plans, manager, token, operator, automation);
        (planHashes, subscribers, PERIOD) = (planHashes_, subscribers_, period);
        time = vm.getBlockTimestamp();
    }

    modifier observed() {
        vm.warp(time);
        for (uint256 i; i < 6; ++i) {
            _before[i] = MANAGER.subscriptionOf(planHashes[i / 3], subscribers[i % 3]);
        }
        for (uint256 i; i < 2; ++i) {
            _frozenBefore[i] = PLANS.termsOf(planHashes[i]).frozen;
        }
        vm.recordLogs();
        _;
        _checkEvents();
    }

    function subscribe(uint256 who, uint256 which, uint256 value) external observed {
        (address account, bytes32 planHash) = _pick(who, which);
        value = which % 2 == 0 ? 0 : bound(value, 0, 3 ether);
        vm.deal(account, value);
        vm.prank(account);
        try MANAGER.subscribe{value: value}(planHash) {
            deposited[account] += value;
            _checkCharges(true);
        } catch {
            vm.getRecordedLogs(); // those of a call that was undone are recorded too
        }
    }

    function cancel(uint256 who, uint256 which) external observed {
        (address account, bytes32 planHash) = _pick(who, which);
        ISubscriptionTypes.Status status = MANAGER.subscriptionOf(planHash, account).status;
        if (status != ISubscriptionTypes.Status.Active) return;

        vm.prank(account);
        MANAGER.cancel(planHash);
    }

    function cancelFor(uint256 who, uint256 which) external observed {
        (address account, bytes32 planHash) = _pick(who, which);
        ISubscriptionTypes.Status status = MANAGER.subscriptionOf(planHash, account).status;
        if (status != ISubscriptionTypes.Status.Active) return;

        vm.prank(OPERATOR);
        MANAGER.cancelFor(planHash, account);
    }

    function charge(uint256 who, uint256 which, bool automated) external observed {
        (address account, bytes32 planHash) = _pick(who, which);
        vm.prank(automated ? AUTOMATION : address(this));
        try MANAGER.charge(planHash, account) {
            _checkCharges(false);
        } catch {
            vm.getRecordedLogs(); // those of a call that was undone are recorded too
        }
    }

    function chargeBatch(uint256 which, uint256 count, bool automated) external observed {
        count = bound(count, 1, 5);
        bytes memory members;
        for (uint256 i; i < count; ++i) {
            members = bytes.concat(members, bytes20(subscribers[(i + which % 3) % 3]));
        }
        vm.prank(automated ? AUTOMATION : address(this));
        MANAGER.chargeBatch(planHashes[which % 2], members);
        _checkCharges(false);
    }

    function deposit(uint256 who, uint256 amount) external observed {
        address account = subscribers[who % 3];
        amount = bound(amount, 1, 3 ether);
        vm.deal(address(this), amount);
        MANAGER.depositNative{value: amount}(account);
        deposited[account] += amount;
    }

    function withdraw(uint256 who, uint256 amount) external observed {
        address account = subscribers[who % 3];
        uint256 balance = MANAGER.nativeDepositOf(account);
        if (balance == 0) return;

        amount = bound(amount, 1, balance);
        vm.prank(account);
        MANAGER.withdrawNative(amount, address(0xdead));
        withdrawn[account] += amount;
    }

    function setAllowance(uint256 who, bool given) external observed {
        vm.prank(subscribers[who % 3]);
        TOKEN.approve(address(MANAGER), given ? type(uint256).max : 0);
    }

    function setFrozen(uint256 which, bool frozen) external observed {
        bytes32 planHash = planHashes[which % 2];
        if (PLANS.termsOf(planHash).frozen == frozen) return;

        vm.prank(OPERATOR);
        PLANS.setPlanFrozen(planHash, frozen);
    }

    function pass(uint256 by) external {
        time += bound(by, 1 hours, 2 * PERIOD);
    }

    function _pick(uint256 who, uint256 which) private view returns (address, bytes32) {
        return (subscribers[who % 3], planHashes[which % 2]);
    }

    function _checkCharges(bool bySubscriber) private {
        for (uint256 i; i < 6; ++i) {
            ISubscriptionTypes.Subscription memory was = _before[i];
            ISubscriptionTypes.Subscription memory now_ = MANAGER.subscriptionOf(planHashes[i / 3], subscribers[i % 3]);
            if (now_.chargeCount == was.chargeCount) continue;

            ++chargesSeen;
            assertEq(now_.chargeCount, was.chargeCount + 1, "one charge");
            assertGe(time, was.nextChargeAt, "paid time was over");
            assertGt(now_.nextChargeAt, time, "paid past now");
            assertLe(now_.nextChargeAt, time + PERIOD, "by a period at most");
            assertFalse(_frozenBefore[i / 3], "plan not frozen");
            if (!bySubscriber) {
                assertEq(uint8(was.status), uint8(ISubscriptionTypes.Status.Active), "was active");
            }
        }
    }

    function _checkEvents() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(MANAGER)) continue;

            assertEq(_sequenceOf(logs[i]), ++lastSequence, "next in sequence");
        }
    }

    /// @dev The sequence is the last word of the data, but of a charge, where it heads the receipt.
    function _sequenceOf(Vm.Log memory log) private pure returns (uint256) {
        if (log.topics[0] == ISubscriptionTypes.SubscriptionCharged.selector) {
            (uint256 receipt,,) = abi.decode(log.data, (uint256, uint256, address));
            return receipt >> 192;
        }
        bytes memory data = log.data;
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(data, mload(data)))
        }
        return word;
    }
}
