// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SlotLib} from "../../../../contracts/src/libraries/SlotLib.sol";
import {Ghost} from "../stores/Ghost.sol";
import {Transitions} from "../stores/Transitions.sol";
import {Handler} from "./Handler.sol";

/// @dev What subscribers do themselves or sign for others to do: beginnings on their own terms, switches, pauses, ends.
contract MandateHandler is Handler {
    using SlotLib for uint256;

    /// @dev Calls that used a nonce, to be tried again.
    bytes[] private _used;
    uint256 private _nonce;

    constructor(Ghost ghost) Handler(ghost) {}

    function subscribeBySig(uint256 who, uint256 which, uint256 terms, uint256 caller) external {
        _useMandate(_mandate(_payer(who), _plan(which), terms), caller);
    }

    function switchBySig(uint256 who, uint256 from, uint256 to, uint256 terms, uint256 caller) external {
        ISubscriptionTypes.Mandate memory mandate = _mandate(_payer(who), _plan(to), terms);
        mandate.replaces = _activeOf(_payer(who), from);
        _useMandate(mandate, caller);
    }

    function activateManually(uint256 who, uint256 which, uint256 terms, uint256 duration) external by(OPERATOR) {
        ISubscriptionTypes.Mandate memory mandate = _mandate(_payer(who), _plan(which), terms);
        (,, uint256 period,,) = GHOST.copyOf(mandate.planHash);
        uint40 paidUntil = uint40(GHOST.time() + _bound(duration, 0, period + 1));
        bytes memory signature = _sign(mandate.subscriber, MANAGER.hashMandate(mandate));
        vm.prank(OPERATOR);
        try MANAGER.activateManually(mandate, signature, paidUntil) {
            _agree(mandate);
            _used.push(abi.encodeCall(MANAGER.activateManually, (mandate, signature, paidUntil)));
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function switchPlan(uint256 who, uint256 from, uint256 to) external by(_payer(who)) {
        address payer = _payer(who);
        bytes32 fromPlan = _activeOf(payer, from);
        bytes32 toPlan = _plan(to);
        Transitions.Consent memory consent = GHOST.consentOf(fromPlan, payer);
        vm.prank(payer);
        try MANAGER.switchPlan(fromPlan, toPlan) {
            (consent.token, consent.maxAmount,,,) = GHOST.copyOf(toPlan);
            GHOST.willing(fromPlan, payer);
            GHOST.agree(toPlan, payer, consent);
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function pause(uint256 who, uint256 which) external by(_payer(who)) {
        address payer = _payer(who);
        bytes32 planHash = _activeOf(payer, which);
        // Seldom, as all that ends or stops charges: there would be none.
        if (_statusOf(planHash, payer) != ISubscriptionTypes.Status.Active || which >> 8 & 3 != 0) return;

        GHOST.willing(planHash, payer);
        vm.prank(payer);
        MANAGER.pause(planHash);
    }

    function resume(uint256 who, uint256 which) external by(_payer(who)) {
        address payer = _payer(who);
        bytes32 planHash = _pausedOf(payer, which);
        if (planHash == 0) return;

        GHOST.willing(planHash, payer);
        vm.prank(payer);
        MANAGER.resume(planHash);
    }

    /// @dev Works whatever the state of plan, token and wallet.
    function cancel(uint256 who, uint256 which, uint256 caller) external by(caller % 2 == 0 ? OPERATOR : _payer(who)) {
        (address payer, bytes32 planHash) = (_payer(who), _plan(which));
        ISubscriptionTypes.Status status = _statusOf(planHash, payer);
        if (status != ISubscriptionTypes.Status.Active && status != ISubscriptionTypes.Status.Paused) return;
        if (which >> 8 & 3 != 0) return;

        if (caller % 2 == 0) {
            vm.prank(OPERATOR);
            MANAGER.cancelFor(planHash, payer);
        } else {
            GHOST.willing(planHash, payer);
            vm.prank(payer);
            MANAGER.cancel(planHash);
        }
    }

    function orderBySig(uint256 who, uint256 which, uint256 kind, uint256 deadline) external by(STRANGER) {
        address payer = _payer(who);
        bytes32 planHash = kind % 3 == 2 ? _pausedOf(payer, which) : _activeOf(payer, which);
        if (planHash == 0 || (kind % 3 != 2 && which >> 8 & 3 != 0)) return;

        ISubscriptionTypes.Order memory order = ISubscriptionTypes.Order(
            planHash, payer, ++_nonce, deadline % 8 == 0 ? GHOST.time() - 1 : GHOST.time() + deadline % 7
        );
        bytes memory call = _orderCall(order, kind % 3, payer);
        vm.prank(STRANGER);
        (bool success, bytes memory answer) = address(MANAGER).call(call);
        if (!success) {
            GHOST.refused(answer);
            return;
        }
        GHOST.willing(planHash, payer);
        GHOST.count("order");
        _used.push(call);
    }

    function invalidateNonces(uint256 who, uint256 bits) external by(_payer(who)) {
        address payer = _payer(who);
        bits &= 0xff;
        vm.prank(payer);
        // The handlers' own nonces are beyond the first 256.
        try MANAGER.invalidateNonces(0, bits) {
            assertEq(MANAGER.nonceBitmap(payer, 0) & bits, bits, "used up");
            GHOST.count("nonces invalidated");
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    /// @dev Nothing that was signed is used a second time, whatever happened since.
    function replay(uint256 which, uint256 caller) external by(STRANGER) {
        if (_used.length == 0) return;

        bytes memory call = _used[which % _used.length];
        bool manual = bytes4(call) == MANAGER.activateManually.selector;
        vm.prank(manual ? OPERATOR : _caller(caller));
        (bool success, bytes memory answer) = address(MANAGER).call(call);
        assertFalse(success, "used twice");
        bytes4 selector = bytes4(answer);
        assertTrue(
            selector == ISubscriptionTypes.NonceUsed.selector || selector == ISubscriptionTypes.DeadlinePassed.selector,
            "because of its nonce"
        );
        if (selector == ISubscriptionTypes.NonceUsed.selector) GHOST.count("replay refused");
        GHOST.refused(answer);
    }

    /// @dev What somebody else signed, or nobody, binds no subscriber; whoever brings it.
    function forge(uint256 who, uint256 which, uint256 kind) external by(kind % 2 == 0 ? OPERATOR : STRANGER) {
        (address payer, address forger) = (_payer(who), kind % 4 == 0 ? STRANGER : _payer(who % 4 + 1));
        bytes32 planHash = _activeOf(payer, which);
        ISubscriptionTypes.Mandate memory mandate = _mandate(payer, planHash, 0);
        mandate.deadline = GHOST.time();
        bytes memory signature = kind % 4 == 0 ? bytes("") : _sign(forger, MANAGER.hashMandate(mandate));
        bytes memory call = abi.encodeCall(MANAGER.subscribeBySig, (mandate, signature, ""));
        if (kind % 5 < 3) {
            call = _orderCall(ISubscriptionTypes.Order(planHash, payer, ++_nonce, GHOST.time()), kind % 5, forger);
        } else if (kind % 2 == 0) {
            call = abi.encodeCall(MANAGER.activateManually, (mandate, signature, uint40(GHOST.time() + 1)));
        }
        vm.prank(kind % 2 == 0 ? OPERATOR : STRANGER);
        (, bytes memory answer) = address(MANAGER).call(call);
        assertEq(bytes4(answer), ISubscriptionTypes.InvalidSignature.selector, "signed by the subscriber alone");
        GHOST.refused(answer);
        GHOST.count("forgery refused");
    }

    function _useMandate(ISubscriptionTypes.Mandate memory mandate, uint256 caller)
        private
        by(caller % 2 == 0 ? mandate.subscriber : STRANGER)
    {
        bytes memory signature = caller % 2 == 0 ? bytes("") : _sign(mandate.subscriber, MANAGER.hashMandate(mandate));
        vm.prank(caller % 2 == 0 ? mandate.subscriber : STRANGER);
        try MANAGER.subscribeBySig(mandate, signature, "") {
            _agree(mandate);
            if (caller % 2 == 1) _used.push(abi.encodeCall(MANAGER.subscribeBySig, (mandate, signature, "")));
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function _agree(ISubscriptionTypes.Mandate memory mandate) private {
        if (mandate.replaces != 0) GHOST.willing(mandate.replaces, mandate.subscriber);
        Transitions.Consent memory consent = Transitions.Consent({
            given: true,
            token: mandate.paymentToken,
            rail: mandate.rail,
            maxAmount: mandate.maxAmount,
            chargesLeft: mandate.maxCharges == 0 ? NO_LIMIT : mandate.maxCharges,
            endsAt: mandate.endsAt
        });
        GHOST.agree(mandate.planHash, mandate.subscriber, consent);
        GHOST.count(consent.chargesLeft == NO_LIMIT ? bytes32("mandate") : bytes32("mandate with a limit"));
    }

    /// @dev Terms by the bits of `seed`: token, rail, bound, number of charges, end, deadline.
    function _mandate(address payer, bytes32 planHash, uint256 seed)
        private
        returns (ISubscriptionTypes.Mandate memory mandate)
    {
        (address token, uint96 price, uint256 period, uint256 trial,) = GHOST.copyOf(planHash);
        (mandate.planHash, mandate.subscriber, mandate.nonce) = (planHash, payer, 256 + ++_nonce);
        // Half of them in another token: the second, or coin.
        uint256 choice = seed % 8;
        mandate.paymentToken = choice < 4 ? token : GHOST.tokens(choice < 7 ? 2 : 0);
        if (seed >> 8 & 1 == 1 && mandate.paymentToken != address(0)) mandate.rail = ISubscriptionTypes.Rail.Permit2;
        mandate.maxAmount = token == mandate.paymentToken
            ? uint96(_bound(seed >> 16, price - 1, 2 * price))
            : uint96(_bound(seed >> 16, 1e6, mandate.paymentToken == address(0) ? 3 ether : 150e6));
        mandate.maxCharges = seed >> 127 & 1 == 0 ? 0 : uint24(seed >> 128 & 3);
        if (seed >> 136 & 3 == 0) {
            mandate.endsAt = uint40(GHOST.time() + trial + _bound(seed >> 140, 0, 4 * period));
        }
        mandate.deadline = seed >> 200 & 15 == 0 ? GHOST.time() - 1 : GHOST.time() + _bound(seed >> 204, 0, 30 days);
    }

    /// @param signer Whoever has no key signs nothing.
    function _orderCall(ISubscriptionTypes.Order memory order, uint256 kind, address signer)
        private
        view
        returns (bytes memory)
    {
        order.nonce += 256;
        if (kind == 0) {
            return abi.encodeCall(MANAGER.cancelBySig, (order, _sign(signer, MANAGER.hashCancel(order))));
        }
        if (kind == 1) return abi.encodeCall(MANAGER.pauseBySig, (order, _sign(signer, MANAGER.hashPause(order))));
        return abi.encodeCall(MANAGER.resumeBySig, (order, _sign(signer, MANAGER.hashResume(order))));
    }

    /// @dev As `_activeOf`; zero if there is none.
    function _pausedOf(address payer, uint256 which) private view returns (bytes32) {
        (uint256 plans,,,) = GHOST.counts();
        for (uint256 i; i < plans; ++i) {
            bytes32 planHash = _plan(which % plans + i);
            if (_statusOf(planHash, payer) == ISubscriptionTypes.Status.Paused) return planHash;
        }
        return 0;
    }
}
