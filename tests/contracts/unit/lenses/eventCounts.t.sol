// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EventCounts} from "../../../../contracts/src/lenses/EventCounts.sol";
import {Base} from "../../Base.t.sol";

contract EventCountsTest is Base {
    function test_eventCounts_areThoseOfTheContracts_andNoneOfNobody() external {
        create(terms());
        address[] memory emitters = new address[](3);
        (emitters[0], emitters[1], emitters[2]) = (address(plans), address(0xdead), address(gateway));

        uint256[] memory counts = ask(emitters);

        assertEq(counts.length, 3, "one answer each");
        assertEq(counts[0], plans.eventCount(), "plans");
        assertGt(counts[0], 0, "a plan was created");
        assertEq(counts[1], 0, "nobody");
        assertEq(counts[2], gateway.eventCount(), "gateway");
    }

    /// @dev What a constructor returns becomes the code of what it made.
    function ask(address[] memory emitters) private returns (uint256[] memory) {
        bytes memory creation = bytes.concat(type(EventCounts).creationCode, abi.encode(emitters));
        address made;
        assembly ("memory-safe") {
            made := create(0, add(creation, 0x20), mload(creation))
        }
        return abi.decode(made.code, (uint256[]));
    }
}
