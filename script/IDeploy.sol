// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICoreSystem} from "../contracts/src/interfaces/ICoreSystem.sol";
import {IMarketplace} from "../contracts/src/interfaces/IMarketplace.sol";
import {IPaymentGateway} from "../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../contracts/src/interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "../contracts/src/interfaces/ISignatureVerifier.sol";
import {ISubscriptionManager} from "../contracts/src/interfaces/ISubscriptionManager.sol";

/// @title What the deployment script offers to tests
interface IDeploy {
    struct Config {
        address admin;
        uint48 adminDelay;
        address operator;
        address automation;
        address governor;
        address feeReceiver;
        uint16 feeBps;
    }

    struct Deployment {
        ICoreSystem core;
        IPlanManager plans;
        IPaymentGateway gateway;
        ISubscriptionManager subscriptions;
        ISignatureVerifier verifier;
        IMarketplace marketplace;
        /// @dev Whose code SubscriptionManager runs for its rarer verbs.
        address extension;
    }

    error AdminMustBroadcast(address admin, address broadcaster);
    error NotConfigured(string what);
    error NotDeployed(address expected);

    /// @notice Deploys what does not stand yet. Broadcasts nothing by itself, so tests call it too.
    function deploy(Config memory config) external returns (Deployment memory deployment);
    /// @notice Grants roles, registers services and sets the fee. The admin takes the governor role for as long as that
    ///         needs.
    function configure(Deployment memory deployment, Config memory config) external;
    /// @notice Where everything stands, or would.
    function locate(Config memory config) external view returns (Deployment memory deployment);
    /// @notice Reverts unless everything stands, has the code that we would deploy, and is set as `config` says.
    function verify(Deployment memory deployment, Config memory config) external;
}
