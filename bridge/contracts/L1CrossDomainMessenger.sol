// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CrossDomainMessenger} from "../../executor/genesis/contracts/CrossDomainMessenger.sol";
import {Portal} from "./Portal.sol";

/// @title L1CrossDomainMessenger
contract L1CrossDomainMessenger is CrossDomainMessenger {
    address private constant L2_MESSENGER = 0x4200000000000000000000000000000000000007;

    Portal public immutable PORTAL;

    constructor(Portal portal) {
        PORTAL = portal;
        otherMessenger = L2_MESSENGER;
    }

    function paused() public view override returns (bool) {
        return PORTAL.paused();
    }

    function _send(uint64 gasLimit, uint256 value, bytes memory data) internal override {
        PORTAL.depositTransaction{value: value}(otherMessenger, value, gasLimit, false, data);
    }

    function _isFromOther() internal view override returns (bool) {
        return msg.sender == address(PORTAL) && PORTAL.l2Sender() == otherMessenger;
    }

    function _isTrusting(address target) internal view override returns (bool) {
        return target == address(PORTAL);
    }
}
