// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {console} from "forge-std/console.sol";

import {Deployer} from "./Deployer.sol";
import {Networks} from "./Networks.sol";

/// @title Deploys all contracts and configures them, on one chain or on many
///
/// @notice May be run again: what stands is kept, what differs is set. The broadcaster must be the admin. `script/deploy`
///         runs it for each network of a networks file; for the chain of one node:
///
///         ABONO_OPERATOR=0x.. ABONO_AUTOMATION=0x.. ABONO_FEE_RECEIVER=0x.. forge script script/Deploy.s.sol \
///             --rpc-url http://127.0.0.1:8545 --private-key $KEY --broadcast --slow
///
///         Environment (defaults): ABONO_ADMIN, ABONO_OPERATOR, ABONO_AUTOMATION, ABONO_GOVERNOR, ABONO_FEE_RECEIVER (the
///         broadcaster), ABONO_FEE_BPS (250), ABONO_ADMIN_DELAY (86400 seconds).
contract Deploy is Deployer, Networks {
    string private constant FOLDER = ".dev/deployments/";

    /// @notice Deploys on the chain of `--rpc-url`.
    function run() external returns (Deployment memory deployment) {
        Config memory config = _config();
        deployment = _deployHere(config);
        verify(deployment, config);
        _write(deployment);
    }

    /// @notice Deploys on every network of a networks file.
    function runAll(string calldata file) external {
        Network[] memory list = networks(file);
        Config memory config = _config();
        for (uint256 i; i < list.length; ++i) {
            enter(list[i]);
            uint256 before = vm.getNonce(config.admin);
            Deployment memory deployment = _deployHere(config);
            verify(deployment, config);
            _write(deployment);
            console.log(
                string.concat(list[i].name, ": ", vm.toString(vm.getNonce(config.admin) - before), " transactions")
            );
        }
    }

    /// @notice Reverts unless code, roles, register and fee are as configured on every network of a networks file.
    function checkAll(string calldata file) external {
        Network[] memory list = networks(file);
        Config memory config = _config();
        for (uint256 i; i < list.length; ++i) {
            enter(list[i]);
            Deployment memory deployment = locate(config);
            verify(deployment, config);
            console.log(
                string.concat(list[i].name, ": as configured, CoreSystem ", vm.toString(address(deployment.core)))
            );
        }
    }

    function _deployHere(Config memory config) private returns (Deployment memory deployment) {
        startBroadcast();
        deployment = deploy(config);
        configure(deployment, config);
        vm.stopBroadcast();
    }

    function _config() private returns (Config memory config) {
        address broadcaster = broadcasterOf();
        config = Config({
            admin: vm.envOr("ABONO_ADMIN", broadcaster),
            adminDelay: uint48(vm.envOr("ABONO_ADMIN_DELAY", uint256(1 days))),
            operator: vm.envOr("ABONO_OPERATOR", broadcaster),
            automation: vm.envOr("ABONO_AUTOMATION", broadcaster),
            governor: vm.envOr("ABONO_GOVERNOR", broadcaster),
            feeReceiver: vm.envOr("ABONO_FEE_RECEIVER", broadcaster),
            feeBps: uint16(vm.envOr("ABONO_FEE_BPS", uint256(250)))
        });
        if (config.admin != broadcaster) revert AdminMustBroadcast(config.admin, broadcaster);
        if (config.feeBps == 0) config.feeReceiver = address(0);
    }

    /// @dev The networks file names it as `deployment`, or its `core_system` and `start_block` are copied from it.
    function _write(Deployment memory deployment) private {
        vm.createDir(FOLDER, true);
        string memory path = string.concat(FOLDER, vm.toString(block.chainid), ".json");
        uint256 blockNumber = block.number;
        if (vm.exists(path)) {
            // A second run must not hide the first one's events from a reader that starts at this block.
            uint256 previous = vm.parseJsonUint(vm.readFile(path), ".block_number");
            if (previous < blockNumber) blockNumber = previous;
        }
        string memory json = "deployment";
        vm.serializeUint(json, "chain_id", block.chainid);
        vm.serializeAddress(json, "core_system", address(deployment.core));
        vm.serializeAddress(json, "plan_manager", address(deployment.plans));
        vm.serializeAddress(json, "subscription_manager", address(deployment.subscriptions));
        vm.serializeAddress(json, "payment_gateway", address(deployment.gateway));
        vm.serializeAddress(json, "marketplace", address(deployment.marketplace));
        string memory out = vm.serializeUint(json, "block_number", blockNumber);
        vm.writeJson(out, path);
    }
}
