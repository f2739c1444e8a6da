// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../contracts/src/interfaces/IAllowanceTransfer.sol";

/// @dev Permit2's AllowanceTransfer as far as keys sign: its rules, errors and typed data, to be etched at its address.
///      https://github.com/Uniswap/permit2/blob/main/src/AllowanceTransfer.sol
contract MockPermit2 is IAllowanceTransfer {
    struct PackedAllowance {
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    error AllowanceExpired(uint256 deadline);
    error InsufficientAllowance(uint256 amount);
    error InvalidNonce();
    error InvalidSigner();
    error SignatureExpired(uint256 signatureDeadline);

    bytes32 private constant DETAILS_TYPEHASH =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant SINGLE_TYPEHASH = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );

    mapping(address owner => mapping(address token => mapping(address spender => PackedAllowance))) public allowance;

    function approve(address token, address spender, uint160 amount, uint48 expiration) external {
        _set(allowance[msg.sender][token][spender], amount, expiration);
    }

    function permit(address owner, PermitSingle memory single, bytes calldata signature) external {
        if (block.timestamp > single.sigDeadline) revert SignatureExpired(single.sigDeadline);
        bytes32 structHash = keccak256(
            abi.encode(
                SINGLE_TYPEHASH,
                keccak256(abi.encode(DETAILS_TYPEHASH, single.details)),
                single.spender,
                single.sigDeadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        address signer = ecrecover(digest, uint8(signature[64]), r, s);
        if (signer == address(0) || signer != owner) revert InvalidSigner();

        PackedAllowance storage allowed = allowance[owner][single.details.token][single.spender];
        if (allowed.nonce != single.details.nonce) revert InvalidNonce();
        allowed.nonce = single.details.nonce + 1;
        _set(allowed, single.details.amount, single.details.expiration);
    }

    /// @dev As solmate's SafeTransferLib, which takes an address without code for a token that works.
    function transferFrom(address from, address to, uint160 amount, address token) external {
        PackedAllowance storage allowed = allowance[from][token][msg.sender];
        if (block.timestamp > allowed.expiration) revert AllowanceExpired(allowed.expiration);
        if (allowed.amount != type(uint160).max) {
            if (amount > allowed.amount) revert InsufficientAllowance(allowed.amount);
            allowed.amount -= amount;
        }
        (bool success, bytes memory answer) =
            token.call(abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, amount));
        require(
            success && (answer.length == 0 || (answer.length > 31 && abi.decode(answer, (uint256)) == 1)),
            "TRANSFER_FROM_FAILED"
        );
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                address(this)
            )
        );
    }

    function _set(PackedAllowance storage allowed, uint160 amount, uint48 expiration) private {
        allowed.amount = amount;
        allowed.expiration = expiration == 0 ? uint48(block.timestamp) : expiration;
    }
}
