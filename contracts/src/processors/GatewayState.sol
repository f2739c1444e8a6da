// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICoreSystem} from "../interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {Roles} from "../libraries/Roles.sol";

/// @title GatewayState
/// @notice What all processors share: the governor's authority, and the slot that holds the fee and the number of events.
abstract contract GatewayState is IPaymentGateway {
    struct FeeState {
        uint16 feeBps;
        address receiver;
        uint64 eventCount;
    }

    ICoreSystem public immutable CORE;

    FeeState internal _state;

    constructor(ICoreSystem core) {
        CORE = core;
    }

    /// @inheritdoc IPaymentGateway
    function eventCount() external view returns (uint64) {
        return _state.eventCount;
    }

    function _requireGovernor() internal view {
        if (!CORE.hasRole(Roles.GOVERNOR, msg.sender)) revert Unauthorized(msg.sender);
    }

    function _nextSequence() internal returns (uint64) {
        return ++_state.eventCount;
    }
}
