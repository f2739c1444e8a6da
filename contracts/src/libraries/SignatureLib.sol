// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IPlanManager} from "../interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "../interfaces/ISignatureVerifier.sol";

/// @title What merchants sign, and whether they did
library SignatureLib {
    string internal constant NAME = "Abono";
    string internal constant VERSION = "1";

    /// @dev ERC-5267 bits of `name`, `version` and `verifyingContract`; `chainId` (0x04) and `salt` (0x10) are not there.
    bytes1 internal constant DOMAIN_FIELDS = hex"0b";

    bytes32 private constant ERC6492_MAGIC = 0x6492649264926492649264926492649264926492649264926492649264926492;

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,address verifyingContract)");

    bytes32 internal constant PLAN_TYPEHASH = keccak256(
        "Plan(uint256[] chainIds,address merchant,address token,uint96 price,uint32 period,uint32 trial,uint16 maxFeeBps,uint256 salt,uint64 expiry)"
    );

    /// @notice Separator without chain id: one signature serves every chain on which `verifyingContract` has this address
    ///         and which the message itself lists.
    function domainSeparator(address verifyingContract) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(NAME)), keccak256(bytes(VERSION)), verifyingContract));
    }

    /// @notice EIP-712 digest of `plan`, which is also its id; reverts where a word is wider than its field.
    ///
    /// @dev What is signed after `chainIds` are the words of the calldata, in order; they are copied as a whole. Nothing is
    ///      allocated: `createPlan` pays for this.
    function planDigest(bytes32 separator, IPlanManager.Plan calldata plan) internal pure returns (bytes32 digest) {
        bytes32 typeHash = PLAN_TYPEHASH;
        uint256[] calldata chainIds = plan.chainIds;
        assembly ("memory-safe") {
            let data := mload(0x40)
            let size := shl(5, chainIds.length)
            calldatacopy(data, chainIds.offset, size)
            let chainsHash := keccak256(data, size)

            mstore(data, typeHash)
            mstore(add(data, 0x20), chainsHash)
            calldatacopy(add(data, 0x40), add(plan, 0x20), 0x100)
            let wide := or(shr(160, mload(add(data, 0x40))), shr(160, mload(add(data, 0x60)))) // merchant, token
            wide := or(wide, shr(96, mload(add(data, 0x80)))) // price
            wide := or(wide, shr(32, or(mload(add(data, 0xa0)), mload(add(data, 0xc0))))) // period, trial
            wide := or(wide, or(shr(16, mload(add(data, 0xe0))), shr(64, mload(add(data, 0x120))))) // maxFeeBps, expiry
            if wide { revert(0, 0) }

            let structHash := keccak256(data, 0x140)
            mstore(data, shl(240, 0x1901))
            mstore(add(data, 0x02), separator)
            mstore(add(data, 0x22), structHash)
            digest := keccak256(data, 0x42)
        }
    }

    /// @notice Whether `signer` signed `digest`: by its key, or as `verifier` finds out where it is a contract.
    ///
    /// @dev The key comes first also where there is code: an account that delegates by EIP-7702 keeps its key. The verifier
    ///      runs code of the signer's and of factories, which may call back: ask before any state is looked at.
    function isValid(ISignatureVerifier verifier, address signer, bytes32 digest, bytes calldata signature)
        internal
        returns (bool)
    {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;

        return (signer.code.length != 0 || isErc6492(signature)) && verifier.isValidSignature(signer, digest, signature);
    }

    /// @notice Whether it is wrapped for a wallet that may not be deployed yet. https://eips.ethereum.org/EIPS/eip-6492
    function isErc6492(bytes calldata signature) internal pure returns (bool) {
        return signature.length > 32 && bytes32(signature[signature.length - 32:]) == ERC6492_MAGIC;
    }
}
