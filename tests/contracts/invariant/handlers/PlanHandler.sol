// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockAggregator} from "../../mocks/Aggregators.sol";
import {Ghost} from "../stores/Ghost.sol";
import {Handler} from "./Handler.sol";

/// @dev Merchants, operator and governor do what they may, and everybody tries what they may not.
contract PlanHandler is Handler {
    constructor(Ghost ghost) Handler(ghost) {}

    function setStatus(uint256 which, uint256 status) external by(_merchant(which)) {
        bytes32 planHash = _plan(which);
        // Mostly open, or nothing else would happen.
        status %= 8;
        bytes memory call = status == 0
            ? abi.encodeCall(PLANS.deactivatePlan, (planHash))
            : status == 1 ? abi.encodeCall(PLANS.closePlan, (planHash)) : abi.encodeCall(PLANS.activatePlan, (planHash));
        _try(_merchant(which), address(PLANS), call, "status");
    }

    function setFrozen(uint256 which, uint256 frozen) external by(OPERATOR) {
        _try(OPERATOR, address(PLANS), abi.encodeCall(PLANS.setPlanFrozen, (_plan(which), frozen % 8 == 0)), "frozen");
    }

    function offer(uint256 which, uint256 to) external by(_merchant(which)) {
        address target = to % 4 == 3 ? address(0) : GHOST.merchants(to % 4 % 3);
        bytes memory call = abi.encodeCall(PLANS.transferPlanOwnership, (_plan(which), target));
        _try(_merchant(which), address(PLANS), call, "offer");
    }

    function accept(uint256 which) external by(PLANS.pendingMerchantOf(_plan(which))) {
        bytes32 planHash = _plan(which);
        address target = PLANS.pendingMerchantOf(planHash);
        if (target == address(0)) return;

        _try(target, address(PLANS), abi.encodeCall(PLANS.acceptPlanOwnership, (planHash)), "new merchant");
    }

    function updateUri(uint256 which) external by(_merchant(which)) {
        _try(_merchant(which), address(PLANS), abi.encodeCall(PLANS.updatePlanUri, (_plan(which), "ipfs://o")), "uri");
    }

    /// @dev A limit stops plans from becoming active and nothing else; those that are stay so.
    function setMaxActivePlans(uint256 limit) external by(GOVERNOR) {
        limit = limit % 2 != 0 ? 0 : _bound(limit, 1, 4);
        _try(GOVERNOR, address(PLANS), abi.encodeCall(PLANS.setMaxActivePlans, (uint32(limit))), "limit of plans");
    }

    function setFee(uint256 bps, uint256 to) external by(GOVERNOR) {
        bps = _bound(bps, 0, 1100);
        address receiver = bps == 0 ? address(0) : GHOST.merchants(2 + to % 2);
        _try(GOVERNOR, address(GATEWAY), abi.encodeCall(GATEWAY.setFee, (uint16(bps), receiver)), "fee");
        assertLe(GATEWAY.feeBps(), GATEWAY.MAX_FEE_BPS(), "highest fee");
    }

    /// @dev What a token's feed says: up to three times what it said at first, or nothing.
    function setPrice(uint256 which, uint256 price) external by(STRANGER) {
        (,, uint256 tokens,) = GHOST.counts();
        (MockAggregator feed, uint256 first) = GHOST.feedOf(GHOST.tokens(which % tokens));
        feed.set(int256(price % 8 == 0 ? 0 : first * _bound(price, 1, 3e6) / 1e6), feed.updatedAt());
    }

    function refreshAutomation() external by(STRANGER) {
        MANAGER.refreshAutomation();
    }

    /// @dev Each of these must be refused: the caller has no right to it.
    function intrude(uint256 kind, uint256 who, uint256 which) external by(STRANGER) {
        (bytes32 planHash, address payer) = (_plan(which), _payer(who));
        address[4] memory callers = [STRANGER, AUTOMATION, GOVERNOR, OPERATOR];
        address caller = callers[kind % 4];
        kind = kind / 4 % 8;
        address target = kind < 5 ? address(PLANS) : address(MANAGER);
        bytes memory call;
        if (kind == 0) call = abi.encodeCall(PLANS.transferPlanOwnership, (planHash, caller));
        else if (kind == 1) call = abi.encodeCall(PLANS.activatePlan, (planHash));
        else if (kind == 2) call = abi.encodeCall(PLANS.acceptPlanOwnership, (planHash));
        else if (kind == 3) call = abi.encodeCall(PLANS.deactivatePlan, (planHash));
        else if (kind == 4) call = abi.encodeCall(PLANS.updatePlanUri, (planHash, ""));
        else if (kind == 5) call = abi.encodeCall(MANAGER.collectBounded, (planHash, payer));
        else if (kind == 6) call = abi.encodeCall(MANAGER.pause, (planHash));
        else call = abi.encodeCall(MANAGER.cancel, (planHash));
        vm.prank(caller);
        (bool success, bytes memory answer) = target.call(call);
        assertFalse(success, "no right to it");
        GHOST.refused(answer);

        vm.prank(caller == OPERATOR ? GOVERNOR : caller);
        (success, answer) = address(MANAGER).call(abi.encodeCall(MANAGER.cancelFor, (planHash, payer)));
        assertFalse(success, "only the operator cancels for others");
        GHOST.refused(answer);
        GHOST.count("intrusion refused");
    }

    function _try(address caller, address target, bytes memory call, bytes32 outcome) private {
        vm.prank(caller);
        (bool success, bytes memory answer) = target.call(call);
        if (success) GHOST.count(outcome);
        else GHOST.refused(answer);
    }

    function _merchant(uint256 which) private view returns (address) {
        return PLANS.termsOf(_plan(which)).merchant;
    }
}
