// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {WalletBase} from "../../WalletBase.t.sol";
import {Bomb, FixedAnswer} from "../../mocks/SignatureWallets.sol";

contract IsValidSignatureTest is WalletBase {
    bytes32 private constant DIGEST = keccak256("digest");

    function test_isValidSignature_isWhatTheWalletSays() external {
        address wallet = deployWallet();

        assertTrue(signatureVerifier.isValidSignature(wallet, DIGEST, signDigest(DIGEST, ownerKey)), "accepted");
        assertFalse(
            signatureVerifier.isValidSignature(wallet, DIGEST, signDigest(DIGEST, merchantKey)), "of another key"
        );
        assertFalse(
            signatureVerifier.isValidSignature(wallet, keccak256("x"), signDigest(DIGEST, ownerKey)), "another digest"
        );
        assertFalse(signatureVerifier.isValidSignature(wallet, DIGEST, ""), "empty");
    }

    function test_isValidSignature_isNotAKeysMatter() external {
        assertFalse(signatureVerifier.isValidSignature(owner, DIGEST, signDigest(DIGEST, ownerKey)), "no contract");
    }

    function test_isValidSignature_takesNothingButTheMagicValue() external {
        bytes4 magic = IERC1271.isValidSignature.selector;

        assertTrue(_answers(abi.encode(magic), false), "the magic value");
        assertFalse(_answers(abi.encode(magic), true), "reverted with it");
        assertFalse(_answers(abi.encodePacked(magic), false), "cut");
        assertFalse(_answers(abi.encode(uint256(uint32(magic))), false), "at the other end");
        assertFalse(_answers(abi.encode(true), false), "true");
        assertFalse(_answers(abi.encodePacked(magic, bytes28(uint224(1))), false), "dirty");
        assertFalse(_answers("", false), "nothing");
        assertFalse(_answers("refused", true), "a reason");
    }

    function test_isValidSignature_copiesNoBomb() external {
        address bomb = address(new Bomb());
        uint256 gasBefore = gasleft();
        assertFalse(signatureVerifier.isValidSignature(bomb, DIGEST, hex"01"), "a wallet");
        uint256 used = gasBefore - gasleft();

        // 1,000,000 bytes of memory, once: 3 gas a word and the square of the words / 512.
        uint256 words = 31_250;
        assertLt(used, words * 3 + words * words / 512 + 100_000, "not copied");

        gasBefore = gasleft();
        assertFalse(signatureVerifier.isValidSignature(alice, DIGEST, wrap(bomb, "", "")), "a factory");
        assertLt(gasBefore - gasleft(), words * 3 + words * words / 512 + 100_000, "not copied either");
    }

    function test_isValidSignature_deploysTheWallet() external {
        bytes memory inner = signDigest(DIGEST, ownerKey);
        assertEq(counterfactual.code.length, 0, "not deployed");

        assertTrue(signatureVerifier.isValidSignature(counterfactual, DIGEST, wrap(inner)), "deployed and asked");
        assertGt(counterfactual.code.length, 0, "stays");
        assertTrue(
            signatureVerifier.isValidSignature(counterfactual, DIGEST, wrap(inner)), "wrapped, of a deployed one"
        );
        assertTrue(signatureVerifier.isValidSignature(counterfactual, DIGEST, inner), "bare");
        assertEq(factory.calls(), 1, "factory called once");
        assertFalse(signatureVerifier.isValidSignature(counterfactual, keccak256("x"), wrap(inner)), "another digest");
    }

    function test_isValidSignature_isFalse_whenTheFactoryDeploysNoSuchWallet() external {
        bytes memory inner = signDigest(DIGEST, ownerKey);
        bytes memory call = abi.encodeCall(factory.deploy, (owner));

        assertFalse(signatureVerifier.isValidSignature(alice, DIGEST, wrap(inner)), "another wallet");
        assertFalse(signatureVerifier.isValidSignature(alice, DIGEST, wrap(bob, call, inner)), "no factory");
        assertFalse(
            signatureVerifier.isValidSignature(alice, DIGEST, wrap(address(factory), "", inner)), "factory reverts"
        );
        assertFalse(
            signatureVerifier.isValidSignature(
                alice,
                DIGEST,
                wrap(address(new FixedAnswer(abi.encode(IERC1271.isValidSignature.selector), false)), call, inner)
            ),
            "a factory's answer is not the wallet's"
        );
    }

    function testFuzz_isValidSignature_isFalse_whenWrappingIsAnything(bytes calldata wrapped) external {
        assertFalse(signatureVerifier.isValidSignature(alice, DIGEST, bytes.concat(wrapped, MAGIC)), "no code");
    }

    /// @dev One word of a good wrapping replaced, and cut anywhere: whatever it says, an answer and no revert.
    function testFuzz_isValidSignature_answers_whenWrappingIsMalformed(uint256 position, uint256 word, uint256 size)
        external
    {
        address wallet = deployWallet();
        bytes memory wrapped = abi.encode(address(factory), hex"01", signDigest(DIGEST, ownerKey));
        position = bound(position, 0, wrapped.length / 32 - 1);
        assembly {
            mstore(add(add(wrapped, 0x20), mul(position, 0x20)), word)
            mstore(wrapped, mod(size, add(mload(wrapped), 1)))
        }

        signatureVerifier.isValidSignature(wallet, DIGEST, bytes.concat(wrapped, MAGIC));
    }

    function test_isValidSignature_isFalse_whenWrappingIsMalformed() external {
        address wallet = deployWallet();
        bytes memory inner = signDigest(DIGEST, ownerKey);
        uint256 dirty = uint256(uint160(address(factory))) | 1 << 160;

        _refused(wallet, "");
        _refused(wallet, hex"01");
        _refused(wallet, new bytes(95));
        _refused(wallet, abi.encode(dirty, bytes(""), inner));
        _refused(wallet, abi.encode(factory, type(uint256).max, 0x60));
        _refused(wallet, abi.encode(factory, 0x40, type(uint256).max));
        _refused(wallet, abi.encode(factory, 0x61, 0x60, 0));
        _refused(wallet, abi.encode(factory, 0x60, 0x60, type(uint256).max));
        _refused(wallet, abi.encode(factory, 0x60, 0x60, 1));
        _refused(wallet, abi.encode(factory, 0x60, 0x80, 0, 33));
    }

    function test_isValidSignature_takesNoCoin() external {
        bytes memory call = abi.encodeCall(signatureVerifier.isValidSignature, (alice, DIGEST, ""));
        (bool success,) = address(signatureVerifier).call{value: 1}(call);
        assertFalse(success, "with a call");
        (success,) = address(signatureVerifier).call{value: 1}("");
        assertFalse(success, "without");
    }

    function _refused(address wallet, bytes memory wrapped) private {
        assertFalse(signatureVerifier.isValidSignature(wallet, DIGEST, bytes.concat(wrapped, MAGIC)), "refused");
    }

    function _answers(bytes memory answer, bool reverts) private returns (bool) {
        return signatureVerifier.isValidSignature(address(new FixedAnswer(answer, reverts)), DIGEST, hex"01");
    }
}
