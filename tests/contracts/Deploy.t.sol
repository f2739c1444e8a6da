// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../contracts/src/interfaces/IPlanManager.sol";
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

    /// @dev Each chain from before our contracts stood there, deployed by the same script.
    function test_deploy_letsOneSignatureCreateAPlanOnThreeChainsAndOnNoFourth() external {
        IDeploy.Config memory other = config();
        other.admin = alice;
        uint256[4] memory chains = [uint256(1), 10, 8453, 42_161];
        IPlanManager.Plan memory plan = terms();
        plan.chainIds = new uint256[](3);
        for (uint256 i; i < 3; ++i) {
            plan.chainIds[i] = chains[i];
        }
        address expected = address(deployer.locate(other).plans);
        assertEq(expected.code.length, 0, "stands nowhere yet");
        bytes memory signature;
        bytes32 planHash;
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < 4; ++i) {
            vm.revertToState(snapshot);
            vm.chainId(chains[i]);
            plans = deployer.deploy(other).plans;
            assertEq(address(plans), expected, "same address");
            if (i == 0) (planHash, signature) = (plans.hashPlan(plan), sign(plan, merchantKey));
            if (i == 3) vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidChain.selector, chains[3]));
            bytes32 created = plans.createPlan(plan, signature, "ipfs://plan");
            if (i == 3) break;
            assertEq(created, planHash, "same hash");
            assertEq(plans.termsOf(planHash).price, PRICE, "stands");
        }
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
