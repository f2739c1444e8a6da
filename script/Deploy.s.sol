// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

import {CoreSystem} from "../contracts/src/CoreSystem.sol";
import {PaymentGateway} from "../contracts/src/PaymentGateway.sol";
import {PlanManager} from "../contracts/src/PlanManager.sol";
import {ICoreSystem} from "../contracts/src/interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "../contracts/src/interfaces/IPaymentGateway.sol";
import {ISubscriptionManager} from "../contracts/src/interfaces/ISubscriptionManager.sol";
import {SignatureVerifier} from "../contracts/src/SignatureVerifier.sol";
import {SubscriptionManager} from "../contracts/src/SubscriptionManager.sol";
import {IDeploy} from "./IDeploy.sol";

/// @title Deploys all contracts and configures them
///
/// @notice The canonical CREATE2 factory (https://github.com/Arachnid/deterministic-deployment-proxy) and a fixed salt
///         make the addresses equal on every chain for the same admin and admin delay; all else is set by calls. May be
///         run again: what stands is kept, what differs is set. The broadcaster must be the admin.
///
///         ABONO_OPERATOR=0x.. ABONO_AUTOMATION=0x.. ABONO_FEE_RECEIVER=0x.. forge script script/Deploy.s.sol \
///             --rpc-url http://127.0.0.1:8545 --private-key $KEY --broadcast --slow
///
///         Environment (defaults): ABONO_ADMIN, ABONO_OPERATOR, ABONO_AUTOMATION, ABONO_GOVERNOR, ABONO_FEE_RECEIVER (the
///         broadcaster), ABONO_FEE_BPS (250), ABONO_ADMIN_DELAY (86400 seconds).
contract Deploy is IDeploy, Script {
    bytes32 internal constant SALT = "abono.1";

    bytes32 internal constant PLAN_MANAGER_ID = "PlanManager";
    bytes32 internal constant SUBSCRIPTION_MANAGER_ID = "SubscriptionManager";
    bytes32 internal constant PAYMENT_GATEWAY_ID = "PaymentGateway";

    function run() external returns (Deployment memory deployment) {
        address broadcaster = _broadcaster();
        Config memory config = Config({
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

        vm.startBroadcast();
        deployment = deploy(config);
        configure(deployment, config);
        vm.stopBroadcast();

        verify(deployment, config);
        _write(deployment);
    }

    /// @inheritdoc IDeploy
    function deploy(Config memory config) public returns (Deployment memory deployment) {
        bytes memory arguments = abi.encode(config.adminDelay, config.admin);
        deployment.core = CoreSystem(_deploy(type(CoreSystem).creationCode, arguments));

        deployment.verifier = SignatureVerifier(_deploy(type(SignatureVerifier).creationCode, ""));

        arguments = abi.encode(deployment.core, deployment.verifier);
        deployment.plans = PlanManager(_deploy(type(PlanManager).creationCode, arguments));

        arguments = abi.encode(deployment.core);
        deployment.gateway = PaymentGateway(_deploy(type(PaymentGateway).creationCode, arguments));

        arguments = abi.encode(deployment.core, deployment.plans, deployment.gateway);
        deployment.subscriptions = ISubscriptionManager(_deploy(type(SubscriptionManager).creationCode, arguments));
    }

    /// @inheritdoc IDeploy
    function configure(Deployment memory deployment, Config memory config) public {
        CoreSystem core = CoreSystem(address(deployment.core));
        _grant(core, core.OPERATOR_ROLE(), config.operator);
        _grant(core, core.AUTOMATION_ROLE(), config.automation);
        _grant(core, core.GOVERNOR_ROLE(), config.governor);
        if (_isConfigured(deployment, config)) return;

        _grant(core, core.GOVERNOR_ROLE(), config.admin);
        _register(core, PLAN_MANAGER_ID, address(deployment.plans));
        _register(core, SUBSCRIPTION_MANAGER_ID, address(deployment.subscriptions));
        _register(core, PAYMENT_GATEWAY_ID, address(deployment.gateway));
        if (!_isFeeSet(deployment.gateway, config)) deployment.gateway.setFee(config.feeBps, config.feeReceiver);
        if (config.governor != config.admin) core.revokeRole(core.GOVERNOR_ROLE(), config.admin);
    }

    /// @inheritdoc IDeploy
    function verify(Deployment memory deployment, Config memory config) public view {
        CoreSystem core = CoreSystem(address(deployment.core));
        if (address(core).code.length == 0) revert NotConfigured("core system");
        if (core.defaultAdmin() != config.admin) revert NotConfigured("admin");
        if (!core.hasRole(core.OPERATOR_ROLE(), config.operator)) revert NotConfigured("operator");
        if (!core.hasRole(core.AUTOMATION_ROLE(), config.automation)) revert NotConfigured("automation");
        if (!core.hasRole(core.GOVERNOR_ROLE(), config.governor)) revert NotConfigured("governor");
        PlanManager plans = PlanManager(address(deployment.plans));
        if (plans.CORE() != core || plans.VERIFIER() != deployment.verifier) revert NotConfigured("plan manager");
        if (PaymentGateway(address(deployment.gateway)).CORE() != core) revert NotConfigured("payment gateway");
        (address core_, address plans_, address gateway_,) = deployment.subscriptions.services();
        if (core_ != address(core) || plans_ != address(deployment.plans) || gateway_ != address(deployment.gateway)) {
            revert NotConfigured("subscription manager");
        }
        if (!_isConfigured(deployment, config)) revert NotConfigured("services or fee");
    }

    function _deploy(bytes memory creationCode, bytes memory arguments) private returns (address deployed) {
        bytes memory code = abi.encodePacked(creationCode, arguments);
        deployed = vm.computeCreate2Address(SALT, keccak256(code), CREATE2_FACTORY);
        if (deployed.code.length != 0) return deployed;

        (bool success,) = CREATE2_FACTORY.call(abi.encodePacked(SALT, code));
        if (!success || deployed.code.length == 0) revert NotDeployed(deployed);
    }

    function _grant(CoreSystem core, bytes32 role, address account) private {
        if (!core.hasRole(role, account)) core.grantRole(role, account);
    }

    function _register(CoreSystem core, bytes32 serviceId, address service) private {
        if (core.serviceOf(serviceId) != service) core.registerService(serviceId, service);
    }

    function _isFeeSet(IPaymentGateway gateway, Config memory config) private view returns (bool) {
        return gateway.feeBps() == config.feeBps && gateway.feeReceiver() == config.feeReceiver;
    }

    function _isConfigured(Deployment memory deployment, Config memory config) private view returns (bool) {
        return deployment.core.serviceOf(PLAN_MANAGER_ID) == address(deployment.plans)
            && deployment.core.serviceOf(SUBSCRIPTION_MANAGER_ID) == address(deployment.subscriptions)
            && deployment.core.serviceOf(PAYMENT_GATEWAY_ID) == address(deployment.gateway)
            && _isFeeSet(deployment.gateway, config);
    }

    function _broadcaster() private returns (address broadcaster) {
        vm.startBroadcast();
        (, broadcaster,) = vm.readCallers();
        vm.stopBroadcast();
    }

    function _write(Deployment memory deployment) private {
        vm.createDir(".dev/deployments", true);
        string memory path = string.concat(".dev/deployments/", vm.toString(block.chainid), ".json");
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
        string memory out = vm.serializeUint(json, "block_number", blockNumber);
        vm.writeJson(out, path);
    }
}
