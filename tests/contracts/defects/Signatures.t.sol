// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../Base.t.sol";
import {ContractWallet} from "../mocks/Wallets.sol";

/// @dev See README.md for what each number means.
contract SignatureDefectsTest is Base {
    function test_B15_aWalletThatIsAContractSignsPlans() external {
        ContractWallet wallet = new ContractWallet();
        IPlanManager.Plan memory plan = terms();
        plan.merchant = address(wallet);
        wallet.setDigest(plans.hashPlan(plan));
        bytes32 planHash = plans.createPlan(plan, "any", "");
        assertEq(plans.termsOf(planHash).merchant, address(wallet), "created by a relayer");
    }

    function test_B15_domainsHaveANameAndAVersion() external view {
        (, string memory name, string memory version, uint256 chainId, address contract_,,) =
            IERC5267(address(plans)).eip712Domain();
        assertEq(name, "Abono", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, 0, "a plan lists its chains itself");
        assertEq(contract_, address(plans), "contract");

        (, name, version, chainId, contract_,,) = manager.eip712Domain();
        assertEq(name, "Abono", "name of mandates");
        assertEq(version, "1", "version of mandates");
        assertEq(chainId, block.chainid, "a mandate is for one chain");
        assertEq(contract_, address(manager), "contract of mandates");
    }

    /// @dev The list of chains means something: one signature, one id, each chain of the list and no other.
    function test_B15_onePlanSignatureServesTheChainsItLists() external {
        IPlanManager.Plan memory plan = terms();
        plan.chainIds = new uint256[](2);
        (plan.chainIds[0], plan.chainIds[1]) = (block.chainid, 10);
        bytes memory signature = sign(plan, merchantKey);
        uint256 snapshot = vm.snapshotState();
        bytes32 here = plans.createPlan(plan, signature, "");
        vm.revertToState(snapshot);

        vm.chainId(10);
        assertEq(plans.createPlan(plan, signature, ""), here, "same id");
        vm.revertToState(snapshot);
        vm.chainId(11);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidChain.selector, 11));
        plans.createPlan(plan, signature, "");
    }

    function test_B15_theOtherSOfASignatureIsRefused() external {
        IPlanManager.Plan memory plan = terms();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(merchantKey, plans.hashPlan(plan));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? 28 : 27), "");
    }

    function test_L10_anOrderIsUsedOnceAndForWhatItSays() external {
        (address dave, uint256 key) = makeAddrAndKey("dave");
        fund(dave, 2 * PRICE);
        bytes32 planHash = createDefault();
        subscribe(planHash, dave);
        ISubscriptionTypes.Order memory order = ISubscriptionTypes.Order(planHash, dave, 7, START);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, manager.hashPause(order));
        bytes memory signature = abi.encodePacked(r, s, v);
        vm.expectRevert(ISubscriptionTypes.InvalidSignature.selector);
        manager.cancelBySig(order, signature);
        manager.pauseBySig(order, signature);
        vm.prank(dave);
        manager.resume(planHash);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, dave, 7));
        manager.pauseBySig(order, signature);
    }
}
