// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {Roles} from "./libraries/Roles.sol";

/// @title CoreSystem
/// @notice See ICoreSystem.
contract CoreSystem is ICoreSystem, AccessControlDefaultAdminRules {
    /// @inheritdoc ICoreSystem
    bytes32 public constant AUTHOR_ROLE = Roles.AUTHOR;
    /// @inheritdoc ICoreSystem
    bytes32 public constant OPERATOR_ROLE = Roles.OPERATOR;
    /// @inheritdoc ICoreSystem
    bytes32 public constant AUTOMATION_ROLE = Roles.AUTOMATION;
    /// @inheritdoc ICoreSystem
    bytes32 public constant GOVERNOR_ROLE = Roles.GOVERNOR;

    /// @inheritdoc ICoreSystem
    mapping(bytes32 serviceId => address) public serviceOf;

    /// @param adminDelay Seconds between the start and the acceptance of a change of the admin.
    /// @param admin First holder of the admin role, which grants and revokes all others.
    constructor(uint48 adminDelay, address admin) AccessControlDefaultAdminRules(adminDelay, admin) {}

    /// @inheritdoc ICoreSystem
    function registerService(bytes32 serviceId, address service) external onlyRole(GOVERNOR_ROLE) {
        address previous = serviceOf[serviceId];
        if (service == previous) revert NoChange(serviceId);
        if (service.code.length == 0) revert InvalidService(serviceId, service);

        serviceOf[serviceId] = service;

        emit ServiceRegistered(serviceId, service, previous);
    }

    /// @inheritdoc ICoreSystem
    function hasRole(bytes32 role, address account)
        public
        view
        override(AccessControl, IAccessControl, ICoreSystem)
        returns (bool)
    {
        return super.hasRole(role, account);
    }
}
