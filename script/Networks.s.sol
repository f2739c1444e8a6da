// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";
import {console} from "forge-std/console.sol";

/// @title Lists the backend's networks file for the shell: name, chain id and first node of each, in lines
contract Networks is Script {
    error NoNetworks(string file);

    function run(string calldata file) external view {
        string memory toml = vm.readFile(file);
        uint256 i;
        for (; vm.keyExistsToml(toml, _key(i, "name")); ++i) {
            string memory name = vm.parseTomlString(toml, _key(i, "name"));
            uint256 chainId = vm.parseTomlUint(toml, _key(i, "chain_id"));
            console.log(string.concat("network ", name, " ", vm.toString(chainId), " ", _firstNode(toml, i)));
        }
        if (i == 0) revert NoNetworks(file);
    }

    function _firstNode(string memory toml, uint256 index) private pure returns (string memory) {
        return vm.parseTomlStringArray(toml, _key(index, "rpc_urls"))[0];
    }

    function _key(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".network[", vm.toString(index), "].", field);
    }
}
