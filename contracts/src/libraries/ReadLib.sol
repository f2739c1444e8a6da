// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../interfaces/IPlanManager.sol";

/// @title Reads from the sister contracts
///
/// @notice What Solidity would do, less the copies and checks of what comes back: both contracts are immutable and ours,
///         and every charge pays for these two reads.
library ReadLib {
    /// @notice `plans.rawTermSlots(planHash)`.
    function rawTermSlots(IPlanManager plans, bytes32 planHash) internal view returns (uint256 head, uint256 tail) {
        bytes32 selector = IPlanManager.rawTermSlots.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, planHash)
            if iszero(staticcall(gas(), plans, 0x00, 0x24, 0x00, 0x40)) { revert(0x00, 0x00) }
            head := mload(0x00)
            tail := mload(0x20)
        }
    }

    /// @notice `gateway.feeAmount(amount, maxFeeBps)`.
    function readFee(IPaymentGateway gateway, uint256 amount, uint256 maxFeeBps)
        internal
        view
        returns (uint256 fee, address feeReceiver)
    {
        bytes32 selector = IPaymentGateway.feeAmount.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), amount)
            mstore(add(data, 0x24), maxFeeBps)
            if iszero(staticcall(gas(), gateway, data, 0x44, 0x00, 0x40)) { revert(0x00, 0x00) }
            fee := mload(0x00)
            feeReceiver := mload(0x20)
        }
    }
}
