// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {console} from "forge-std/console.sol";

import {CoreSystem} from "../contracts/src/CoreSystem.sol";
import {Networks} from "./Networks.sol";

/// @title Gives the roles to wallets of their own
///
/// @notice For each network of a networks file: grants AUTHOR, OPERATOR, AUTOMATION and GOVERNOR to the new wallets, revokes
///         them from the old ones, and offers the admin role to the new admin, who accepts it after the delay with
///         `acceptAll`. `script/hand-over` runs it; without `--broadcast` nothing is sent.
///
///         Environment: ABONO_CORE_SYSTEM (its address, equal on every chain), ABONO_NEW_AUTHOR, ABONO_NEW_OPERATOR,
///         ABONO_NEW_AUTOMATION, ABONO_NEW_GOVERNOR, ABONO_NEW_ADMIN (absent: that role stays as it is), ABONO_OLD_WALLETS
///         (comma-separated; default: the broadcaster). The broadcaster must be the admin.
contract HandOver is Networks {
    struct Role {
        string name;
        bytes32 id;
        address holder;
    }

    error NotAdmin(string network, address admin, address broadcaster);
    error NotHandedOver(string role, address account);
    error SameWallet(string first, string second, address wallet);

    /// @notice Hands over on every network of `file`.
    function runAll(string calldata file) external {
        CoreSystem core = CoreSystem(vm.envAddress("ABONO_CORE_SYSTEM"));
        Network[] memory list = networks(file);
        address broadcaster = broadcasterOf();
        for (uint256 i; i < list.length; ++i) {
            enter(list[i]);
            if (core.defaultAdmin() != broadcaster) {
                revert NotAdmin(list[i].name, core.defaultAdmin(), broadcaster);
            }
            Role[4] memory roles = _roles(core);
            address[] memory old = _oldWallets(broadcaster);
            console.log(list[i].name);
            startBroadcast();
            for (uint256 r; r < roles.length; ++r) {
                _handOver(core, roles[r], old);
            }
            _offerAdmin(core);
            vm.stopBroadcast();
            for (uint256 r; r < roles.length; ++r) {
                _check(core, roles[r], old);
            }
        }
    }

    /// @notice The new admin takes what was offered, once the delay is over.
    function acceptAll(string calldata file) external {
        CoreSystem core = CoreSystem(vm.envAddress("ABONO_CORE_SYSTEM"));
        Network[] memory list = networks(file);
        address broadcaster = broadcasterOf();
        for (uint256 i; i < list.length; ++i) {
            enter(list[i]);
            if (core.defaultAdmin() == broadcaster) continue;
            startBroadcast();
            core.acceptDefaultAdminTransfer();
            vm.stopBroadcast();
            console.log(string.concat(list[i].name, ": admin is ", vm.toString(broadcaster)));
        }
    }

    function _handOver(CoreSystem core, Role memory role, address[] memory old) private {
        if (role.holder == address(0)) return;
        // Granted before it is revoked, so that there is no moment without a holder.
        if (!core.hasRole(role.id, role.holder)) {
            core.grantRole(role.id, role.holder);
            console.log(string.concat("  grant  ", role.name, " ", vm.toString(role.holder)));
        }
        for (uint256 i; i < old.length; ++i) {
            if (old[i] == role.holder || !core.hasRole(role.id, old[i])) continue;
            core.revokeRole(role.id, old[i]);
            console.log(string.concat("  revoke ", role.name, " ", vm.toString(old[i])));
        }
    }

    function _offerAdmin(CoreSystem core) private {
        address next = vm.envOr("ABONO_NEW_ADMIN", address(0));
        if (next == address(0) || next == core.defaultAdmin()) return;
        (address pending,) = core.pendingDefaultAdmin();
        if (pending == next) return;

        core.beginDefaultAdminTransfer(next);
        (, uint48 acceptableAt) = core.pendingDefaultAdmin();
        console.log(
            string.concat("  offer  ADMIN ", vm.toString(next), ", to be accepted after ", vm.toString(acceptableAt))
        );
    }

    function _check(CoreSystem core, Role memory role, address[] memory old) private view {
        if (role.holder == address(0)) return;
        if (!core.hasRole(role.id, role.holder)) revert NotHandedOver(role.name, role.holder);
        for (uint256 i; i < old.length; ++i) {
            if (old[i] != role.holder && core.hasRole(role.id, old[i])) revert NotHandedOver(role.name, old[i]);
        }
    }

    function _roles(CoreSystem core) private view returns (Role[4] memory roles) {
        roles[0] = Role("AUTHOR", core.AUTHOR_ROLE(), vm.envOr("ABONO_NEW_AUTHOR", address(0)));
        roles[1] = Role("OPERATOR", core.OPERATOR_ROLE(), vm.envOr("ABONO_NEW_OPERATOR", address(0)));
        roles[2] = Role("AUTOMATION", core.AUTOMATION_ROLE(), vm.envOr("ABONO_NEW_AUTOMATION", address(0)));
        roles[3] = Role("GOVERNOR", core.GOVERNOR_ROLE(), vm.envOr("ABONO_NEW_GOVERNOR", address(0)));
        // A wallet with two roles loses both with one key.
        for (uint256 i; i < roles.length; ++i) {
            for (uint256 j; j < i; ++j) {
                if (roles[i].holder != address(0) && roles[i].holder == roles[j].holder) {
                    revert SameWallet(roles[j].name, roles[i].name, roles[i].holder);
                }
            }
        }
    }

    function _oldWallets(address broadcaster) private view returns (address[] memory) {
        address[] memory only = new address[](1);
        only[0] = broadcaster;
        return vm.envOr("ABONO_OLD_WALLETS", ",", only);
    }
}
