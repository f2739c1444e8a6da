// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {FeeLib} from "../../../../contracts/src/libraries/FeeLib.sol";
import {SlotLib} from "../../../../contracts/src/libraries/SlotLib.sol";
import {CANCELLED, CHARGED, EventReader, FAILED, SWITCHED_TO, Touch} from "./EventReader.sol";
import {Transitions} from "./Transitions.sol";

/// @dev Follows each action from `begin` to `end`: every event, every subscription. README.md says what it looks for.
contract Ghost is Transitions {
    using FeeLib for uint256;
    using SlotLib for uint256;

    /// @dev Events so far; each next one must be one more.
    uint256 public managerEvents;
    uint256 public planEvents;
    uint256 public gatewayEvents;

    mapping(bytes32 planHash => bool) private _counted;

    constructor(Services memory services_) Transitions(services_) {}

    /// @dev Takes all as it is now; before the first action.
    function settle() external {
        managerEvents = _services.manager.eventCount();
        planEvents = _services.plans.eventCount();
        gatewayEvents = _services.gateway.eventCount();
        for (uint256 i; i < _slots.length; ++i) {
            _words.push(uint256(vm.load(address(_services.manager), _slots[i])));
        }
    }

    function begin(address actor_) external {
        vm.warp(time);
        actor = actor_;
        ++epoch;
        vm.recordLogs();
    }

    /// @dev The action was refused: nothing happened. Logs of a call that was undone are recorded too.
    function refused(bytes calldata failure) external {
        vm.getRecordedLogs();
        assertGe(failure.length, 4, "an error with a name");
        assertTrue(bytes4(failure) != bytes4(0x4e487b71), "no panic");
        count("refused");
    }

    function end() external {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        EventReader.dropUndone(logs, address(_services.manager));
        Touch[] memory touches = new Touch[](_slots.length);
        for (uint256 i; i < logs.length; ++i) {
            address emitter = logs[i].emitter;
            if (emitter == address(_services.manager)) {
                assertEq(EventReader.sequenceOf(logs[i]), ++managerEvents, "next event of the manager");
                _read(logs[i], touches);
            } else if (emitter == address(_services.plans)) {
                assertEq(EventReader.sequenceOfPlanEvent(logs[i]), ++planEvents, "next event of the plans");
                _readPlan(logs[i]);
            } else if (emitter == address(_services.gateway)) {
                assertEq(EventReader.sequenceOf(logs[i]), ++gatewayEvents, "next event of the gateway");
            }
        }
        _sweep(touches);
    }

    function checkEventCounts() external view {
        assertEq(_services.manager.eventCount(), managerEvents, "events of the manager");
        assertEq(_services.plans.eventCount(), planEvents, "events of the plans");
        assertEq(_services.gateway.eventCount(), gatewayEvents, "events of the gateway");
    }

    function checkTerms() external view {
        for (uint256 i; i < planHashes.length; ++i) {
            IPlanManager.PlanTerms memory terms = _services.plans.termsOf(planHashes[i]);
            PlanCopy memory copy = copyOf[planHashes[i]];
            assertEq(terms.token, copy.token, "token");
            assertEq(terms.price, copy.price, "price");
            assertEq(terms.period, copy.period, "period");
            assertEq(terms.trial, copy.trial, "trial");
            assertEq(terms.maxFeeBps, copy.maxFeeBps, "highest fee");
        }
    }

    function checkActivePlans() external view {
        for (uint256 i; i < merchants.length; ++i) {
            uint256 active;
            for (uint256 j; j < planHashes.length; ++j) {
                if (_counted[planHashes[j]] && _services.plans.termsOf(planHashes[j]).merchant == merchants[i]) {
                    ++active;
                }
            }
            assertEq(_services.plans.activePlansOf(merchants[i]), active, "active plans");
        }
    }

    /// @dev A plan counts that became active, or its merchant's, under a limit; then the merchant is within it.
    function _readPlan(Vm.Log memory log) private {
        bytes32 kind = log.topics[0];
        bool moved_ = kind == IPlanManager.PlanOwnershipTransferred.selector;
        if (!moved_ && kind != IPlanManager.PlanStatusChanged.selector) return;

        IPlanManager.PlanTerms memory terms = _services.plans.termsOf(log.topics[1]);
        bool active = terms.status == IPlanManager.PlanStatus.Active;
        uint256 limit = _services.plans.maxActivePlans();
        _counted[log.topics[1]] = active && limit != 0;
        if (active && limit != 0) assertLe(_services.plans.activePlansOf(terms.merchant), limit, "within the limit");
    }

    function _read(Vm.Log memory log, Touch[] memory touches) private {
        bytes32 kind = log.topics[0];
        if (kind == ISubscriptionTypes.SubscriptionSwitched.selector) {
            address payer = address(uint160(uint256(log.topics[1])));
            uint256 from = _indexOf(log.topics[2], payer);
            Touch memory to = touches[_indexOf(log.topics[3], payer)];
            to.flags |= SWITCHED_TO;
            to.from = from;
            (to.unused, to.credited,) = abi.decode(log.data, (uint256, uint256, uint256));
            return;
        }
        uint256 flag = EventReader.flagOf(kind);
        if (flag == 0) return;

        uint256 index = _indexOf(log.topics[1], address(uint160(uint256(log.topics[2]))));
        Touch memory touch = touches[index];
        assertTrue(flag != CHARGED || touch.flags & CHARGED == 0, "charged twice in one action");
        touch.flags |= flag;
        if (flag == CHARGED) {
            _readCharge(log, index, touch);
        } else if (flag == CANCELLED) {
            (touch.reason,,) = abi.decode(log.data, (uint256, uint256, uint256));
            delete consents[index].given;
        } else if (flag == FAILED) {
            delete consents[index].given;
        }
    }

    /// @dev Terms of the plan, and of the subscriber, hold for what was announced; the ledger follows it.
    function _readCharge(Vm.Log memory log, uint256 index, Touch memory touch) private {
        (uint256 receipt, uint256 settlement, address token) = abi.decode(log.data, (uint256, uint256, address));
        touch.start = uint48(receipt >> 144);
        touch.end = uint48(receipt >> 96);
        (uint256 gross, uint256 fee) = (uint96(receipt), uint96(settlement));

        IPlanManager.PlanTerms memory terms = _services.plans.termsOf(log.topics[1]);
        assertTrue(
            terms.status == IPlanManager.PlanStatus.Active || terms.status == IPlanManager.PlanStatus.Closed,
            "plan is billed"
        );
        assertFalse(terms.frozen, "plan is not frozen");
        assertEq(address(uint160(settlement >> 96)), terms.merchant, "to the plan's merchant");

        uint256 bps = _services.gateway.feeBps();
        assertLe(bps, _services.gateway.MAX_FEE_BPS(), "fee within the contract's bound");
        if (bps > terms.maxFeeBps) bps = terms.maxFeeBps;
        assertEq(fee, gross.mulBpsDown(bps), "fee within the merchant's bound");

        Consent storage consent = consents[index];
        assertTrue(consent.given, "the subscriber agreed");
        assertTrue(consent.endsAt == 0 || time < consent.endsAt, "not after the subscriber's end");
        assertGt(consent.chargesLeft, 0, "no more charges than the subscriber set");
        if (consent.chargesLeft != type(uint256).max) --consent.chargesLeft;
        assertEq(token, consent.token, "in the token agreed to");
        assertLe(gross, consent.maxAmount, "within the amount agreed to");
        assertEq(gross, _inToken(terms.token, token, terms.price), "the plan's price");

        address payer = address(uint160(uint256(log.topics[2])));
        _recordPayment(token, payer, terms.merchant, _services.gateway.feeReceiver(), gross, fee);
        if (token != address(0) && consent.rail == ISubscriptionTypes.Rail.Allowance) {
            _recordAllowanceUsed(token, payer, gross);
        }
        count(token == terms.token ? (token == address(0) ? bytes32("native") : bytes32("token")) : bytes32("bounded"));
        if (consent.rail == ISubscriptionTypes.Rail.Permit2) {
            _recordPermit2Used(token, payer, gross);
            count("permit2");
        }
    }
}
