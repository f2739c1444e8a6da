// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {ISubscriptionTypes} from "../interfaces/ISubscriptionTypes.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @title What subscribers sign
///
/// @notice Their domain has a chain id, unlike that of plans and listings: a mandate spends money of one chain.
library MandateLib {
    /// @dev ERC-5267 bits of `name`, `version`, `chainId` and `verifyingContract`.
    bytes1 internal constant DOMAIN_FIELDS = hex"0f";

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant MANDATE_TYPEHASH = keccak256(
        "Mandate(bytes32 planHash,bytes32 replaces,address subscriber,address paymentToken,uint8 rail,uint96 maxAmount,uint24 maxCharges,uint40 endsAt,uint256 nonce,uint256 deadline)"
    );
    bytes32 internal constant CANCEL_TYPEHASH =
        keccak256("Cancel(bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline)");
    bytes32 internal constant PAUSE_TYPEHASH =
        keccak256("Pause(bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline)");
    bytes32 internal constant RESUME_TYPEHASH =
        keccak256("Resume(bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline)");

    function domainSeparator() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPEHASH,
                keccak256(bytes(SignatureLib.NAME)),
                keccak256(bytes(SignatureLib.VERSION)),
                block.chainid,
                address(this)
            )
        );
    }

    function digest(ISubscriptionTypes.Mandate calldata mandate) internal view returns (bytes32) {
        // All fields are static, so the struct's encoding is that of its fields in their order.
        bytes32 structHash = keccak256(bytes.concat(MANDATE_TYPEHASH, abi.encode(mandate)));
        return MessageHashUtils.toTypedDataHash(domainSeparator(), structHash);
    }

    /// @param typeHash `CANCEL_TYPEHASH`, `PAUSE_TYPEHASH` or `RESUME_TYPEHASH`.
    function digest(ISubscriptionTypes.Order calldata order, bytes32 typeHash) internal view returns (bytes32) {
        bytes32 structHash = keccak256(bytes.concat(typeHash, abi.encode(order)));
        return MessageHashUtils.toTypedDataHash(domainSeparator(), structHash);
    }
}
