// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";
import {
    BlocklistToken,
    FeeOnTransferToken,
    HeavyToken,
    PlainToken,
    ReentrantToken
} from "../../mocks/HostileTokens.sol";

contract ChargeBatchesTest is SubscriberBase {
    bytes32 private first;
    bytes32 private second;
    bytes32 private native;
    bytes32[] private hashes;
    bytes[] private members;

    function setUp() public override {
        super.setUp();
        first = createDefault();
        second = createWith(3 * PRICE, PERIOD);
        native = createNative();
        subscribe(first, alice);
        subscribe(first, bob);
        subscribe(second, alice);
        manager.depositNative{value: 3 ether}(carol);
        subscribe(native, carol);
        vm.warp(START + PERIOD);
    }

    function test_chargeBatches_chargesManyPlans() external {
        _add(first, abi.encodePacked(alice, bob, carol));
        _add(second, abi.encodePacked(alice));
        _add(native, abi.encodePacked(carol));
        uint256 next = manager.eventCount() + 1;
        vm.recordLogs();
        bytes[] memory outcomes = _charge();

        assertEq(outcomes.length, 3, "plans");
        assertEq(outcomes[0], hex"000007", "first");
        assertEq(outcomes[1], hex"00", "second");
        assertEq(outcomes[2], hex"00", "native");
        assertGapless(next);
        assertEq(token.balanceOf(merchant), 10 * PRICE - feeOf(10 * PRICE), "merchant");
        assertEq(merchant.balance, 2 * (1 ether - feeOf(1 ether)), "merchant, native");
        assertEq(token.balanceOf(address(manager)), 0, "nothing kept");
        assertEq(address(manager).balance, 1 ether, "the deposit's rest");
    }

    function test_chargeBatches_leavesOutAPlanWhoseMerchantIsBlocked() external {
        (BlocklistToken odd, bytes32 blocked) = _blocked();
        odd.setBlocked(merchant, true);
        uint256 before = odd.balanceOf(alice);
        _add(first, abi.encodePacked(alice));
        _add(blocked, abi.encodePacked(alice));
        _add(second, abi.encodePacked(alice));

        uint64 next = manager.eventCount() + 1;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.BatchFailed(blocked, ISubscriptionTypes.ChargeFailed.selector, next + 1);
        expectCharged(second, alice, next + 2, START + PERIOD, START + 2 * PERIOD, address(token), 3 * PRICE);
        bytes[] memory outcomes = _charge();

        assertEq(outcomes[0], hex"00", "before it");
        assertEq(outcomes[1], "", "nothing of it");
        assertEq(outcomes[2], hex"00", "after it");
        assertEq(manager.eventCount(), next + 2, "events");
        assertEq(odd.balanceOf(alice), before, "no payer of it paid");
        assertEq(stateOf(blocked, alice).chargeCount, 1, "not charged");
        assertEq(stateOf(blocked, alice).retries, 0, "no retry used");
    }

    function test_chargeBatches_tellsWhyOfEachFailure() external {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        bytes32 short = createIn(address(odd));
        vm.warp(START);
        _join(odd, short, alice);
        vm.warp(START + PERIOD);
        _add(short, abi.encodePacked(alice));
        _add(first, "");
        _add(first, new bytes(21));

        uint64 next = manager.eventCount() + 1;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.BatchFailed(short, ISubscriptionTypes.ReceivedLessThanCharged.selector, next);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.BatchFailed(first, ISubscriptionTypes.InvalidBatch.selector, next + 1);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.BatchFailed(first, ISubscriptionTypes.InvalidBatch.selector, next + 2);
        _charge();
    }

    function test_chargeBatches_reportsAPlanThatIsUnknown() external {
        _add("x", abi.encodePacked(alice));
        assertEq(_charge()[0], hex"01", "no plan");
    }

    function test_chargeBatches_chargesAPlanNamedTwiceOnce() external {
        _add(first, abi.encodePacked(alice));
        _add(first, abi.encodePacked(alice, bob));
        bytes[] memory outcomes = _charge();
        assertEq(outcomes[0], hex"00", "charged");
        assertEq(outcomes[1], hex"0200", "not twice");
    }

    function test_chargeBatches_byAnyoneOnlyAfterTheDelay() external {
        _add(first, abi.encodePacked(alice));
        vm.prank(bob);
        assertEq(manager.chargeBatches(hashes, members)[0], hex"02", "not yet public");
        vm.warp(START + PERIOD + 1 days);
        vm.prank(bob);
        assertEq(manager.chargeBatches(hashes, members)[0], hex"00", "public");
    }

    function testFuzz_chargeBatches_reverts_whenLengthsDiffer(uint8 planCount, uint8 memberCount) external {
        vm.assume(planCount != memberCount);
        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.LengthMismatch.selector, uint256(planCount), uint256(memberCount))
        );
        vm.prank(automation);
        manager.chargeBatches(new bytes32[](planCount), new bytes[](memberCount));
    }

    function test_chargeBatches_ofNone_doesNothing() external {
        uint64 before = manager.eventCount();
        assertEq(_charge().length, 0, "no plans");
        assertEq(manager.eventCount(), before, "no events");
    }

    /// @dev The same plans, together and one by one: same outcomes, money and states.
    function testFuzz_chargeBatches_equalsItsBatchesOneByOne(uint8 broken, uint256 late) external {
        vm.warp(START + PERIOD + bound(late, 0, 3 * uint256(PERIOD)));
        if (broken & 1 != 0) cancel(first, alice);
        if (broken & 2 != 0) pause(second, alice);
        if (broken & 4 != 0) shut(native);
        if (broken & 8 != 0) {
            vm.prank(bob);
            token.approve(address(manager), 0);
        }
        _add(first, abi.encodePacked(alice, bob));
        _add(second, abi.encodePacked(alice, bob));
        _add(native, abi.encodePacked(carol));

        uint256 snapshot = vm.snapshotState();
        bytes[] memory outcomes = _charge();
        bytes32 together = _state();
        vm.revertToState(snapshot);
        for (uint256 i; i < hashes.length; ++i) {
            assertEq(chargeBatch(hashes[i], members[i]), outcomes[i], "outcomes");
        }
        assertEq(_state(), together, "money and states");
    }

    /// @dev With too little gas for a settlement all is taken back; nothing is told to have failed.
    function testFuzz_chargeBatches_takesNoLackOfGasForAFailure(uint256 gasLimit, uint256 work) external {
        // Open: a settlement does not yet tell lack of gas from a transfer that fails.
        HeavyToken odd = new HeavyToken();
        bytes32 heavy = createIn(address(odd));
        bytes memory packed;
        vm.warp(START);
        for (uint256 i; i < 8; ++i) {
            address member = vm.addr(100 + i);
            _join(odd, heavy, member);
            packed = abi.encodePacked(packed, member);
        }
        vm.warp(START + PERIOD);
        odd.setWork(bound(work, 100_000, 180_000));
        _add(first, abi.encodePacked(alice, bob));
        _add(heavy, packed);

        vm.prank(automation);
        try manager.chargeBatches{gas: bound(gasLimit, 1_000_000, 2_500_000)}(hashes, members) returns (
            bytes[] memory outcomes
        ) {
            assertEq(outcomes[0], hex"0000", "light plan");
            assertEq(outcomes[1], new bytes(8), "heavy plan");
        } catch {
            assertEq(stateOf(first, alice).chargeCount, 1, "nothing charged");
            assertEq(stateOf(heavy, vm.addr(100)).retries, 0, "no retry used");
        }
    }

    /// @dev A token that calls back amid a batch finds the guard, and leaves no event that would take a number twice.
    function test_chargeBatches_fromWithinABatch_takesNoEventNumber() external {
        ReentrantToken odd = new ReentrantToken();
        bytes32 planHash = createIn(address(odd));
        vm.warp(START);
        _join(odd, planHash, alice);
        vm.warp(START + PERIOD);
        _add(first, abi.encodePacked(alice));
        odd.setCall(address(manager), abi.encodeCall(manager.chargeBatches, (hashes, members)));

        uint256 next = manager.eventCount() + 1;
        vm.recordLogs();
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"00", "charged");
        assertGapless(next);
        assertFalse(odd.succeeded(), "refused");
        assertEq(odd.answer(), abi.encodeWithSignature("ReentrancyGuardReentrantCall()"), "by the guard");
    }

    function _add(bytes32 planHash, bytes memory packed) private {
        hashes.push(planHash);
        members.push(packed);
    }

    function _charge() private returns (bytes[] memory) {
        vm.prank(automation);
        return manager.chargeBatches(hashes, members);
    }

    function _blocked() private returns (BlocklistToken odd, bytes32 planHash) {
        odd = new BlocklistToken();
        planHash = createIn(address(odd));
        vm.warp(START);
        _join(odd, planHash, alice);
        vm.warp(START + PERIOD);
    }

    function _join(PlainToken odd, bytes32 planHash, address account) private {
        odd.mint(account, 1000e6);
        vm.prank(account);
        odd.approve(address(manager), type(uint256).max);
        subscribe(planHash, account);
    }

    function _state() private view returns (bytes32 digest) {
        digest = keccak256(
            abi.encode(token.balanceOf(merchant), token.balanceOf(feeReceiver), merchant.balance, manager.eventCount())
        );
        address[3] memory accounts = [alice, bob, carol];
        for (uint256 i; i < hashes.length; ++i) {
            for (uint256 k; k < accounts.length; ++k) {
                digest = keccak256(abi.encode(digest, stateOf(hashes[i], accounts[k]), token.balanceOf(accounts[k])));
            }
        }
    }
}
