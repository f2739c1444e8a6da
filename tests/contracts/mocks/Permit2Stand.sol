// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAllowanceTransfer} from "../../../contracts/src/interfaces/IAllowanceTransfer.sol";

/// @dev As much of Permit2's AllowanceTransfer as the suites need, with its rules: amount, expiry, ordered nonces.
///      Etched at the canonical address.
contract Permit2Stand is IAllowanceTransfer {
    struct Allowed {
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    bytes32 private constant DETAILS_TYPEHASH =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant SINGLE_TYPEHASH = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );

    mapping(address owner => mapping(address token => mapping(address spender => Allowed))) public allowance;

    function approve(address token, address spender, uint160 amount, uint48 expiration) external {
        Allowed storage allowed = allowance[msg.sender][token][spender];
        (allowed.amount, allowed.expiration) = (amount, expiration);
    }

    function permit(address owner, PermitSingle memory single, bytes calldata signature) external {
        require(block.timestamp <= single.sigDeadline, "SignatureExpired");
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        require(ecrecover(hashOf(single), uint8(signature[64]), r, s) == owner, "InvalidSigner");
        Allowed storage allowed = allowance[owner][single.details.token][single.spender];
        require(allowed.nonce == single.details.nonce, "InvalidNonce");
        allowed.amount = single.details.amount;
        allowed.expiration = single.details.expiration == 0 ? uint48(block.timestamp) : single.details.expiration;
        ++allowed.nonce;
    }

    function transferFrom(address from, address to, uint160 amount, address token) external {
        Allowed storage allowed = allowance[from][token][msg.sender];
        require(block.timestamp <= allowed.expiration, "AllowanceExpired");
        if (allowed.amount != type(uint160).max) {
            require(amount <= allowed.amount, "InsufficientAllowance");
            allowed.amount -= amount;
        }
        require(IERC20(token).transferFrom(from, to, amount), "TRANSFER_FROM_FAILED");
    }

    function hashOf(PermitSingle memory single) public view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                address(this)
            )
        );
        bytes32 details = keccak256(abi.encode(DETAILS_TYPEHASH, single.details));
        bytes32 structHash = keccak256(abi.encode(SINGLE_TYPEHASH, details, single.spender, single.sigDeadline));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
