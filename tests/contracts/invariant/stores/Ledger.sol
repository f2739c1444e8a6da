// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {TransferLib} from "../../../../contracts/src/libraries/TransferLib.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";
import {World} from "./World.sol";

/// @dev What everybody should own: what was given at first, and what the charges that were announced moved. Coin counts
///      wherever it is: on the account, in its deposit, in its credit.
abstract contract Ledger is World {
    mapping(address token => mapping(address account => uint256)) public expectedOf;
    mapping(address token => mapping(address payer => uint256)) public expectedAllowanceOf;
    /// @dev What the manager may take by Permit2; its highest number for no limit.
    mapping(address token => mapping(address payer => uint256)) private _expectedPermit2Of;
    /// @dev As `expectedOf`, without the charges.
    mapping(address token => mapping(address account => int256)) private _suppliedOf;
    /// @dev What was charged, as announced.
    mapping(address token => uint256) private _charged;

    /// @dev Tokens or coin out of nowhere.
    function give(address token, address account, uint256 amount) external {
        expectedOf[token][account] += amount;
        _suppliedOf[token][account] += int256(amount);
        if (token == address(0)) vm.deal(account, account.balance + amount);
        else ITestToken(token).mint(account, amount);
    }

    /// @dev Somebody gave something away by an act of its own.
    function moved(address token, address from, address to, uint256 amount) external {
        expectedOf[token][from] -= amount;
        expectedOf[token][to] += amount;
        _suppliedOf[token][from] -= int256(amount);
        _suppliedOf[token][to] += int256(amount);
    }

    /// @dev A payer set what the manager may take.
    function approved(address token, address payer, uint256 amount) external {
        expectedAllowanceOf[token][payer] = amount;
    }

    function approvedPermit2(address token, address payer, uint160 amount) external {
        _expectedPermit2Of[token][payer] = amount;
    }

    function checkBalances() external view {
        for (uint256 i; i < accounts.length; ++i) {
            for (uint256 j; j < tokens.length; ++j) {
                assertEq(wealthOf(tokens[j], accounts[i]), expectedOf[tokens[j]][accounts[i]], "wealth");
            }
        }
    }

    /// @dev Measured on both sides, not added up from what was announced.
    function checkDebits() external view {
        for (uint256 i; i < tokens.length; ++i) {
            address token = tokens[i];
            int256 paid = -_gainOf(token, payers);
            assertEq(paid, _gainOf(token, merchants), "debits and credits");
            assertEq(paid, int256(_charged[token]), "debits and charges");
        }
    }

    function checkAllowances() external view {
        for (uint256 i; i < payers.length; ++i) {
            for (uint256 j = 1; j < tokens.length; ++j) {
                assertEq(
                    ITestToken(tokens[j]).allowance(payers[i], _spender()),
                    expectedAllowanceOf[tokens[j]][payers[i]],
                    "allowance"
                );
                (uint160 amount,,) = IAllowanceTransfer(TransferLib.PERMIT2).allowance(payers[i], tokens[j], _spender());
                assertEq(amount, _expectedPermit2Of[tokens[j]][payers[i]], "allowance by Permit2");
            }
        }
    }

    function checkManager() external view {
        address manager = address(_services.manager);
        for (uint256 j = 1; j < tokens.length; ++j) {
            assertEq(ITestToken(tokens[j]).balanceOf(manager), 0, "token kept by the manager");
        }
        uint256 owed;
        for (uint256 i; i < accounts.length; ++i) {
            owed += _services.manager.nativeDepositOf(accounts[i]) + _services.manager.creditOf(accounts[i]);
        }
        assertEq(manager.balance, owed, "deposits and credits");
    }

    function wealthOf(address token, address account) public view returns (uint256) {
        if (token != address(0)) return ITestToken(token).balanceOf(account);
        return account.balance + _services.manager.nativeDepositOf(account) + _services.manager.creditOf(account);
    }

    function _recordPayment(
        address token,
        address payer,
        address merchant,
        address feeReceiver,
        uint256 gross,
        uint256 fee
    ) internal {
        _charged[token] += gross;
        expectedOf[token][payer] -= gross;
        expectedOf[token][merchant] += gross - fee;
        if (fee == 0) return;
        expectedOf[token][feeReceiver] += fee;
    }

    /// @dev What they own beyond what they were given.
    function _gainOf(address token, address[] storage people) private view returns (int256 gain) {
        for (uint256 i; i < people.length; ++i) {
            gain += int256(wealthOf(token, people[i])) - _suppliedOf[token][people[i]];
        }
    }

    function _recordPermit2Used(address token, address payer, uint256 gross) internal {
        uint256 allowance = _expectedPermit2Of[token][payer];
        if (allowance == type(uint160).max) return;
        assertGe(allowance, gross, "allowance by Permit2");
        _expectedPermit2Of[token][payer] = allowance - gross;
    }

    /// @dev Whom payers approved.
    function _spender() internal view virtual returns (address) {
        return address(_services.manager);
    }

    function _recordAllowanceUsed(address token, address payer, uint256 gross) internal {
        uint256 allowance = expectedAllowanceOf[token][payer];
        if (allowance == type(uint256).max) return;
        assertGe(allowance, gross, "allowance");
        expectedAllowanceOf[token][payer] = allowance - gross;
    }
}
