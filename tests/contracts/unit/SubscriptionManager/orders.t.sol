// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";
import {ContractWallet} from "../../mocks/Wallets.sol";

/// @dev Cancel, pause and resume by signature.
contract OrdersTest is SubscriberBase {
    enum Kind {
        Cancel,
        Pause,
        Resume
    }

    bytes32 private planHash;
    bytes private invalidSignature = abi.encodeWithSelector(ISubscriptionTypes.InvalidSignature.selector);

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, carol);
    }

    function test_cancelBySig_keepsPaidTime() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind.Cancel);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, carol, ISubscriptionTypes.CancelReason.Subscriber, uint40(START + PERIOD), 3
        );
        _send(order, signature, Kind.Cancel);
        assertStatus(planHash, carol, ISubscriptionTypes.Status.Cancelled);
    }

    function test_pauseBySig_andResumeBySig_moveThePaidTime() external {
        vm.warp(START + 1 days);
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind.Pause);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionPaused(planHash, carol, uint40(START + 1 days), 3);
        _send(order, signature, Kind.Pause);
        assertStatus(planHash, carol, ISubscriptionTypes.Status.Paused);

        vm.warp(START + 5 days);
        order = orderFor(planHash);
        signature = _sign(order, Kind.Resume);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionResumed(planHash, carol, uint40(START + PERIOD + 4 days), 4);
        _send(order, signature, Kind.Resume);
        assertPaidUntil(planHash, carol, START + PERIOD + 4 days);
    }

    function test_orders_reverts_whenSignedAsAnother() external {
        for (uint8 signed; signed < 3; ++signed) {
            for (uint8 sent; sent < 3; ++sent) {
                if (sent == signed) continue;
                ISubscriptionTypes.Order memory order = orderFor(planHash);
                _sendReverts(order, _sign(order, Kind(signed)), Kind(sent), invalidSignature);
            }
        }
    }

    function testFuzz_orders_reverts_whenAFieldIsChanged(uint8 kind, uint256 field, uint256 value) external {
        kind = uint8(bound(kind, 0, 2));
        field = bound(field, 0, 3);
        value = bound(value, 1, type(uint128).max);
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind(kind));
        if (field == 0) order.planHash = bytes32(value);
        if (field == 1) order.subscriber = address(uint160(value));
        if (field == 2) order.nonce += value;
        if (field == 3) order.deadline += value;
        _sendReverts(order, signature, Kind(kind), invalidSignature);
    }

    function testFuzz_hashes_areTypedData(bytes32 plan, address subscriber, uint256 nonce, uint256 deadline)
        external
        view
    {
        ISubscriptionTypes.Order memory order = ISubscriptionTypes.Order(plan, subscriber, nonce, deadline);
        string[3] memory names = ["Cancel", "Pause", "Resume"];
        for (uint8 kind; kind < 3; ++kind) {
            bytes32 typeHash = keccak256(
                bytes.concat(bytes(names[kind]), "(bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline)")
            );
            bytes32 structHash = keccak256(abi.encode(typeHash, plan, subscriber, nonce, deadline));
            assertEq(
                _hash(order, Kind(kind)),
                keccak256(abi.encodePacked(hex"1901", manager.DOMAIN_SEPARATOR(), structHash)),
                names[kind]
            );
        }
    }

    function test_orders_reverts_whenUsedTwice() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind.Pause);
        _send(order, signature, Kind.Pause);
        resume(planHash, carol);
        bytes memory used = abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, order.nonce);
        _sendReverts(order, signature, Kind.Pause, used);

        _sendReverts(order, _sign(order, Kind.Cancel), Kind.Cancel, used);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.nonce = order.nonce;
        relayReverts(mandate, used);
    }

    /// @dev A cancellation that was signed and not sent must not end the subscription begun after it.
    function test_invalidateNonces_takesBackAnOrder() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind.Cancel);
        vm.prank(carol);
        manager.invalidateNonces(order.nonce >> 8, 1 << (order.nonce & 0xff));
        _sendReverts(
            order,
            signature,
            Kind.Cancel,
            abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, order.nonce)
        );
    }

    function testFuzz_orders_holdUpToTheirDeadline(uint8 kind, uint256 length) external {
        Kind chosen = Kind(bound(kind, 0, 2));
        if (chosen == Kind.Resume) pause(planHash, carol);
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        order.deadline = START + bound(length, 0, 365 days);
        bytes memory signature = _sign(order, chosen);

        vm.warp(order.deadline + 1);
        _sendReverts(
            order, signature, chosen, abi.encodeWithSelector(ISubscriptionTypes.DeadlinePassed.selector, order.deadline)
        );
        vm.warp(order.deadline);
        _send(order, signature, chosen);
    }

    function test_orders_succeed_onAFrozenAndInactivePlan() external {
        shut(planHash);
        Kind[3] memory kinds = [Kind.Pause, Kind.Resume, Kind.Cancel];
        for (uint256 i; i < kinds.length; ++i) {
            ISubscriptionTypes.Order memory order = orderFor(planHash);
            _send(order, _sign(order, kinds[i]), kinds[i]);
        }
        assertStatus(planHash, carol, ISubscriptionTypes.Status.Cancelled);
    }

    function test_cancelBySig_succeeds_whilePaused() external {
        pause(planHash, carol);
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        order.deadline = START + 9 days;
        bytes memory signature = _sign(order, Kind.Cancel);
        vm.warp(START + 9 days);
        _send(order, signature, Kind.Cancel);
        assertPaidUntil(planHash, carol, START + PERIOD + 9 days);
    }

    function test_orders_needASignature_alsoOfTheSubscriber() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        vm.expectRevert(invalidSignature);
        vm.prank(carol);
        manager.cancelBySig(order, "");
    }

    function test_orders_reverts_onAnotherChain() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory signature = _sign(order, Kind.Cancel);
        vm.chainId(8453);
        _sendReverts(order, signature, Kind.Cancel, invalidSignature);
    }

    function test_orders_reverts_inTheWrongState() external {
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        bytes memory notPaused = abi.encodeWithSelector(ISubscriptionTypes.NotPaused.selector, planHash, carol);
        _sendReverts(order, _sign(order, Kind.Resume), Kind.Resume, notPaused);

        cancel(planHash, carol);
        bytes memory notActive = abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, planHash, carol);
        _sendReverts(order, _sign(order, Kind.Pause), Kind.Pause, notActive);
        bytes memory none = abi.encodeWithSelector(ISubscriptionTypes.NotSubscribed.selector, planHash, carol);
        _sendReverts(order, _sign(order, Kind.Cancel), Kind.Cancel, none);
        assertEq(manager.nonceBitmap(carol, 0), 0, "an order that fails is not used");
    }

    function test_cancelBySig_takesTheSignatureOfAContract() external {
        ContractWallet wallet = new ContractWallet();
        fund(address(wallet), PRICE);
        subscribe(planHash, address(wallet));
        ISubscriptionTypes.Order memory order = orderFor(planHash);
        order.subscriber = address(wallet);
        _sendReverts(order, "", Kind.Cancel, invalidSignature);

        wallet.setDigest(manager.hashCancel(order));
        _send(order, "", Kind.Cancel);
        assertStatus(planHash, address(wallet), ISubscriptionTypes.Status.Cancelled);
    }

    function _hash(ISubscriptionTypes.Order memory order, Kind kind) private view returns (bytes32) {
        if (kind == Kind.Cancel) return manager.hashCancel(order);
        return kind == Kind.Pause ? manager.hashPause(order) : manager.hashResume(order);
    }

    function _sign(ISubscriptionTypes.Order memory order, Kind kind) private view returns (bytes memory) {
        return signDigest(_hash(order, kind));
    }

    function _send(ISubscriptionTypes.Order memory order, bytes memory signature, Kind kind) private {
        vm.prank(relayer);
        if (kind == Kind.Cancel) manager.cancelBySig(order, signature);
        else if (kind == Kind.Pause) manager.pauseBySig(order, signature);
        else manager.resumeBySig(order, signature);
    }

    function _sendReverts(ISubscriptionTypes.Order memory order, bytes memory signature, Kind kind, bytes memory why)
        private
    {
        vm.expectRevert(why);
        _send(order, signature, kind);
    }
}
