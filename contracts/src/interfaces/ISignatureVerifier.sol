// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Signatures of wallets that are contracts
///
/// @notice Holds nothing and has no rights: it is the caller of the factory that an ERC-6492 signature names, so that no
///         contract with approvals ever makes a call that a stranger composed.
interface ISignatureVerifier {
    /// @notice Whether `signer` accepts `signature` of `digest`: ERC-1271, and ERC-6492 for a wallet not deployed yet, which
    ///         this deploys.
    function isValidSignature(address signer, bytes32 digest, bytes calldata signature) external returns (bool);
}
