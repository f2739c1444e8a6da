// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionManager} from "../../../../contracts/src/interfaces/ISubscriptionManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SlotLib} from "../../../../contracts/src/libraries/SlotLib.sol";
import {Permit2} from "../../Permit2.sol";
import {Ghost} from "../stores/Ghost.sol";
import {Transitions} from "../stores/Transitions.sol";
import {World} from "../stores/World.sol";

/// @dev What all handlers share. An action that may be refused is tried; a refusal must have a name and change nothing.
abstract contract Handler is Permit2, Test {
    using SlotLib for uint256;

    uint256 internal constant NO_LIMIT = type(uint256).max;

    Ghost internal immutable GHOST;
    ISubscriptionManager internal immutable MANAGER;
    IPlanManager internal immutable PLANS;
    IPaymentGateway internal immutable GATEWAY;
    address internal immutable OPERATOR;
    address internal immutable AUTOMATION;
    address internal immutable GOVERNOR;
    address internal immutable STRANGER = makeAddr("stranger");

    /// @dev As an action of `actor`.
    modifier by(address actor) {
        GHOST.begin(actor);
        _;
        GHOST.end();
    }

    constructor(Ghost ghost) {
        GHOST = ghost;
        World.Services memory services = ghost.services();
        (MANAGER, PLANS, GATEWAY) = (services.manager, services.plans, services.gateway);
        (OPERATOR, AUTOMATION, GOVERNOR) = (services.operator, services.automation, services.governor);
    }

    /// @dev The last of the payers never acts: it only approved.
    function _payer(uint256 who) internal view returns (address) {
        (, uint256 payers,,) = GHOST.counts();
        return GHOST.payers(who % (payers - 1));
    }

    function _plan(uint256 which) internal view returns (bytes32) {
        (uint256 plans,,,) = GHOST.counts();
        return GHOST.planHashes(which % plans);
    }

    function _caller(uint256 who) internal view returns (address) {
        return who % 4 == 0 ? STRANGER : AUTOMATION;
    }

    function _statusOf(bytes32 planHash, address payer) internal view returns (ISubscriptionTypes.Status) {
        return ISubscriptionTypes.Status(GHOST.wordOf(planHash, payer).status());
    }

    /// @dev Time goes on: not at all, up to the edges of when this subscription is due, or by some of its period.
    function _wait(uint256 seed, bytes32 planHash, address payer) internal {
        (,, uint256 period,,) = GHOST.copyOf(planHash);
        uint256 word = GHOST.wordOf(planHash, payer);
        uint256 due = word.nextChargeAt() > word.retryAt() ? word.nextChargeAt() : word.retryAt();
        uint256 kind = seed % 8;
        uint256 time = GHOST.time();
        if (kind < 3) due += kind == 0 ? 0 : kind == 1 ? 1 days : 1 days - 1;
        else if (kind == 3) due = due == 0 ? 0 : due - 1;
        else if (kind == 4) due = time + _bound(seed >> 8, 1, 2 * period);
        else due = time;
        // A yearly plan is not waited for all the time: its year would be all there is.
        if (due > time && (due - time < 60 days || seed >> 8 & 7 == 0)) GHOST.pass(due - time);
    }

    /// @dev A plan that the payer is active in, from `which` on; the plan itself if there is none.
    function _activeOf(address payer, uint256 which) internal view returns (bytes32) {
        (uint256 plans,,,) = GHOST.counts();
        for (uint256 i; i < plans; ++i) {
            bytes32 planHash = _plan(which % plans + i);
            if (_statusOf(planHash, payer) == ISubscriptionTypes.Status.Active) return planHash;
        }
        return _plan(which);
    }

    function _plainConsent(bytes32 planHash, ISubscriptionTypes.Rail rail)
        internal
        view
        returns (Transitions.Consent memory)
    {
        (address token, uint96 price,,,) = GHOST.copyOf(planHash);
        return Transitions.Consent(true, token, rail, price, NO_LIMIT, 0);
    }

    function _sign(address payer, bytes32 digest) internal view returns (bytes memory) {
        uint256 key = GHOST.keyOf(payer);
        if (key == 0) return "";
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
