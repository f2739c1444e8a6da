// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deploy} from "../../script/Deploy.s.sol";
import {Base} from "./Base.t.sol";

contract DeployTest is Base {
    function test_deploy_givesEqualAddressesOnTwoChains() external {
        Deploy.Config memory other = config();
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
        Deploy.Deployment memory again = deployer.deploy(config());
        deployer.configure(again, config());
        deployer.verify(again, config());

        assertEq(address(again.subscriptions), address(manager), "same contract");
        assertEq(gateway.eventCount(), events, "nothing set twice");
    }

    function test_configure_leavesTheAdminWithoutTheGovernorRole() external view {
        assertFalse(core.hasRole(core.GOVERNOR_ROLE(), address(deployer)), "lent for the configuration only");
    }

    function test_verify_reverts_whenAnythingDiffers() external {
        Deploy.Deployment memory deployment = deployer.deploy(config());
        Deploy.Config memory other = config();
        other.operator = bob;
        vm.expectRevert(abi.encodeWithSelector(Deploy.NotConfigured.selector, "operator"));
        deployer.verify(deployment, other);

        other = config();
        other.feeBps = 1;
        vm.expectRevert(abi.encodeWithSelector(Deploy.NotConfigured.selector, "services or fee"));
        deployer.verify(deployment, other);
    }
}
