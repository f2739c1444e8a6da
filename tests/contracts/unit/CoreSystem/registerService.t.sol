// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICoreSystem} from "../../../../contracts/src/interfaces/ICoreSystem.sol";
import {Base} from "../../Base.t.sol";

contract RegisterServiceTest is Base {
    function test_registerService_emits() external {
        vm.expectEmit(true, true, true, true, address(core));
        emit ICoreSystem.ServiceRegistered("PlanManager", address(token), address(plans));
        vm.prank(governor);
        core.registerService("PlanManager", address(token));
        assertEq(core.serviceOf("PlanManager"), address(token), "service");
    }

    function test_registerService_reverts_onBadArguments() external {
        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(ICoreSystem.NoChange.selector, bytes32("PlanManager")));
        core.registerService("PlanManager", address(plans));
        vm.expectRevert(abi.encodeWithSelector(ICoreSystem.InvalidService.selector, bytes32("PlanManager"), alice));
        core.registerService("PlanManager", alice);
        vm.stopPrank();

        bytes32 role = core.GOVERNOR_ROLE();
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, role));
        vm.prank(alice);
        core.registerService("PlanManager", address(token));
    }

    function test_admin_movesByAcceptanceAfterTheDelay() external {
        vm.prank(address(deployer));
        _admin().beginDefaultAdminTransfer(alice);

        vm.warp(START + 1 days);
        vm.expectRevert();
        vm.prank(alice);
        _admin().acceptDefaultAdminTransfer();

        vm.warp(START + 1 days + 1);
        vm.prank(alice);
        _admin().acceptDefaultAdminTransfer();
        assertEq(_admin().defaultAdmin(), alice, "admin");
    }

    function _admin() private view returns (IAccessControlDefaultAdminRules) {
        return IAccessControlDefaultAdminRules(address(core));
    }
}
