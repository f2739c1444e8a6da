// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Test} from "forge-std/Test.sol";

import {ICoreSystem} from "../../contracts/src/interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "../../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../../contracts/src/interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "../../contracts/src/interfaces/ISignatureVerifier.sol";
import {ISubscriptionManager} from "../../contracts/src/interfaces/ISubscriptionManager.sol";
import {ISubscriptionTypes} from "../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {IDeploy} from "../../script/IDeploy.sol";
import {ITestToken} from "./mocks/ITestToken.sol";

/// @dev Everything deployed and configured by the deployment script, one 6-decimals token, one merchant, one subscriber.
abstract contract Base is Test {
    uint96 internal constant PRICE = 10e6;
    uint32 internal constant PERIOD = 30 days;
    uint16 internal constant FEE_BPS = 250;
    uint256 internal constant START = 1_800_000_000;

    /// @dev The deployment script, which is also the admin.
    IDeploy internal deployer;
    ICoreSystem internal core;
    IPlanManager internal plans;
    IPaymentGateway internal gateway;
    ISubscriptionManager internal manager;
    ISignatureVerifier internal signatureVerifier;
    ITestToken internal token;

    address internal merchant;
    uint256 internal merchantKey;
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal operator = makeAddr("operator");
    address internal automation = makeAddr("automation");
    address internal governor = makeAddr("governor");
    address internal feeReceiver = makeAddr("fee receiver");

    uint256 private _salt;

    function setUp() public virtual {
        vm.warp(START);
        (merchant, merchantKey) = makeAddrAndKey("merchant");

        // By name and not by `new`: the contracts are compiled by the IR pipeline, which takes too long for the tests.
        deployer = IDeploy(vm.deployCode("Deploy.s.sol:Deploy"));
        IDeploy.Deployment memory deployment = deployer.deploy(config());
        deployer.configure(deployment, config());
        deployer.verify(deployment, config());
        core = deployment.core;
        plans = deployment.plans;
        gateway = deployment.gateway;
        manager = deployment.subscriptions;
        signatureVerifier = deployment.verifier;

        token = ITestToken(vm.deployCode("TestToken.sol:TestToken", abi.encode("Test Dollar", "TUSD", 6)));
        fund(alice, 1_000_000e6);
        fund(bob, 1_000_000e6);
    }

    function config() internal view returns (IDeploy.Config memory) {
        return IDeploy.Config({
            admin: address(deployer),
            adminDelay: 1 days,
            operator: operator,
            automation: automation,
            governor: governor,
            feeReceiver: feeReceiver,
            feeBps: FEE_BPS
        });
    }

    function revokeAutomation() internal {
        bytes32 role = core.AUTOMATION_ROLE();
        vm.prank(address(deployer));
        IAccessControl(address(core)).revokeRole(role, automation);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(manager), type(uint256).max);
    }

    /// @dev Terms that are valid on this chain; each call gives another plan.
    function terms() internal returns (IPlanManager.Plan memory plan) {
        plan = IPlanManager.Plan({
            chainIds: new uint256[](1),
            merchant: merchant,
            token: address(token),
            price: PRICE,
            period: PERIOD,
            trial: 0,
            maxFeeBps: 1000,
            salt: ++_salt,
            expiry: 0
        });
        plan.chainIds[0] = block.chainid;
    }

    function create(IPlanManager.Plan memory plan) internal returns (bytes32) {
        vm.prank(plan.merchant);
        return plans.createPlan(plan, "", "ipfs://plan");
    }

    function createDefault() internal returns (bytes32) {
        return create(terms());
    }

    function createNative() internal returns (bytes32) {
        IPlanManager.Plan memory plan = terms();
        plan.token = address(0);
        plan.price = 1 ether;
        return create(plan);
    }

    function subscribe(bytes32 planHash, address subscriber) internal {
        vm.prank(subscriber);
        manager.subscribe(planHash);
    }

    function charge(bytes32 planHash, address subscriber) internal {
        vm.prank(automation);
        manager.charge(planHash, subscriber);
    }

    function chargeBatch(bytes32 planHash, bytes memory members) internal returns (bytes memory) {
        vm.prank(automation);
        return manager.chargeBatch(planHash, members);
    }

    function sign(IPlanManager.Plan memory plan, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, plans.hashPlan(plan));
        return abi.encodePacked(r, s, v);
    }

    function feeOf(uint256 amount) internal pure returns (uint256) {
        return amount * FEE_BPS / 10_000;
    }

    function receiptOf(uint256 sequence, uint256 start, uint256 end, uint256 gross) internal pure returns (uint256) {
        return sequence << 192 | start << 144 | end << 96 | gross;
    }

    function settlementOf(address receiver, uint256 fee) internal pure returns (uint256) {
        return uint256(uint160(receiver)) << 96 | fee;
    }

    function stateOf(bytes32 planHash, address subscriber)
        internal
        view
        returns (ISubscriptionTypes.Subscription memory)
    {
        return manager.subscriptionOf(planHash, subscriber);
    }
}
