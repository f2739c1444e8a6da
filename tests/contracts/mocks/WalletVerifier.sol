// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {ISignatureVerifier} from "../../../contracts/src/interfaces/ISignatureVerifier.sol";

/// @dev ERC-1271 and no more. The call is no static one, so that a wallet may call back as one under ERC-6492 may.
contract WalletVerifier is ISignatureVerifier {
    function isValidSignature(address signer, bytes32 digest, bytes calldata signature) external returns (bool) {
        (bool success, bytes memory answer) =
            signer.call(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return
            success && answer.length >= 32
                && abi.decode(answer, (bytes32)) == bytes32(IERC1271.isValidSignature.selector);
    }
}
