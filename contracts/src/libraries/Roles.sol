// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Role ids of CoreSystem
///
/// @notice Compiled into each contract, so that asking for a role costs one call and not two.
library Roles {
    bytes32 internal constant AUTHOR = keccak256("AUTHOR_ROLE");
    bytes32 internal constant OPERATOR = keccak256("OPERATOR_ROLE");
    bytes32 internal constant AUTOMATION = keccak256("AUTOMATION_ROLE");
    bytes32 internal constant GOVERNOR = keccak256("GOVERNOR_ROLE");
}
