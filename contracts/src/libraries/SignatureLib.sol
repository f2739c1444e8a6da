// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

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

    /// @notice EIP-712 digest of `plan`, which is also its id.
    function planDigest(bytes32 separator, IPlanManager.Plan calldata plan) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                PLAN_TYPEHASH,
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
        return MessageHashUtils.toTypedDataHash(separator, structHash);
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
