// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeploy} from "../../script/IDeploy.sol";
import {Base} from "./Base.t.sol";

contract DeployTest is Base {
    function test_deploy_givesEqualAddressesOnTwoChains() external {
        IDeploy.Config memory other = config();
        other.admin = alice;
        uint256 snapshot = vm.snapshotState();

        vm.chainId(1);
        bytes32 first = keccak256(abi.encode(deployer.deploy(other)));
        vm.revertToState(snapshot);
        vm.chainId(8453);
        assertEq(keccak256(abi.encode(deployer.deploy(other))), first, "addresses");
    }

    function test_deploy_andConfigure_mayRunAgain() external {
        uint64 events = gateway.eventCount();
        IDeploy.Deployment memory again = deployer.deploy(config());
        deployer.configure(again, config());
        deployer.verify(again, config());

        assertEq(address(again.subscriptions), address(manager), "same contract");
        assertEq(gateway.eventCount(), events, "nothing set twice");
    }

    function test_configure_leavesTheAdminWithoutTheGovernorRole() external view {
        assertFalse(core.hasRole(core.GOVERNOR_ROLE(), address(deployer)), "lent for the configuration only");
    }

    function test_verify_reverts_whenAnythingDiffers() external {
        IDeploy.Deployment memory deployment = deployer.deploy(config());
        IDeploy.Config memory other = config();
        other.operator = bob;
        vm.expectRevert(abi.encodeWithSelector(IDeploy.NotConfigured.selector, "operator"));
        deployer.verify(deployment, other);

        other = config();
        other.feeBps = 1;
        vm.expectRevert(abi.encodeWithSelector(IDeploy.NotConfigured.selector, "services or fee"));
        deployer.verify(deployment, other);
    }
}
