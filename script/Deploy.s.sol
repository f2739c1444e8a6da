// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VmSafe} from "forge-std/Vm.sol";
import {console} from "forge-std/console.sol";

import {Broadcaster} from "./Broadcaster.sol";
import {Deployer} from "./Deployer.sol";

/// @title Deploys all contracts and configures them
///
/// @notice May be run again: what stands is kept, what differs is set. The broadcaster must be the admin. `script/deploy`
///         runs it for each network of a networks file. For the chain of one node:
///
///         ABONO_OPERATOR=0x.. ABONO_AUTOMATION=0x.. ABONO_FEE_RECEIVER=0x.. forge script script/Deploy.s.sol \
///             --rpc-url http://127.0.0.1:8545 --private-key $KEY --broadcast --slow
///
///         Environment (defaults): ABONO_ADMIN, ABONO_OPERATOR, ABONO_AUTOMATION, ABONO_GOVERNOR, ABONO_FEE_RECEIVER (the
///         broadcaster), ABONO_FEE_BPS (250), ABONO_ADMIN_DELAY (86400 seconds), ABONO_DEPLOYMENTS (.dev/deployments).
contract Deploy is Deployer, Broadcaster {
    function run() external onExpectedChain returns (Deployment memory deployment) {
        Config memory config = _config();
        uint256 before = vm.getNonce(config.admin);
        startBroadcast();
        deployment = deploy(config);
        configure(deployment, config);
        vm.stopBroadcast();

        verify(deployment, config);
        if (vm.isContext(VmSafe.ForgeContext.ScriptBroadcast)) _write(deployment);
        console.log(string.concat("  ", vm.toString(vm.getNonce(config.admin) - before), " transactions to send"));
    }

    /// @notice Reverts unless code, roles, register and fee are as configured.
    function check() external onExpectedChain {
        Config memory config = _config();
        verify(locate(config), config);
        console.log("  code, roles, register and fee are as configured");
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
        string memory folder = vm.envOr("ABONO_DEPLOYMENTS", string(".dev/deployments"));
        vm.createDir(folder, true);
        string memory path = string.concat(folder, "/", vm.toString(block.chainid), ".json");
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
