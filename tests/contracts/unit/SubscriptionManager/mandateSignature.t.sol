// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";
import {ContractWallet} from "../../mocks/Wallets.sol";

/// @dev Whose signature of a mandate holds, where, until when and how often.
contract MandateSignatureTest is SubscriberBase {
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 private planHash;
    bytes private invalidSignature = abi.encodeWithSelector(ISubscriptionTypes.InvalidSignature.selector);

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function testFuzz_hashMandate_isTypedData(uint256[9] calldata seed, bool permit2) external view {
        ISubscriptionTypes.Mandate memory mandate = ISubscriptionTypes.Mandate({
            planHash: bytes32(seed[0]),
            replaces: bytes32(seed[1]),
            subscriber: address(uint160(seed[2])),
            paymentToken: address(uint160(seed[3])),
            rail: permit2 ? ISubscriptionTypes.Rail.Permit2 : ISubscriptionTypes.Rail.Allowance,
            maxAmount: uint96(seed[4]),
            maxCharges: uint24(seed[5]),
            endsAt: uint40(seed[6]),
            nonce: seed[7],
            deadline: seed[8]
        });
        assertEq(manager.hashMandate(mandate), _digest(mandate, block.chainid, address(manager)), "digest");
    }

    /// @dev Every field is signed: with any other value the signature is somebody else's.
    function testFuzz_subscribeBySig_reverts_whenAFieldIsChanged(uint256 field, uint256 value) external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        bytes32 signed = manager.hashMandate(mandate);

        field = bound(field, 0, 9);
        value = bound(value, 1, type(uint40).max);
        if (field == 0) mandate.planHash = createDefault();
        if (field == 1) mandate.replaces = bytes32(value);
        if (field == 2) mandate.subscriber = alice;
        if (field == 3) mandate.paymentToken = address(uint160(value));
        if (field == 4) mandate.rail = ISubscriptionTypes.Rail.Permit2;
        if (field == 5) mandate.maxAmount += uint96(value);
        if (field == 6) mandate.maxCharges = uint24(bound(value, 1, type(uint24).max));
        if (field == 7) mandate.endsAt = uint40(value);
        if (field == 8) mandate.nonce += value;
        if (field == 9) mandate.deadline += value;

        assertNotEq(manager.hashMandate(mandate), signed, "another digest");
        relayReverts(mandate, signature, invalidSignature);
    }

    function testFuzz_subscribeBySig_reverts_onAnothersSignature(uint256 key) external {
        key = bound(key, 1, CURVE_ORDER - 1);
        vm.assume(key != carolKey);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, manager.hashMandate(mandate));
        relayReverts(mandate, abi.encodePacked(r, s, v), invalidSignature);
    }

    function testFuzz_subscribeBySig_reverts_onGarbage(bytes memory garbage) external {
        relayReverts(mandateFor(planHash), garbage, invalidSignature);
    }

    function test_subscribeBySig_reverts_onTheOtherFormOfASignature() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(carolKey, manager.hashMandate(mandate));
        bytes memory mirrored = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27);
        relayReverts(mandate, mirrored, invalidSignature);
    }

    function testFuzz_subscribeBySig_reverts_onAnotherChain(uint64 chainId) external {
        vm.assume(chainId != 0 && chainId != block.chainid);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        vm.chainId(chainId);
        relayReverts(mandate, signature, invalidSignature);
    }

    function testFuzz_subscribeBySig_reverts_whenSignedForAnotherContract(address other) external {
        vm.assume(other != address(manager));
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = signDigest(_digest(mandate, block.chainid, other));
        relayReverts(mandate, signature, invalidSignature);
    }

    /// @dev The extension's own address is another contract, and a manager that nobody subscribed to.
    function test_subscribeBySig_reverts_whenSignedForTheExtension() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = signDigest(_digest(mandate, block.chainid, manager.extension()));
        relayReverts(mandate, signature, invalidSignature);
    }

    function testFuzz_subscribeBySig_holdsUpToItsDeadline(uint256 length) external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.deadline = START + bound(length, 0, 365 days);
        bytes memory signature = sign(mandate);

        vm.warp(mandate.deadline + 1);
        relayReverts(
            mandate, signature, abi.encodeWithSelector(ISubscriptionTypes.DeadlinePassed.selector, mandate.deadline)
        );
        vm.warp(mandate.deadline);
        relay(mandate, signature);
    }

    function testFuzz_subscribeBySig_usesItsNonceOnce(uint256 nonce, uint256 other) external {
        vm.assume(nonce != other);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.nonce = nonce;
        relay(mandate);
        assertEq(manager.nonceBitmap(carol, nonce >> 8), 1 << (nonce & 0xff), "the one bit");
        cancel(planHash, carol);

        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, nonce));
        mandate.nonce = other;
        relay(mandate);
    }

    function testFuzz_invalidateNonces_refusesThem(uint256 word, uint256 mask, uint8 bit) external {
        word = bound(word, 0, type(uint248).max);
        mask = mask | 1 << bit;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.NoncesInvalidated(carol, word, mask, 1);
        vm.prank(carol);
        manager.invalidateNonces(word, mask);
        assertEq(manager.nonceBitmap(carol, word), mask, "bits");

        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.nonce = word << 8 | bit;
        relayReverts(mandate, abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, mandate.nonce));
    }

    function test_invalidateNonces_concernsTheCallerOnly() external {
        vm.prank(alice);
        manager.invalidateNonces(0, type(uint256).max);
        relay(mandateFor(planHash));
    }

    function testFuzz_invalidateNonces_reverts_whenAllAreUsed(uint256 word, uint256 mask, uint256 part) external {
        vm.assume(mask != 0);
        vm.startPrank(carol);
        manager.invalidateNonces(word, mask);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, carol, word << 8));
        manager.invalidateNonces(word, mask & part);
        vm.stopPrank();
    }

    function test_subscribeBySig_takesTheSignatureOfAContract() external {
        ContractWallet wallet = new ContractWallet();
        fund(address(wallet), PRICE);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        mandate.subscriber = address(wallet);
        relayReverts(mandate, "", invalidSignature);

        wallet.setDigest(manager.hashMandate(mandate));
        relay(mandate, "");
        assertEq(stateOf(planHash, address(wallet)).chargeCount, 1, "charged");
    }

    /// @dev An account that runs code by EIP-7702 keeps its key.
    function test_subscribeBySig_takesTheKeyOfADelegatedAccount() external {
        ContractWallet wallet = new ContractWallet();
        vm.etch(carol, abi.encodePacked(hex"ef0100", wallet));
        relay(mandateFor(planHash));
        assertEq(stateOf(planHash, carol).chargeCount, 1, "charged");
    }

    function _digest(ISubscriptionTypes.Mandate memory mandate, uint256 chainId, address verifyingContract)
        private
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "Mandate(bytes32 planHash,bytes32 replaces,address subscriber,address paymentToken,uint8 rail,uint96 maxAmount,uint24 maxCharges,uint40 endsAt,uint256 nonce,uint256 deadline)"
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Abono"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        bytes memory fields = bytes.concat(
            abi.encode(typeHash, mandate.planHash, mandate.replaces, mandate.subscriber, mandate.paymentToken),
            abi.encode(uint8(mandate.rail), mandate.maxAmount, mandate.maxCharges, mandate.endsAt),
            abi.encode(mandate.nonce, mandate.deadline)
        );
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(fields)));
    }
}
