// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Vm} from "forge-std/Vm.sol";

import {IPaymentGateway} from "../../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "./Base.t.sol";
import {ITestToken} from "./mocks/ITestToken.sol";

/// @dev A subscriber who signs, and a second token to pay in.
abstract contract SubscriberBase is Base {
    address internal carol;
    uint256 internal carolKey;
    address internal relayer = makeAddr("relayer");
    ITestToken internal euro;

    uint256 private _nonce;

    function setUp() public virtual override {
        super.setUp();
        (carol, carolKey) = makeAddrAndKey("carol");
        fund(carol, 1_000_000e6);
        euro = ITestToken(vm.deployCode("TestToken.sol:TestToken", abi.encode("Test Euro", "TEUR", 18)));
    }

    /* PLANS */

    function createWith(uint96 price, uint32 period) internal returns (bytes32) {
        IPlanManager.Plan memory plan = terms();
        (plan.price, plan.period) = (price, period);
        return create(plan);
    }

    function createTrial(uint32 trial) internal returns (bytes32) {
        IPlanManager.Plan memory plan = terms();
        plan.trial = trial;
        return create(plan);
    }

    function createIn(address planToken) internal returns (bytes32) {
        IPlanManager.Plan memory plan = terms();
        plan.token = planToken;
        return create(plan);
    }

    /// @dev Inactive by the merchant and frozen by the operator.
    function shut(bytes32 planHash) internal {
        vm.prank(merchant);
        plans.deactivatePlan(planHash);
        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);
    }

    /* VERBS */

    function pause(bytes32 planHash, address subscriber) internal {
        vm.prank(subscriber);
        manager.pause(planHash);
    }

    function resume(bytes32 planHash, address subscriber) internal {
        vm.prank(subscriber);
        manager.resume(planHash);
    }

    function cancel(bytes32 planHash, address subscriber) internal {
        vm.prank(subscriber);
        manager.cancel(planHash);
    }

    function switchPlan(bytes32 fromPlan, bytes32 toPlan, address subscriber) internal {
        vm.prank(subscriber);
        manager.switchPlan(fromPlan, toPlan);
    }

    function relay(ISubscriptionTypes.Mandate memory mandate, bytes memory signature) internal {
        vm.prank(relayer);
        manager.subscribeBySig(mandate, signature, "");
    }

    function relay(ISubscriptionTypes.Mandate memory mandate) internal {
        relay(mandate, sign(mandate));
    }

    /// @dev Of a mandate that is to fail: signing asks the manager for the digest, which must not come in between.
    function relayReverts(ISubscriptionTypes.Mandate memory mandate, bytes memory signature, bytes memory failure)
        internal
    {
        vm.expectRevert(failure);
        relay(mandate, signature);
    }

    function relayReverts(ISubscriptionTypes.Mandate memory mandate, bytes memory failure) internal {
        relayReverts(mandate, sign(mandate), failure);
    }

    /* SIGNED MESSAGES */

    /// @dev What Carol signs to subscribe for the plan's token and price; each call takes another nonce.
    function mandateFor(bytes32 planHash) internal returns (ISubscriptionTypes.Mandate memory mandate) {
        IPlanManager.PlanTerms memory planTerms = plans.termsOf(planHash);
        mandate.planHash = planHash;
        mandate.subscriber = carol;
        mandate.paymentToken = planTerms.token;
        mandate.maxAmount = planTerms.price;
        mandate.nonce = ++_nonce;
        mandate.deadline = block.timestamp;
    }

    function orderFor(bytes32 planHash) internal returns (ISubscriptionTypes.Order memory) {
        return ISubscriptionTypes.Order(planHash, carol, ++_nonce, block.timestamp);
    }

    function sign(ISubscriptionTypes.Mandate memory mandate) internal view returns (bytes memory) {
        return signDigest(manager.hashMandate(mandate));
    }

    function signDigest(bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(carolKey, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Carol's EIP-2612 permit of the manager, as `subscribeBySig` takes it; valid now.
    function permitOf(ITestToken permitted, uint256 value) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                carol,
                address(manager),
                value,
                IERC20Permit(address(permitted)).nonces(carol),
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", permitted.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(carolKey, digest);
        return abi.encode(value, block.timestamp, v, r, s);
    }

    /* PRICES IN ANOTHER TOKEN */

    /// @dev The gateway's answer for `planHash` paid in `paymentToken`, from now on.
    function setQuote(bytes32 planHash, address paymentToken, uint256 gross) internal {
        vm.mockCall(
            address(gateway),
            _quoteCall(planHash, paymentToken),
            abi.encode(IPaymentGateway.Quote(gross, feeOf(gross), feeReceiver, 0))
        );
    }

    function failQuote(bytes32 planHash, address paymentToken) internal {
        vm.mockCallRevert(
            address(gateway),
            _quoteCall(planHash, paymentToken),
            abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, paymentToken, block.timestamp)
        );
    }

    function _quoteCall(bytes32 planHash, address paymentToken) private view returns (bytes memory) {
        IPlanManager.PlanTerms memory planTerms = plans.termsOf(planHash);
        return abi.encodeCall(
            gateway.quotePayment,
            (IPaymentGateway.Payment(planTerms.token, paymentToken, planTerms.price, 0, planTerms.maxFeeBps))
        );
    }

    /* EXPECTATIONS */

    function failed(ISubscriptionTypes.Reason reason) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, reason);
    }

    function chargeReverts(bytes32 planHash, address subscriber, ISubscriptionTypes.Reason reason) internal {
        vm.expectRevert(failed(reason));
        charge(planHash, subscriber);
    }

    function expectCharged(
        bytes32 planHash,
        address subscriber,
        uint256 sequence,
        uint256 start,
        uint256 end,
        address paid,
        uint256 gross
    ) internal {
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash, subscriber, receiptOf(sequence, start, end, gross), settlementOf(merchant, feeOf(gross)), paid
        );
    }

    function assertStatus(bytes32 planHash, address subscriber, ISubscriptionTypes.Status status) internal view {
        assertEq(uint8(stateOf(planHash, subscriber).status), uint8(status), "status");
    }

    function assertPaidUntil(bytes32 planHash, address subscriber, uint256 time) internal view {
        assertEq(stateOf(planHash, subscriber).nextChargeAt, time, "paid until");
    }

    /// @dev The manager's events since `vm.recordLogs` are numbered from `first` on without gaps; the count says how many.
    function assertGapless(uint256 first) internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 expected = first;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(manager)) continue;
            uint256 sequence = logs[i].topics[0] == ISubscriptionTypes.SubscriptionCharged.selector
                ? abi.decode(logs[i].data, (uint256)) >> 192
                : _lastWord(logs[i].data);
            assertEq(sequence, expected++, "number of the event");
        }
        assertEq(manager.eventCount() + 1, expected, "as many events as were counted");
    }

    function _lastWord(bytes memory data) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(data, mload(data)))
        }
    }
}
