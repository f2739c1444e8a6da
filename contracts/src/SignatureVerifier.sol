// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title SignatureVerifier
/// @notice See ISignatureVerifier.
contract SignatureVerifier is ISignatureVerifier {
    /// @inheritdoc ISignatureVerifier
    function isValidSignature(address signer, bytes32 digest, bytes calldata signature) external returns (bool) {
        if (!SignatureLib.isErc6492(signature)) {
            return SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
        }
        // Decoded in a call, so that a wrapping that is none is a refusal and not a revert.
        try this.unwrap(signature) returns (address factory, bytes memory factoryData, bytes memory inner) {
            if (signer.code.length == 0) _deploy(factory, factoryData);
            return SignatureChecker.isValidERC1271SignatureNow(signer, digest, inner);
        } catch {
            return false;
        }
    }

    /// @notice Parts of an ERC-6492 signature; reverts where it is none.
    function unwrap(bytes calldata signature)
        external
        pure
        returns (address factory, bytes memory factoryData, bytes memory inner)
    {
        return abi.decode(signature[:signature.length - 32], (address, bytes, bytes));
    }

    /// @dev Whether it worked is seen by whether the wallet then answers.
    function _deploy(address factory, bytes memory data) private {
        assembly ("memory-safe") {
            pop(call(gas(), factory, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }
}
