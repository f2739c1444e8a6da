// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "../../../../contracts/src/interfaces/ISignatureVerifier.sol";
import {WalletBase} from "../../WalletBase.t.sol";
import {Bomb, FixedAnswer} from "../../mocks/SignatureWallets.sol";
import {ContractWallet} from "../../mocks/Wallets.sol";

contract WalletsTest is WalletBase {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_createPlan_succeeds_byAWalletNotDeployedYet() external {
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();

        bytes32 planHash = plans.createPlan(plan, wrap(inner), "");
        assertEq(plans.termsOf(planHash).merchant, counterfactual, "merchant");
        assertGt(counterfactual.code.length, 0, "deployed on the way");
    }

    function test_createPlan_succeeds_byADeployedWalletWithAWrappedSignature() external {
        deployWallet();
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();

        plans.createPlan(plan, wrap(inner), "");
        assertEq(factory.calls(), 1, "factory not called again");
        (plan, inner) = walletTerms();
        plans.createPlan(plan, inner, "");
    }

    function test_createPlan_reverts_whenTheFactoryIsNotTheWallets() external {
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();
        bytes memory data = abi.encodeCall(factory.deploy, (alice));

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, wrap(address(factory), data, inner), "");
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, wrap(bob, data, inner), "");
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, inner, "");
    }

    function testFuzz_createPlan_reverts_whenWrappingIsMalformed(bytes calldata wrapped) external {
        (IPlanManager.Plan memory plan,) = walletTerms();
        bytes memory signature = bytes.concat(wrapped, MAGIC);

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, signature, "");
    }

    function test_createPlan_reverts_whenTheWalletRevertsOrBombs() external {
        IPlanManager.Plan memory plan = terms();
        plan.merchant = address(new FixedAnswer("refused", true));
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, hex"01", "");

        plan.merchant = address(new Bomb());
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, hex"01", "");
    }

    /// @dev The factory creates the very plan; what was looked at before would be written twice.
    function test_createPlan_reverts_whenTheWalletCreatesItMeanwhile() external {
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();
        bytes32 planHash = plans.hashPlan(plan);
        factory.setCall(address(plans), abi.encodeCall(plans.createPlan, (plan, inner, "inner")));

        bytes memory signature = wrap(inner);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.PlanAlreadyExists.selector, planHash));
        plans.createPlan(plan, signature, "outer");
        assertEq(plans.eventCount(), 0, "neither");
    }

    function test_createPlan_reverts_whenTheWalletReachesItsLimitMeanwhile() external {
        vm.prank(governor);
        plans.setMaxActivePlans(1);
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();
        (IPlanManager.Plan memory other, bytes memory otherInner) = walletTerms();
        factory.setCall(address(plans), abi.encodeCall(plans.createPlan, (other, otherInner, "")));

        bytes memory signature = wrap(inner);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, counterfactual, 1));
        plans.createPlan(plan, signature, "");
    }

    function test_createPlan_numbersWhatTheWalletCreatesMeanwhile() external {
        (IPlanManager.Plan memory plan, bytes memory inner) = walletTerms();
        (IPlanManager.Plan memory other, bytes memory otherInner) = walletTerms();
        factory.setCall(address(plans), abi.encodeCall(plans.createPlan, (other, otherInner, "")));

        _expectCreated(other, 1);
        _expectCreated(plan, 2);
        plans.createPlan(plan, wrap(inner), "");
        assertEq(plans.eventCount(), 2, "both");
    }

    function test_createPlan_succeeds_byADelegatedAccountEitherWay() external {
        vm.signAndAttachDelegation(address(new ContractWallet()), merchantKey);
        IPlanManager.Plan memory plan = terms();
        bytes memory byKey = sign(plan, merchantKey);
        ContractWallet(merchant).setDigest(bytes32(0));
        assertEq(merchant.code.length, 23, "delegated");
        plans.createPlan(plan, byKey, "");

        plan = terms();
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, hex"01", "");
        ContractWallet(merchant).setDigest(plans.hashPlan(plan));
        plans.createPlan(plan, hex"01", "");
    }

    function test_createPlan_reverts_onTheOtherSignatureOfTheSameKey() external {
        IPlanManager.Plan memory plan = terms();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(merchantKey, plans.hashPlan(plan));
        bytes memory high = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27);

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, high, "");
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, abi.encodePacked(r, s), "");
    }

    function test_createPlan_doesNotAskAboutAnAccountWithoutCode() external {
        IPlanManager.Plan memory plan = terms();
        vm.expectCall(address(signatureVerifier), bytes.concat(ISignatureVerifier.isValidSignature.selector), 0);
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, hex"01", "");
    }

    function _expectCreated(IPlanManager.Plan memory plan, uint64 sequence) private {
        bytes32 planHash = plans.hashPlan(plan);
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanCreated(planHash, counterfactual, address(token), PRICE, PERIOD, 0, 1000, sequence, "");
    }
}
