// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {FeeLib} from "../libraries/FeeLib.sol";
import {GatewayState} from "./GatewayState.sol";

/// @title FeeProcessor
/// @notice Platform's part of a payment: one rate and one receiver, in one slot.
abstract contract FeeProcessor is GatewayState {
    using FeeLib for uint256;

    /// @inheritdoc IPaymentGateway
    uint16 public constant MAX_FEE_BPS = 1000;

    /// @inheritdoc IPaymentGateway
    function setFee(uint16 newFeeBps, address newReceiver) external {
        _requireGovernor();
        if (newFeeBps > MAX_FEE_BPS) revert InvalidFee(newFeeBps);
        if ((newFeeBps == 0) != (newReceiver == address(0))) revert InvalidFeeReceiver(newReceiver);

        FeeState memory state = _state;
        if (newFeeBps == state.feeBps && newReceiver == state.receiver) revert NoChange();

        uint64 sequence = state.eventCount + 1;
        _state = FeeState({feeBps: newFeeBps, receiver: newReceiver, eventCount: sequence});

        emit FeeUpdated(newFeeBps, newReceiver, sequence);
    }

    /// @inheritdoc IPaymentGateway
    function feeBps() external view returns (uint16) {
        return _state.feeBps;
    }

    /// @inheritdoc IPaymentGateway
    function feeReceiver() external view returns (address) {
        return _state.receiver;
    }

    function _fee(uint256 amount, uint16 maxFeeBps) internal view returns (uint256 fee, address receiver) {
        uint256 bps = _state.feeBps;
        if (bps > maxFeeBps) bps = maxFeeBps;

        fee = amount.mulBpsDown(bps);
        if (fee != 0) receiver = _state.receiver;
    }
}
