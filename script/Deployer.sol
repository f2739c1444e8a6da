// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

import {CoreSystem} from "../contracts/src/CoreSystem.sol";
import {Marketplace} from "../contracts/src/Marketplace.sol";
import {PaymentGateway} from "../contracts/src/PaymentGateway.sol";
import {PlanManager} from "../contracts/src/PlanManager.sol";
import {SignatureVerifier} from "../contracts/src/SignatureVerifier.sol";
import {SubscriptionExtension} from "../contracts/src/SubscriptionExtension.sol";
import {SubscriptionManager} from "../contracts/src/SubscriptionManager.sol";
import {IPaymentGateway} from "../contracts/src/interfaces/IPaymentGateway.sol";
import {ISubscriptionManager} from "../contracts/src/interfaces/ISubscriptionManager.sol";
import {IDeploy} from "./IDeploy.sol";

/// @title What is deployed, how it is configured, and whether it is there
///
/// @notice The canonical CREATE2 factory (https://github.com/Arachnid/deterministic-deployment-proxy) and a fixed salt
///         make the addresses equal on every chain for the same admin and admin delay; all else is set by calls.
abstract contract Deployer is IDeploy, Script {
    bytes32 internal constant SALT = "abono.1";

    bytes32 internal constant PLAN_MANAGER_ID = "PlanManager";
    bytes32 internal constant SUBSCRIPTION_MANAGER_ID = "SubscriptionManager";
    bytes32 internal constant PAYMENT_GATEWAY_ID = "PaymentGateway";
    bytes32 internal constant MARKETPLACE_ID = "Marketplace";

    /// @inheritdoc IDeploy
    function deploy(Config memory config) public returns (Deployment memory deployment) {
        bytes[7] memory codes = _initCodes(config);
        address[7] memory found;
        for (uint256 i; i < codes.length; ++i) {
            found[i] = _deploy(codes[i]);
        }
        return _deployment(found);
    }

    /// @inheritdoc IDeploy
    function locate(Config memory config) public view returns (Deployment memory deployment) {
        bytes[7] memory codes = _initCodes(config);
        address[7] memory found;
        for (uint256 i; i < codes.length; ++i) {
            found[i] = _addressOf(codes[i]);
        }
        return _deployment(found);
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
        _register(core, MARKETPLACE_ID, address(deployment.marketplace));
        if (!_isFeeSet(deployment.gateway, config)) deployment.gateway.setFee(config.feeBps, config.feeReceiver);
        if (config.governor != config.admin) core.revokeRole(core.GOVERNOR_ROLE(), config.admin);
    }

    /// @inheritdoc IDeploy
    function verify(Deployment memory deployment, Config memory config) public {
        CoreSystem core = CoreSystem(address(deployment.core));
        _verifyCode(config);
        if (core.defaultAdmin() != config.admin) revert NotConfigured("admin");
        if (!core.hasRole(core.OPERATOR_ROLE(), config.operator)) revert NotConfigured("operator");
        if (!core.hasRole(core.AUTOMATION_ROLE(), config.automation)) revert NotConfigured("automation");
        if (!core.hasRole(core.GOVERNOR_ROLE(), config.governor)) revert NotConfigured("governor");
        if (config.governor != config.admin && core.hasRole(core.GOVERNOR_ROLE(), config.admin)) {
            revert NotConfigured("the admin still is governor");
        }
        if (!_isConfigured(deployment, config)) revert NotConfigured("services or fee");
    }

    /// @dev Runs each creation code once more, as if it were the code at its address, and compares what it answers with what
    ///      stands there. No CREATE2: that refuses an address that was used. CoreSystem's looks at its state, so it runs where
    ///      there is none; the others' may know their own address.
    function _verifyCode(Config memory config) private {
        bytes[7] memory codes = _initCodes(config);
        for (uint256 i; i < codes.length; ++i) {
            address target = _addressOf(codes[i]);
            bytes32 standing = target.codehash;
            if (target.code.length == 0) revert NotDeployed(target);

            uint256 snapshot = vm.snapshotState();
            address place = i == 0 ? address(bytes20(keccak256(codes[i]))) : target;
            vm.etch(place, codes[i]);
            (bool success, bytes memory runtime) = place.call("");
            bool equal = success && keccak256(runtime) == standing;
            vm.revertToState(snapshot);
            if (!equal) revert NotConfigured(string.concat("code of ", vm.toString(target)));
        }
    }

    /// @dev In the order in which each needs those before it.
    function _initCodes(Config memory config) private view returns (bytes[7] memory codes) {
        codes[0] = abi.encodePacked(type(CoreSystem).creationCode, abi.encode(config.adminDelay, config.admin));
        address core = _addressOf(codes[0]);
        codes[1] = type(SignatureVerifier).creationCode;
        address verifier = _addressOf(codes[1]);
        codes[2] = abi.encodePacked(type(PlanManager).creationCode, abi.encode(core, verifier));
        address plans = _addressOf(codes[2]);
        codes[3] = abi.encodePacked(type(PaymentGateway).creationCode, abi.encode(core));
        address gateway = _addressOf(codes[3]);
        codes[4] =
            abi.encodePacked(type(SubscriptionExtension).creationCode, abi.encode(core, plans, gateway, verifier));
        codes[5] = abi.encodePacked(
            type(SubscriptionManager).creationCode, abi.encode(core, plans, gateway, _addressOf(codes[4]))
        );
        codes[6] = abi.encodePacked(type(Marketplace).creationCode, abi.encode(gateway, verifier));
    }

    function _deployment(address[7] memory found) private pure returns (Deployment memory deployment) {
        deployment.core = CoreSystem(found[0]);
        deployment.verifier = SignatureVerifier(found[1]);
        deployment.plans = PlanManager(found[2]);
        deployment.gateway = PaymentGateway(found[3]);
        deployment.extension = found[4];
        deployment.subscriptions = ISubscriptionManager(found[5]);
        deployment.marketplace = Marketplace(found[6]);
    }

    function _addressOf(bytes memory code) private pure returns (address) {
        return vm.computeCreate2Address(SALT, keccak256(code), CREATE2_FACTORY);
    }

    function _deploy(bytes memory code) private returns (address deployed) {
        deployed = _addressOf(code);
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
            && deployment.core.serviceOf(MARKETPLACE_ID) == address(deployment.marketplace)
            && _isFeeSet(deployment.gateway, config);
    }
}
