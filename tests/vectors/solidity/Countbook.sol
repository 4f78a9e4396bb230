// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// A small book of counts with events, a read, and a revert with a reason.
contract Countbook {
    mapping(address => uint256) public counts;
    address public immutable owner;

    event Counted(address indexed who, uint256 indexed step, uint256 total);
    error StepTooLarge(uint256 step, uint256 most);

    constructor() {
        owner = msg.sender;
    }

    function add(uint256 step) external returns (uint256 total) {
        require(step > 0, "step must be above zero");
        if (step > 100) revert StepTooLarge(step, 100);
        total = counts[msg.sender] += step;
        emit Counted(msg.sender, step, total);
    }
}
