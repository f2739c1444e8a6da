// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title SignatureVerifier
/// @notice See ISignatureVerifier.
contract SignatureVerifier is ISignatureVerifier {
    uint256 private constant WORD = 32;

    /// @inheritdoc ISignatureVerifier
    function isValidSignature(address signer, bytes32 digest, bytes calldata signature) external returns (bool) {
        if (!SignatureLib.isErc6492(signature)) {
            return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
        }

        bytes calldata wrapped = signature[:signature.length - WORD];
        (bool isFactory, uint256 factory) = _wordAt(wrapped, 0);
        (bool isCall, bytes calldata factoryCalldata) = _bytesAt(wrapped, WORD);
        (bool isInner, bytes calldata inner) = _bytesAt(wrapped, 2 * WORD);
        if (!isFactory || factory > type(uint160).max || !isCall || !isInner) return false;

        // A wallet that stands is asked and its factory is not: there is nothing to deploy.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (signer.code.length == 0) _callAndForget(address(uint160(factory)), factoryCalldata);

        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, inner);
    }

    /// @dev Whether it worked shows in whether the wallet then answers. Nothing that comes back is copied.
    function _callAndForget(address target, bytes calldata data) private {
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, data.offset, data.length)
            pop(call(gas(), target, 0, start, data.length, 0, 0))
        }
    }

    // What follows decodes as `abi.decode` does, but answers where that reverts.

    function _bytesAt(bytes calldata data, uint256 position) private pure returns (bool success, bytes calldata found) {
        found = data[:0];
        uint256 offset;
        uint256 length;
        (success, offset) = _wordAt(data, position);
        if (success) (success, length) = _wordAt(data, offset);
        if (!success || length > data.length - offset - WORD) return (false, found);

        found = data[offset + WORD:offset + WORD + length];
    }

    function _wordAt(bytes calldata data, uint256 position) private pure returns (bool success, uint256 word) {
        if (data.length < WORD || position > data.length - WORD) return (false, 0);

        return (true, uint256(bytes32(data[position:])));
    }
}
