// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../Base.t.sol";

/// @dev Whole transactions: 21,000 base, calldata, execution, after refunds. Run by `script/gas`, which isolates every
///      call as a transaction of its own, so that state is cold as it is on a chain.
///
///      State: second or later period, OpenZeppelin ERC-20, 2.5 % fee, infinite allowances, no balance zero except that
///      of SubscriptionManager. The automation account was looked up within the last hour, but where a name says stale.
contract Benchmark is Base {
    uint256 private constant TX_GAS_LIMIT = 16_777_216;
    uint256 private constant LARGE_BATCH = 700;

    bytes32 private planHash;

    function setUp() public override {
        super.setUp();

        token.mint(merchant, 1);
        token.mint(feeReceiver, 1);
        planHash = createDefault();
        subscribe(planHash, bob);
    }

    function test_charge() external {
        subscribe(planHash, alice);
        _warm();

        vm.prank(automation);
        manager.charge(planHash, alice);
        uint256 used = _record("charge");

        assertLe(used, 75_000, "one charge");
    }

    function test_charge_staleAutomation() external {
        subscribe(planHash, alice);
        vm.warp(START + PERIOD);

        vm.prank(automation);
        manager.charge(planHash, alice);
        _record("charge, stale automation");
    }

    function test_chargeBatch_of100() external {
        bytes memory members = _members(100);
        _warm();

        vm.prank(automation);
        manager.chargeBatch(planHash, members);
        uint256 used = _record("chargeBatch of 100");

        assertLe(used, 100 * 21_000, "a hundred charges");
    }

    function test_chargeBatch_of700() external {
        bytes memory members = _members(LARGE_BATCH);
        _warm();

        vm.prank(automation);
        manager.chargeBatch{gas: TX_GAS_LIMIT - 21_000 - 20 * LARGE_BATCH * 16}(planHash, members);
        _record("chargeBatch of 700");
    }

    function test_subscribe_withFirstCharge() external {
        vm.prank(alice);
        manager.subscribe(planHash);
        uint256 used = _record("subscribe with first charge");

        assertLe(used, 95_000, "subscribe");
    }

    function test_cancel() external {
        vm.prank(bob);
        manager.cancel(planHash);
        _record("cancel");
    }

    function test_createPlan() external {
        IPlanManager.Plan memory plan = terms();

        vm.prank(merchant);
        plans.createPlan(plan, "", "ipfs://plan");
        uint256 used = _record("createPlan");

        assertLe(used, 85_000, "create plan");
    }

    function test_createPlan_bySignature() external {
        IPlanManager.Plan memory plan = terms();
        bytes memory signature = sign(plan, merchantKey);

        vm.prank(alice);
        plans.createPlan(plan, signature, "ipfs://plan");
        _record("createPlan by signature");
    }

    function _members(uint256 count) private returns (bytes memory members) {
        for (uint256 i; i < count; ++i) {
            address member = makeAddr(vm.toString(i));
            fund(member, 1000e6);
            subscribe(planHash, member);
            members = bytes.concat(members, bytes20(member));
        }
    }

    /// @dev Next period, automation known.
    function _warm() private {
        vm.warp(START + PERIOD);
        charge(planHash, bob);
    }

    function _record(string memory name) private returns (uint256 used) {
        used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("contracts", name, used);
    }
}
