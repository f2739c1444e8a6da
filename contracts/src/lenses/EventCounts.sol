// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPlanManager} from "../interfaces/IPlanManager.sol";

/// @title How many events each of several contracts has emitted
///
/// @notice Stands on no chain: its creation code travels as an `eth_call` without a recipient, and what the constructor
///         returns is the answer, `abi.encode(uint256[])`. One question instead of one for each contract, of one node and
///         one block. A contract that is not there yet has emitted nothing.
contract EventCounts {
    constructor(IPlanManager[] memory emitters) {
        uint256[] memory counts = new uint256[](emitters.length);
        for (uint256 i; i < emitters.length; ++i) {
            // Every contract of ours that emits events answers it.
            if (address(emitters[i]).code.length != 0) counts[i] = emitters[i].eventCount();
        }
        bytes memory answer = abi.encode(counts);
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}
