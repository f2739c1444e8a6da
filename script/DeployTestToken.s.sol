// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

import {TestToken} from "../tests/contracts/mocks/TestToken.sol";

/// @title Deploys the token of tests and demonstrations, at one address on every chain
///
/// @notice forge script script/DeployTestToken.s.sol --rpc-url http://127.0.0.1:8545 --private-key $KEY --broadcast
///
///         Environment (defaults): ABONO_TOKEN_DECIMALS (6).
contract DeployTestToken is Script {
    bytes32 internal constant SALT = "abono.token.1";

    function run() external returns (address token) {
        uint8 decimals = uint8(vm.envOr("ABONO_TOKEN_DECIMALS", uint256(6)));
        bytes memory code = abi.encodePacked(type(TestToken).creationCode, abi.encode("Test Dollar", "TUSD", decimals));
        token = vm.computeCreate2Address(SALT, keccak256(code), CREATE2_FACTORY);
        if (token.code.length == 0) {
            vm.broadcast();
            new TestToken{salt: SALT}("Test Dollar", "TUSD", decimals);
        }

        vm.createDir(".dev/deployments", true);
        string memory json = "token";
        vm.serializeUint(json, "chain_id", block.chainid);
        vm.serializeUint(json, "decimals", decimals);
        vm.serializeString(json, "symbol", "TUSD");
        string memory out = vm.serializeAddress(json, "token", token);
        vm.writeJson(out, string.concat(".dev/deployments/token-", vm.toString(block.chainid), ".json"));
    }
}
