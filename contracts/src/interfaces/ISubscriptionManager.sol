// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISubscriptionCharging} from "./ISubscriptionCharging.sol";
import {ISubscriptionExtension} from "./ISubscriptionExtension.sol";

/// @title Subscriptions and their charges
///
/// @notice One slot per subscription, keyed by plan hash and subscriber. Pulls at most the plan's price once a period from
///         whoever subscribed, and only to the plan's merchant and the fee receiver.
///
/// @dev Schedule: `nextChargeAt` is the end of the paid time. A charge at `t >= nextChargeAt` pays the period
///      `[nextChargeAt + k * period, nextChargeAt + (k + 1) * period)` that contains `t`, and moves `nextChargeAt` to that
///      end. So due times stay on the anchor, a period is charged once, and missed periods are not billed.
///
///      Assumptions on the token (safety): `transferFrom` takes exactly the amount from the payer or reverts or answers
///      false. One that delivers less than it takes reverts a batch (`ReceivedLessThanCharged`); a single charge does not
///      measure, and what is missing is the loss of the merchant who chose the token. (liveness): one transfer needs at
///      most `TRANSFER_GAS`. Merchant and fee receiver can receive it; if not, their plans cannot be charged.
///      Assumption on the automation key: none for safety. Leaked, it can only charge what is due.
interface ISubscriptionManager is ISubscriptionCharging, ISubscriptionExtension {}
