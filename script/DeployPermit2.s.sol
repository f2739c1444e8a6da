// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

import {Permit2} from "../tests/contracts/Permit2.sol";

/// @title Deploys Permit2 at its address on public chains, for chains that lack it
///
/// @notice script/permit2 && forge script script/DeployPermit2.s.sol --rpc-url http://127.0.0.1:8545 --private-key $KEY \
///             --broadcast
contract DeployPermit2 is Permit2, Script {
    function run() external returns (address permit2) {
        vm.startBroadcast();
        permit2 = deployPermit2();
        vm.stopBroadcast();
    }
}
