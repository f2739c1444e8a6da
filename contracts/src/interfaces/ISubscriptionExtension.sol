// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAllowanceTransfer} from "./IAllowanceTransfer.sol";
import {ISubscriptionTypes} from "./ISubscriptionTypes.sol";

/// @title Verbs of SubscriptionManager whose code stands in SubscriptionExtension
///
/// @notice Called at the manager's address like all others; the manager runs the extension's code on its own state. Which
///         code that is was fixed at deployment.
interface ISubscriptionExtension is ISubscriptionTypes {
    /// @notice As `subscribe`, after a Permit2 permit for this contract; charges then go through Permit2. An empty signature
    ///         uses the Permit2 allowance that is there; so does a permit that fails.
    function subscribeWithPermit2(
        bytes32 planHash,
        IAllowanceTransfer.PermitSingle calldata permit,
        bytes calldata signature
    ) external;

    /// @notice Begins a subscription on the terms of a mandate: for a subscriber who signed it (by anyone), or by the
    ///         subscriber (signature not looked at). Charges the first period, as `subscribe` does. With `replaces`, it
    ///         is a switch, as `switchPlan`.
    ///
    /// @param permit Empty, or an authorisation of the token: for `Rail.Allowance` `abi.encode(value, deadline, v, r, s)` of
    ///        an EIP-2612 permit; for `Rail.Permit2` `abi.encode(IAllowanceTransfer.PermitSingle, signature)`. One that
    ///        fails does not matter if the allowance is there.
    function subscribeBySig(Mandate calldata mandate, bytes calldata signature, bytes calldata permit) external;

    /// @notice `cancel` by the subscriber's signature (EIP-712 type `Cancel`), sent by anyone.
    function cancelBySig(Order calldata order, bytes calldata signature) external;
    /// @notice `pause` by the subscriber's signature (EIP-712 type `Pause`), sent by anyone.
    function pauseBySig(Order calldata order, bytes calldata signature) external;
    /// @notice `resume` by the subscriber's signature (EIP-712 type `Resume`), sent by anyone.
    function resumeBySig(Order calldata order, bytes calldata signature) external;
    /// @notice Makes nonces `word * 256 + i` of the caller unusable for each bit `i` of `mask`.
    function invalidateNonces(uint256 word, uint256 mask) external;

    /// @notice Stops charges of the caller's subscription until it is resumed. Time paid ahead is kept.
    function pause(bytes32 planHash) external;
    /// @notice Goes on: the end of the paid time moves by the length of the pause. What was due before the pause is due.
    function resume(bytes32 planHash) external;

    /// @notice Ends the caller's subscription to `fromPlan` and begins one to `toPlan` of the same merchant and token. Unused
    ///         paid time becomes time of the new plan at the two plans' rates, rounded down; where that is none, the first
    ///         period is charged. No trial. Rail, end and charges left stay; a subscription paid in another token needs a
    ///         mandate.
    function switchPlan(bytes32 fromPlan, bytes32 toPlan) external;

    /// @notice Operator ends a subscription.
    function cancelFor(bytes32 planHash, address subscriber) external;
    /// @notice Operator begins a subscription that was paid elsewhere, up to `paidUntil`, on the terms of a mandate that the
    ///         subscriber signed. At most one period from now.
    function activateManually(Mandate calldata mandate, bytes calldata signature, uint40 paidUntil) external;

    /// @notice `chargeBatch` for many plans. A plan that cannot be settled (its merchant cannot receive the token, say)
    ///         does not stop the others: its outcome is empty and `BatchFailed` tells why.
    ///
    /// @param subscribers For each plan, 20 bytes a member, back to back.
    function chargeBatches(bytes32[] calldata planHashes, bytes[] calldata subscribers)
        external
        returns (bytes[] memory outcomes);
    /// @notice Moves one period's price of a bounded subscription. Only this contract may call it, which it does within a
    ///         charge so that a failure takes back what moved.
    function collectBounded(bytes32 planHash, address subscriber)
        external
        returns (address token, uint256 gross, uint256 fee);

    function depositNative(address account) external payable;
    function withdrawNative(uint256 amount, address receiver) external;
    function claimCredit(address receiver) external;
    /// @notice Forgets the account cached as automation if CoreSystem no longer lists it. Anyone may call.
    function refreshAutomation() external;

    /// @notice EIP-712 domain of mandates and orders (ERC-5267): `{name, version, chainId, verifyingContract}`.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice Digests that a subscriber signs.
    function hashMandate(Mandate calldata mandate) external view returns (bytes32);
    function hashCancel(Order calldata order) external view returns (bytes32);
    function hashPause(Order calldata order) external view returns (bytes32);
    function hashResume(Order calldata order) external view returns (bytes32);
    /// @notice Used nonces: bit `i` of word `w` is nonce `w * 256 + i`.
    function nonceBitmap(address subscriber, uint256 word) external view returns (uint256);

    function subscriptionOf(bytes32 planHash, address subscriber) external view returns (Subscription memory);
    /// @notice Zero where the subscription is not `bounded`.
    function boundsOf(bytes32 planHash, address subscriber) external view returns (Bounds memory);
    function nativeDepositOf(address account) external view returns (uint256);
    function creditOf(address account) external view returns (uint256);
    /// @notice Seconds after the due time from which anyone may charge.
    function PUBLIC_DELAY() external view returns (uint40);
    /// @notice Seconds between a failed try and the next one.
    function RETRY_DELAY() external view returns (uint40);
    /// @notice Failed tries of one period after which the subscription ends.
    function MAX_RETRIES() external view returns (uint8);
    /// @notice Gas given to one token transfer at most.
    function TRANSFER_GAS() external view returns (uint256);
    function eventCount() external view returns (uint64);
    /// @notice Contracts that this one asks for roles, plans, quotes and signatures of wallets; fixed at deployment.
    function services() external view returns (address core, address plans, address gateway, address verifier);
}
