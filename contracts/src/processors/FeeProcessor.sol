// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {FeeLib} from "../libraries/FeeLib.sol";

/// @title FeeProcessor
/// @notice Platform's part of a payment: one rate and one receiver, in one slot.
abstract contract FeeProcessor is IPaymentGateway {
    using FeeLib for uint256;

    struct FeeState {
        uint16 feeBps;
        address receiver;
        uint64 eventCount;
    }

    /// @inheritdoc IPaymentGateway
    uint16 public constant MAX_FEE_BPS = 1000;

    FeeState private _state;

    /// @inheritdoc IPaymentGateway
    function feeBps() external view returns (uint16) {
        return _state.feeBps;
    }

    /// @inheritdoc IPaymentGateway
    function feeReceiver() external view returns (address) {
        return _state.receiver;
    }

    /// @inheritdoc IPaymentGateway
    function eventCount() external view returns (uint64) {
        return _state.eventCount;
    }

    function _setFee(uint16 newFeeBps, address newReceiver) internal {
        if (newFeeBps > MAX_FEE_BPS) revert InvalidFee(newFeeBps);
        if ((newFeeBps == 0) != (newReceiver == address(0))) revert InvalidFeeReceiver(newReceiver);

        FeeState memory state = _state;
        if (newFeeBps == state.feeBps && newReceiver == state.receiver) revert NoChange();

        uint64 sequence = state.eventCount + 1;
        _state = FeeState({feeBps: newFeeBps, receiver: newReceiver, eventCount: sequence});

        emit FeeUpdated(newFeeBps, newReceiver, sequence);
    }

    function _fee(uint256 amount, uint16 maxFeeBps) internal view returns (uint256 fee, address receiver) {
        uint256 bps = _state.feeBps;
        if (bps > maxFeeBps) bps = maxFeeBps;

        fee = amount.mulBpsDown(bps);
        if (fee != 0) receiver = _state.receiver;
    }
}
