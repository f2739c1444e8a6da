// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISubscriptionTypes} from "./ISubscriptionTypes.sol";

/// @title Verbs that stand in SubscriptionManager itself: the ones called most
interface ISubscriptionCharging is ISubscriptionTypes {
    /// @notice Subscribes the caller and charges the first period, unless the plan has a trial that the caller never had
    ///         or time paid before a cancellation is left.
    ///
    /// @dev Native plans: `msg.value` joins the caller's deposit first, and the charge is taken from it.
    function subscribe(bytes32 planHash) external payable;

    /// @notice As `subscribe`, after an EIP-2612 permit of `value` to this contract. A permit that fails (used already by
    ///         somebody else, say) does not matter if the allowance is there.
    function subscribeWithPermit(bytes32 planHash, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Ends the caller's subscription. Works whatever the state of plan and token. Paid time stays; a deposit is
    ///         withdrawn apart.
    function cancel(bytes32 planHash) external;

    /// @notice Charges one subscription; reverts with `ChargeFailed` where a batch would skip or schedule a retry.
    ///
    /// @dev AUTOMATION any time; anyone else once due for `PUBLIC_DELAY`.
    function charge(bytes32 planHash, address subscriber) external;

    /// @notice Charges many subscriptions of one plan; a member that cannot pay never stops the others.
    ///
    /// @dev AUTOMATION any time; anyone else only members due for `PUBLIC_DELAY`.
    ///
    /// @param subscribers 20 bytes each, back to back.
    /// @return outcomes One byte per member: a `Reason`, zero for charged.
    function chargeBatch(bytes32 planHash, bytes calldata subscribers) external returns (bytes memory outcomes);

    /// @notice Whose code runs for the verbs of ISubscriptionExtension; fixed at deployment.
    function extension() external view returns (address);
}
