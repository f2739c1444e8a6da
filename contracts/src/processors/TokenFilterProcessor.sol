// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {GatewayState} from "./GatewayState.sol";

/// @title TokenFilterProcessor
/// @notice Tokens that may be paid in the place of another. A plan's own token needs no acceptance: its merchant chose it.
abstract contract TokenFilterProcessor is GatewayState {
    /// @inheritdoc IPaymentGateway
    mapping(address token => bool) public isTokenAccepted;

    /// @inheritdoc IPaymentGateway
    function setTokenAccepted(address token, bool accepted) external {
        _requireGovernor();
        if (accepted == isTokenAccepted[token]) revert NoChange();

        isTokenAccepted[token] = accepted;

        emit TokenAcceptanceUpdated(token, accepted, _nextSequence());
    }

    function _requireAccepted(address token) internal view {
        if (!isTokenAccepted[token]) revert TokenNotAccepted(token);
    }
}
