// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

/// @title Who sends a script's transactions, and where
abstract contract Broadcaster is Script {
    error WrongChain(uint256 expected, uint256 found);

    /// @dev ABONO_CHAIN_ID, where it is set, is the chain that the node has to be of.
    modifier onExpectedChain() {
        uint256 expected = vm.envOr("ABONO_CHAIN_ID", block.chainid);
        if (block.chainid != expected) revert WrongChain(expected, block.chainid);
        _;
    }

    /// @notice Broadcasts by ABONO_ADMIN_KEY, or by the wallet that forge was given; a key in an argument would be seen by
    ///         every user of the machine.
    function startBroadcast() internal {
        uint256 key = vm.envOr("ABONO_ADMIN_KEY", uint256(0));
        if (key == 0) vm.startBroadcast();
        else vm.startBroadcast(key);
    }

    function broadcasterOf() internal returns (address broadcaster) {
        startBroadcast();
        (, broadcaster,) = vm.readCallers();
        vm.stopBroadcast();
    }
}
