// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";
import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";
import {AddressAlias} from "./libraries/AddressAlias.sol";

/// @title L2CrossDomainMessenger, predeploy 0x4200000000000000000000000000000000000007
contract L2CrossDomainMessenger is CrossDomainMessenger {
    IL2ToL1MessagePasser private constant PASSER = IL2ToL1MessagePasser(0x4200000000000000000000000000000000000016);

    function _send(uint64 gasLimit, uint256 value, bytes memory data) internal override {
        PASSER.initiateWithdrawal{value: value}(otherMessenger, gasLimit, data);
    }

    function _isFromOther() internal view override returns (bool) {
        return msg.sender == AddressAlias.toL2(otherMessenger);
    }

    function _isTrusting(address target) internal pure override returns (bool) {
        return target == address(PASSER);
    }
}
