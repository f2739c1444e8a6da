// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

/// @title The networks file of the backend, as the scripts read it
abstract contract Networks is Script {
    struct Network {
        string name;
        uint256 chainId;
        string rpcUrl;
    }

    error WrongChain(string network, uint256 expected, uint256 found);
    error NoNetworks(string file);

    /// @notice Each `[[network]]` of `file`, with the first of its nodes.
    function networks(string memory file) internal view returns (Network[] memory list) {
        string memory toml = vm.readFile(file);
        uint256 count;
        while (vm.keyExistsToml(toml, _key(count, "name"))) ++count;
        if (count == 0) revert NoNetworks(file);

        list = new Network[](count);
        for (uint256 i; i < count; ++i) {
            list[i] = Network({
                name: vm.parseTomlString(toml, _key(i, "name")),
                chainId: vm.parseTomlUint(toml, _key(i, "chain_id")),
                rpcUrl: vm.parseTomlString(toml, _key(i, "rpc_urls[0]"))
            });
        }
    }

    /// @notice Works on `network` from now on; refuses a node of another chain.
    function enter(Network memory network) internal {
        vm.createSelectFork(network.rpcUrl);
        if (block.chainid != network.chainId) revert WrongChain(network.name, network.chainId, block.chainid);
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

    function _key(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".network[", vm.toString(index), "].", field);
    }
}
