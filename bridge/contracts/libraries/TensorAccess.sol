// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Guard, Operand, Operator} from "./Program.sol";

/// @title Addresses: digits, guards, strides
/// @notice Twin of executor/tensor/address.ts. What one output element reads through an operand is runs of adjacent elements
/// of one length, in the order of the reduction index.
library TensorAccess {
    /// @notice A run that is not read.
    uint256 internal constant DEAD = type(uint256).max;

    /// @notice Axes whose digits enumerate the runs, the output's included, and the length of a run.
    /// @dev Reduction axes are merged from the last on while all of the first `operands` operands read adjacent elements and no
    /// guard looks at the digit: so a run is live or dead as a whole.
    function runShape(Operator memory op, uint256 operands) internal pure returns (uint256 axes, uint256 length) {
        length = 1;
        axes = op.extents.length;
        while (axes > op.outputAxes) {
            uint256 extent = op.extents[axes - 1];
            if (extent != 1 && !_isAdjacent(op, operands, axes - 1, length)) break;
            length *= extent;
            --axes;
        }
    }

    /// @notice First elements of the runs of output element `position`, DEAD where a guard does not hold.
    function runsOf(Operator memory op, Operand memory operand, uint256 position, uint256 axes)
        internal
        pure
        returns (uint256[] memory first)
    {
        unchecked {
            uint256[] memory digits = digitsOf(op, position);
            uint256 guards = operand.guards.length;
            // The address, then the guards' values.
            int256[] memory values = new int256[](guards + 1);
            int256[][] memory steps = new int256[][](guards + 1);
            values[0] = _affine(operand.base, operand.stride, digits);
            steps[0] = _steps(op, operand.stride, axes);
            for (uint256 g; g < guards; ++g) {
                Guard memory guard = operand.guards[g];
                values[g + 1] = _affine(guard.off, guard.coef, digits);
                steps[g + 1] = _steps(op, guard.coef, axes);
            }
            uint256 runs = 1;
            for (uint256 x = op.outputAxes; x < axes; ++x) {
                runs *= op.extents[x];
            }
            first = new uint256[](runs);
            for (uint256 t; t < runs; ++t) {
                first[t] = _isLive(operand.guards, values) ? uint256(values[0]) : DEAD;
                if (t + 1 == runs) break;
                uint256 x = _increment(op, digits, axes);
                for (uint256 f; f <= guards; ++f) {
                    values[f] += steps[f][x];
                }
            }
        }
    }

    /// @notice Digits of an output index, last axis fastest, and zeros for the reduction axes.
    function digitsOf(Operator memory op, uint256 position) internal pure returns (uint256[] memory digits) {
        unchecked {
            digits = new uint256[](op.extents.length);
            for (uint256 x = op.outputAxes; x > 0; --x) {
                uint256 extent = op.extents[x - 1];
                digits[x - 1] = position % extent;
                position /= extent;
            }
        }
    }

    function _isAdjacent(Operator memory op, uint256 operands, uint256 axis, uint256 length)
        private
        pure
        returns (bool)
    {
        for (uint256 j; j < operands; ++j) {
            Operand memory operand = op.operands[j];
            if (operand.stride[axis] != int256(length)) return false;
            for (uint256 g; g < operand.guards.length; ++g) {
                if (operand.guards[g].coef[axis] != 0) return false;
            }
        }
        return true;
    }

    /// @dev For each axis: what is added where its digit grows by one and those behind it fall to zero.
    function _steps(Operator memory op, int256[] memory coefficients, uint256 axes)
        private
        pure
        returns (int256[] memory steps)
    {
        unchecked {
            steps = new int256[](axes);
            int256 behind;
            for (uint256 x = axes; x > op.outputAxes; --x) {
                int256 coefficient = coefficients[x - 1];
                steps[x - 1] = coefficient - behind;
                behind += coefficient * int256(op.extents[x - 1] - 1);
            }
        }
    }

    /// @dev To the next reduction index; the axis whose digit grew. There is a next one.
    function _increment(Operator memory op, uint256[] memory digits, uint256 axes) private pure returns (uint256 x) {
        unchecked {
            x = axes - 1;
            while (digits[x] + 1 == op.extents[x]) {
                digits[x] = 0;
                --x;
            }
            ++digits[x];
        }
    }

    function _affine(int256 sum, int256[] memory coefficients, uint256[] memory digits) private pure returns (int256) {
        unchecked {
            for (uint256 x; x < coefficients.length; ++x) {
                sum += coefficients[x] * int256(digits[x]);
            }
            return sum;
        }
    }

    function _isLive(Guard[] memory guards, int256[] memory values) private pure returns (bool) {
        unchecked {
            for (uint256 g; g < guards.length; ++g) {
                // A negative value is a large one.
                if (uint256(values[g + 1]) >= guards[g].limit) return false;
            }
            return true;
        }
    }
}
