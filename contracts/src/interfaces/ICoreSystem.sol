// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Roles and the register of services
///
/// @notice Who may do what (OpenZeppelin AccessControl with a two-step, delayed admin), and where the current version of
///         each contract stands. It cannot move money or touch an approval.
interface ICoreSystem {
    event ServiceRegistered(bytes32 indexed serviceId, address indexed service, address indexed previous);

    error InvalidService(bytes32 serviceId, address service);
    error NoChange(bytes32 serviceId);

    /// @notice Governor points `serviceId` to a contract; the previous one stays what it is.
    function registerService(bytes32 serviceId, address service) external;

    function serviceOf(bytes32 serviceId) external view returns (address);
    function hasRole(bytes32 role, address account) external view returns (bool);
    function AUTHOR_ROLE() external view returns (bytes32);
    function OPERATOR_ROLE() external view returns (bytes32);
    function AUTOMATION_ROLE() external view returns (bytes32);
    function GOVERNOR_ROLE() external view returns (bytes32);
}
