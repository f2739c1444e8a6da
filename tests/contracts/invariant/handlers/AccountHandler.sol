// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPermit2} from "../../Permit2.sol";
import {BlocklistToken} from "../../mocks/HostileTokens.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";
import {Refuser} from "../../mocks/Wallets.sol";
import {Ghost} from "../stores/Ghost.sol";
import {Handler} from "./Handler.sol";

/// @dev Deposits, credits and approvals of subscribers and merchants, the moods of receivers and tokens, and time.
contract AccountHandler is Handler {
    /// @dev Position of the plan in the token that blocks people.
    uint256 private constant HOSTILE = 6;

    constructor(Ghost ghost) Handler(ghost) {}

    function deposit(uint256 who, uint256 amount) external by(STRANGER) {
        address payer = _payer(who);
        amount = _bound(amount, 1, 3 ether);
        GHOST.give(address(0), STRANGER, amount);
        vm.prank(STRANGER);
        MANAGER.depositNative{value: amount}(payer);
        GHOST.moved(address(0), STRANGER, payer, amount);
        GHOST.count("deposit");
    }

    function withdraw(uint256 who, uint256 amount) external by(_payer(who)) {
        address payer = _payer(who);
        uint256 balance = MANAGER.nativeDepositOf(payer);
        if (balance == 0) return;

        amount = _bound(amount, 1, balance);
        vm.prank(payer);
        MANAGER.withdrawNative(amount, STRANGER);
        GHOST.moved(address(0), payer, STRANGER, amount);
        GHOST.count("withdrawal");
    }

    function claimCredit(uint256 who) external by(_anyone(who)) {
        address account = _anyone(who);
        uint256 credit = MANAGER.creditOf(account);
        vm.prank(account);
        try MANAGER.claimCredit(STRANGER) {
            GHOST.moved(address(0), account, STRANGER, credit);
            GHOST.count("credit claimed");
        } catch (bytes memory failure) {
            assertEq(credit, 0, "a credit is paid");
            GHOST.refused(failure);
        }
    }

    function approve(uint256 who, uint256 which, uint256 amount) external by(_payer(who)) {
        address payer = _payer(who);
        address token = _token(which);
        amount = amount % 8 == 0 ? 0 : amount % 8 == 1 ? _bound(amount >> 3, 0, 100e6) : NO_LIMIT;
        vm.prank(payer);
        ITestToken(token).approve(address(MANAGER), amount);
        GHOST.approved(token, payer, amount);
    }

    function approvePermit2(uint256 who, uint256 which, uint256 amount) external by(_payer(who)) {
        address payer = _payer(who);
        address token = _token(which);
        vm.startPrank(payer);
        ITestToken(token).approve(PERMIT2, amount % 8 == 0 ? 0 : NO_LIMIT);
        uint160 allowed = amount % 8 < 4 ? type(uint160).max : uint160(_bound(amount >> 3, 0, 100e6));
        uint48 expiration = uint48(GHOST.time() + _bound(amount >> 4, 1 days, 400 days));
        IPermit2(PERMIT2).approve(token, address(MANAGER), allowed, expiration);
        vm.stopPrank();
        GHOST.approvedPermit2(token, payer, allowed);
    }

    function earn(uint256 who, uint256 which, uint256 amount) external by(STRANGER) {
        (address token, address payer) = (_token(which), _payer(who));
        if (token == GHOST.tokens(3) && BlocklistToken(token).blocked(payer)) return;

        GHOST.give(token, payer, _bound(amount, 1, 100e6));
    }

    /// @dev A receiver of coin takes it, or does not.
    function setOpen(uint256 which, uint256 open) external by(STRANGER) {
        Refuser(payable(GHOST.merchants(1 + which % 2))).setOpen(open % 2 == 0);
    }

    /// @dev The token of the hostile plan refuses somebody, who may be a merchant.
    function setBlocked(uint256 who, uint256 blocked) external by(STRANGER) {
        bool merchant = who % 4 == 0;
        address account = merchant ? PLANS.termsOf(_plan(HOSTILE)).merchant : _anyone(who / 4);
        BlocklistToken(GHOST.tokens(3)).setBlocked(account, blocked % 6 == 0);
    }

    function pass(uint256 amount) external {
        GHOST.pass(amount % 2 == 0 ? _bound(amount, 1, 1 days) : _bound(amount, 1, 20 days));
    }

    function _token(uint256 which) private view returns (address) {
        (,, uint256 tokens,) = GHOST.counts();
        return GHOST.tokens(1 + which % (tokens - 1));
    }

    function _anyone(uint256 who) private view returns (address) {
        (,,, uint256 accounts) = GHOST.counts();
        return GHOST.accounts(who % accounts);
    }
}
