// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../../Base.t.sol";
import {ContractWallet} from "../../mocks/Wallets.sol";

contract CreatePlanTest is Base {
    function test_createPlan_succeeds_byMerchant() external {
        IPlanManager.Plan memory plan = terms();
        bytes32 planHash = plans.hashPlan(plan);

        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.PlanCreated(planHash, merchant, address(token), PRICE, PERIOD, 0, 1000, 1, "ipfs://plan");
        assertEq(create(plan), planHash, "hash");

        IPlanManager.PlanTerms memory stored = plans.termsOf(planHash);
        assertEq(stored.merchant, merchant, "merchant");
        assertEq(stored.token, address(token), "token");
        assertEq(stored.price, PRICE, "price");
        assertEq(stored.period, PERIOD, "period");
        assertEq(stored.trial, 0, "trial");
        assertEq(stored.maxFeeBps, 1000, "fee bound");
        assertEq(uint8(stored.status), uint8(IPlanManager.PlanStatus.Active), "status");
        assertFalse(stored.frozen, "frozen");
        assertEq(plans.activePlansOf(merchant), 0, "no limit, no count");
        assertEq(plans.eventCount(), 1, "events");
    }

    function testFuzz_createPlan_storesTerms(uint96 price, uint32 period, uint32 trial, uint16 maxFeeBps) external {
        IPlanManager.Plan memory plan = terms();
        plan.price = uint96(bound(price, 1, type(uint96).max));
        plan.period = uint32(bound(period, 1 hours, type(uint32).max));
        plan.trial = trial;
        plan.maxFeeBps = uint16(bound(maxFeeBps, 0, 10_000));
        bytes32 planHash = create(plan);

        IPlanManager.PlanTerms memory stored = plans.termsOf(planHash);
        assertEq(stored.price, plan.price, "price");
        assertEq(stored.period, plan.period, "period");
        assertEq(stored.trial, trial, "trial");
        assertEq(stored.maxFeeBps, plan.maxFeeBps, "fee bound");
        (uint256 head, uint256 tail) = plans.rawTermSlots(planHash);
        assertEq(
            head,
            uint256(uint160(merchant)) | uint256(plan.period) << 160 | uint256(trial) << 192 | uint256(plan.maxFeeBps)
                << 224 | 1 << 240,
            "head word"
        );
        assertEq(tail, uint256(uint160(address(token))) | uint256(plan.price) << 160, "tail word");
    }

    function test_createPlan_succeeds_bySignature() external {
        IPlanManager.Plan memory plan = terms();
        bytes memory signature = sign(plan, merchantKey);

        vm.prank(alice);
        plans.createPlan(plan, signature, "");

        assertEq(plans.termsOf(plans.hashPlan(plan)).merchant, merchant, "merchant");
    }

    function test_createPlan_succeeds_byContractWallet() external {
        ContractWallet wallet = new ContractWallet();
        IPlanManager.Plan memory plan = terms();
        plan.merchant = address(wallet);

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, hex"01", "");

        wallet.setDigest(plans.hashPlan(plan));
        plans.createPlan(plan, hex"01", "");
    }

    function test_createPlan_succeeds_byKeyOfDelegatedAccount() external {
        IPlanManager.Plan memory plan = terms();
        bytes memory signature = sign(plan, merchantKey);
        vm.etch(merchant, abi.encodePacked(hex"ef0100", address(new ContractWallet())));

        plans.createPlan(plan, signature, "");
    }

    function test_createPlan_reverts_whenSignatureIsNotTheMerchants() external {
        IPlanManager.Plan memory plan = terms();
        (, uint256 otherKey) = makeAddrAndKey("other");
        bytes memory signature = sign(plan, otherKey);

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, signature, "");
        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, "", "");
    }

    function testFuzz_createPlan_reverts_whenSignedTermsAreChanged(uint96 price) external {
        IPlanManager.Plan memory plan = terms();
        bytes memory signature = sign(plan, merchantKey);
        plan.price = uint96(bound(price, 1, type(uint96).max));
        vm.assume(plan.price != PRICE);

        vm.expectRevert(IPlanManager.InvalidSignature.selector);
        plans.createPlan(plan, signature, "");
    }

    function test_createPlan_reverts_whenItExists() external {
        IPlanManager.Plan memory plan = terms();
        bytes32 planHash = create(plan);

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.PlanAlreadyExists.selector, planHash));
        create(plan);
    }

    function test_createPlan_succeeds_onEveryListedChain() external {
        IPlanManager.Plan memory plan = terms();
        plan.chainIds = new uint256[](2);
        (plan.chainIds[0], plan.chainIds[1]) = (31_337, 31_338);
        bytes memory signature = sign(plan, merchantKey);
        bytes32 planHash = plans.hashPlan(plan);

        uint256 snapshot = vm.snapshotState();
        plans.createPlan(plan, signature, "");
        vm.revertToState(snapshot);
        vm.chainId(31_338);
        assertEq(plans.createPlan(plan, signature, ""), planHash, "same hash");

        vm.revertToState(snapshot);
        vm.chainId(31_339);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidChain.selector, 31_339));
        plans.createPlan(plan, signature, "");
    }

    function test_createPlan_reverts_whenChainsAreNoneOrTooMany() external {
        IPlanManager.Plan memory plan = terms();
        plan.chainIds = new uint256[](0);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidChain.selector, block.chainid));
        create(plan);

        plan.chainIds = new uint256[](33);
        plan.chainIds[0] = block.chainid;
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.TooManyChains.selector, 33));
        create(plan);
    }

    function test_createPlan_reverts_whenTermsAreOutOfBounds() external {
        IPlanManager.Plan memory plan = terms();
        plan.price = 0;
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidPrice.selector, 0));
        create(plan);

        plan = terms();
        plan.period = 1 hours - 1;
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidPeriod.selector, 1 hours - 1));
        create(plan);

        plan = terms();
        plan.maxFeeBps = 10_001;
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidFee.selector, 10_001));
        create(plan);

        plan = terms();
        plan.merchant = address(0);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidMerchant.selector, address(0)));
        create(plan);

        plan = terms();
        plan.token = alice;
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.InvalidToken.selector, alice));
        create(plan);
    }

    function test_createPlan_reverts_afterExpiry() external {
        IPlanManager.Plan memory plan = terms();
        plan.expiry = uint64(START);
        create(plan);

        plan = terms();
        plan.expiry = uint64(START);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.PlanExpired.selector, START));
        create(plan);
    }

    function test_hashPlan_isTheEip712DigestWithoutChain() external {
        IPlanManager.Plan memory plan = terms();
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,address verifyingContract)"),
                keccak256("Abono"),
                keccak256("1"),
                address(plans)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Plan(uint256[] chainIds,address merchant,address token,uint96 price,uint32 period,uint32 trial,uint16 maxFeeBps,uint256 salt,uint64 expiry)"
                ),
                keccak256(abi.encodePacked(plan.chainIds)),
                plan.merchant,
                plan.token,
                plan.price,
                plan.period,
                plan.trial,
                plan.maxFeeBps,
                plan.salt,
                plan.expiry
            )
        );

        assertEq(plans.DOMAIN_SEPARATOR(), separator, "separator");
        assertEq(plans.hashPlan(plan), keccak256(abi.encodePacked(hex"1901", separator, structHash)), "digest");

        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier, bytes32 salt,) =
            IERC5267(address(plans)).eip712Domain();
        assertEq(fields, bytes1(0x0b), "fields");
        assertEq(name, "Abono", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, 0, "chain");
        assertEq(verifier, address(plans), "verifier");
        assertEq(salt, 0, "salt");
    }

    function test_createPlan_reverts_atTheLimit() external {
        vm.expectEmit(true, true, true, true, address(plans));
        emit IPlanManager.MaxActivePlansUpdated(1, 1);
        vm.prank(governor);
        plans.setMaxActivePlans(1);
        bytes32 first = createDefault();

        IPlanManager.Plan memory plan = terms();
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, merchant, 1));
        create(plan);

        vm.prank(merchant);
        plans.closePlan(first);
        create(plan);

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.ActivePlanLimitReached.selector, merchant, 1));
        vm.prank(merchant);
        plans.activatePlan(first);
    }

    function test_setMaxActivePlans_reverts_whenNotGovernorOrSame() external {
        vm.expectRevert(abi.encodeWithSelector(IPlanManager.Unauthorized.selector, alice));
        vm.prank(alice);
        plans.setMaxActivePlans(1);

        vm.expectRevert(abi.encodeWithSelector(IPlanManager.NoChange.selector, bytes32(0)));
        vm.prank(governor);
        plans.setMaxActivePlans(0);
    }
}
